//! What a provider of OpenID Connect signs with, and whether it has signed a token about somebody.

use std::collections::HashSet;

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Error, Result};

/// The algorithms that are taken: asymmetric ones, of which OpenID Connect Core demands the first (section 15.1).
const ALGORITHMS: [(Algorithm, KeyAlgorithm); 2] =
    [(Algorithm::RS256, KeyAlgorithm::RS256), (Algorithm::ES256, KeyAlgorithm::ES256)];

/// How far the clocks may be apart, in seconds.
const SKEW: u64 = 30;

/// The public keys of a provider (RFC 7517).
#[derive(Debug, Deserialize)]
pub struct KeySet {
    keys: Vec<Value>,
}

/// What a token must say to be about this sign-in.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client_id: &'a str,
    /// Which sign-in it is of.
    pub nonce: &'a str,
}

/// What a token says of somebody, as far as it matters.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Whom it is about.
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether it is theirs. Some providers have a text here, which says nothing.
    pub email_verified: Option<Value>,
    /// What they are called.
    pub preferred_username: Option<String>,
}

/// For whom a token is. Whether we are among them is checked with the signature.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    Many(Vec<String>),
    One(#[expect(dead_code, reason = "says only that it is one")] String),
}

/// Why a token was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// It may have been signed with a key that is newer than the set.
    UnknownKey,
    /// It is no good.
    Bad(Error),
}

fn bad(why: &str) -> Refusal {
    Refusal::Bad(Error::ProviderUntrusted(format!("the token about the person: {why}").into()))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps the error of a result")]
fn unfit(error: jsonwebtoken::errors::Error) -> Refusal {
    bad(&error.to_string())
}

impl KeySet {
    /// Reads a token (OpenID Connect Core, section 3.1.3.7).
    pub fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Claims, Refusal> {
        let header = decode_header(token).map_err(unfit)?;
        let algorithm = ALGORITHMS.into_iter().find(|(algorithm, _)| *algorithm == header.alg);
        let (algorithm, of_key) = algorithm.ok_or_else(|| bad("an algorithm that is not taken"))?;
        if header.crit.is_some() {
            return Err(bad("a critical field that is not known"));
        }
        let key = self.find(header.kid.as_deref(), of_key).ok_or(Refusal::UnknownKey)?;
        let mut validation = Validation::new(algorithm);
        validation.leeway = SKEW;
        validation.validate_nbf = true;
        validation.set_audience(&[expected.client_id]);
        validation.set_issuer(&[expected.issuer]);
        validation.required_spec_claims =
            HashSet::from(["exp", "iss", "aud", "sub"].map(str::to_owned));
        let claims = decode::<Claims>(token, &key, &validation).map_err(unfit)?.claims;
        claims.check(expected).map_err(bad)?;
        Ok(claims)
    }

    /// The key of this name and algorithm; of a token that names none, the only one of its algorithm.
    fn find(&self, id: Option<&str>, algorithm: KeyAlgorithm) -> Option<DecodingKey> {
        let keys = self.keys.iter().filter_map(|key| Jwk::deserialize(key).ok());
        let mut fitting = keys.filter(|key| {
            let common = &key.common;
            common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature)
                && common.key_algorithm.is_none_or(|it| it == algorithm)
                && fits(key, algorithm)
                && (id.is_none() || common.key_id.as_deref() == id)
        });
        let key = fitting.next()?;
        if id.is_none() && fitting.next().is_some() {
            return None;
        }
        DecodingKey::from_jwk(&key).ok()
    }
}

/// Whether a key is of the type that an algorithm has.
fn fits(key: &Jwk, algorithm: KeyAlgorithm) -> bool {
    use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), KeyAlgorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(curve), KeyAlgorithm::ES256) => {
            curve.curve == EllipticCurve::P256
        }
        _ => false,
    }
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), &'static str> {
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err("it is of another sign-in");
        }
        let is_for_us_alone = match &self.aud {
            Audience::One(_) => true,
            Audience::Many(all) => all.len() == 1,
        };
        let azp = self.azp.as_deref();
        if azp.is_some_and(|azp| azp != expected.client_id) || (azp.is_none() && !is_for_us_alone) {
            return Err("it is for somebody else");
        }
        if self.sub.trim().is_empty() { Err("it is about nobody") } else { Ok(()) }
    }
}
