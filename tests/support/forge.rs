//! Tokens that no server makes, signed with the key of one: what nothing but a look at header and claims can refuse.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use uuid::Uuid;
use veza::{
    adapter::crypto::DerivedKeys,
    port::crypto::{Kept, Vault},
};

use super::{database::on_database, server::Environment};

/// A key of a server, in hands that should not have it.
pub struct Forge {
    /// The id of the key.
    pub kid: String,
    pair: Ed25519KeyPair,
}

impl Forge {
    /// The newest key of a server with this environment.
    pub async fn of(environment: &Environment) -> Self {
        Self::from(environment.get("DATABASE_URL"), environment.get("JWT_SECRET")).await
    }

    /// The newest key in a database, opened with the secret of its server.
    pub async fn from(database_url: &str, secret: &str) -> Self {
        let (id, sealed) = on_database!(database_url, |connection| {
            let query = sqlx::query_as::<_, (Uuid, Vec<u8>)>(
                "SELECT id, sealed_private_key FROM signing_keys ORDER BY create_time DESC LIMIT 1",
            );
            query.fetch_one(&mut connection).await.expect("a key")
        });
        let vault = DerivedKeys::new(&secret.to_owned().into()).expect("keys");
        let private =
            vault.open(Kept::SigningKey, id.as_bytes(), &sealed).expect("the same secret");
        let pair = Ed25519KeyPair::from_pkcs8(&private).expect("a key pair");
        Self { kid: id.to_string(), pair }
    }

    /// A token of this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token of these texts, which need not be JSON.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{header}.{claims}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}
