//! What is particular to choosing a new password by mail.

use serde_json::json;
use veza::domain::one_time_token::Kind;

use super::super::stage::Stage;
use crate::support::{
    app::PASSWORD,
    rpc::{LOGIN, REQUEST_PASSWORD_RESET, RESET_PASSWORD},
};

pub async fn request_password_reset(stage: &mut Stage) {
    for name in ["ann", "ANN@example.com", "nobody"] {
        let request = json!({ "identifier": name });
        stage.nobody(name, REQUEST_PASSWORD_RESET, request, "OK").await;
        // Its line in the audit log comes after the answer.
        stage.until_errands_are_done().await;
    }
    stage.nobody("nothing", REQUEST_PASSWORD_RESET, json!({}), "INVALID_FIELDS").await;
}

pub async fn reset_password(stage: &mut Stage) {
    const CASE: &str = "the token of a mail";
    let sent = json!({ "to": "bob@example.com" });
    let token = stage.world.issue(Kind::PasswordReset, &stage.cast.bob.id, &sent).await;
    let with = |token: &str, password: &str| json!({ "token": token, "new_password": password });
    let weak = with(&token, "too short");
    stage.nobody("a short password", RESET_PASSWORD, weak, "INVALID_FIELDS").await;
    let invalid = "INVALID_ONE_TIME_TOKEN";
    stage.nobody("unknown", RESET_PASSWORD, with("nonsense", PASSWORD), invalid).await;
    stage.nobody(CASE, RESET_PASSWORD, with(&token, PASSWORD), "OK").await;
    stage.nobody("again", RESET_PASSWORD, with(&token, PASSWORD), invalid).await;
    stage.nobody("nothing", RESET_PASSWORD, json!({}), "INVALID_FIELDS").await;
    let login = json!({ "identifier": "bob", "password": PASSWORD });
    stage.nobody("by the new password", LOGIN, login, "OK").await;
    stage.cast.bob = stage.sign_in("bob").await;
}
