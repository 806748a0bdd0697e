//! What is particular to signing in through others. The server has no provider, for one would know which way a browser came;
//! what providers do is played in tests/api/oauth.

use serde_json::json;

use super::super::stage::{Stage, UNKNOWN};
use crate::support::rpc::{
    BEGIN_OAUTH, COMPLETE_OAUTH, LINK_IDENTITY, LIST_IDENTITIES, UNLINK_IDENTITY,
};

pub async fn begin(stage: &mut Stage) {
    let request = json!({ "provider": "google", "return_to": "https://evil.example" });
    stage.nobody("a provider that there is not", BEGIN_OAUTH, request, "NOT_FOUND").await;
}

pub async fn complete(stage: &mut Stage) {
    for field in ["code", "state"] {
        let request = json!({ "provider": "google", field: "vzo_nonsense" });
        stage.nobody("a provider that there is not", COMPLETE_OAUTH, request, "NOT_FOUND").await;
    }
}

pub async fn list(stage: &mut Stage) {
    stage.ann("none", LIST_IDENTITIES, json!({}), "OK").await;
}

pub async fn link(stage: &mut Stage) {
    let request = json!({ "provider": "google" });
    stage.ann("a provider that there is not", LINK_IDENTITY, request, "NOT_FOUND").await;
    stage.ann("nothing", LINK_IDENTITY, json!({}), "INVALID_FIELDS").await;
}

pub async fn unlink(stage: &mut Stage) {
    stage.ann("one that nobody has", UNLINK_IDENTITY, json!({ "id": UNKNOWN }), "NOT_FOUND").await;
}
