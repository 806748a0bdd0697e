//! What is particular to the methods that services ask about others' tokens.

use serde_json::{Value, json};

use super::super::stage::Stage;
use crate::support::{
    app::text,
    client::Call,
    rpc::{LOGOUT, VALIDATE_TOKEN, WATCH_REVOCATIONS},
};

/// What Root is told about a token.
async fn told(stage: &mut Stage, case: &str, token: &str) -> Value {
    let root = stage.cast.root.token.clone();
    let call = Call::to(VALIDATE_TOKEN, json!({ "token": token })).token(&root);
    let case = format!("{VALIDATE_TOKEN}: {case}");
    stage.perform(&case, call, "OK").await.ok().clone()
}

pub async fn validate(stage: &mut Stage) {
    let bob = stage.sign_in("bob").await;
    let valid = told(stage, "a good token", &bob.token).await["valid"].clone();
    assert_eq!(text(&valid["userId"]), bob.id);
    let invalid = told(stage, "no token of ours", "nonsense").await["invalid"].clone();
    assert_eq!(invalid["reason"], "INVALID_TOKEN");
    stage.perform("the end of Bob's", Call::to(LOGOUT, json!({})).token(&bob.token), "OK").await;
    let ended = told(stage, "the token of an ended session", &bob.token).await["invalid"].clone();
    assert_eq!(ended["reason"], "SESSION_ENDED");
}

pub async fn watch(stage: &mut Stage) {
    let root = stage.cast.root.token.clone();
    let call = Call::to(WATCH_REVOCATIONS, json!({ "resumeToken": "nonsense" })).token(&root);
    let case = format!("{WATCH_REVOCATIONS}: a resume token that is none");
    stage.perform(&case, call, "INVALID_FIELDS").await;
}
