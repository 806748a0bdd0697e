//! What is particular to choosing a new password and verifying an address by mail.

use serde_json::json;
use veza::domain::one_time_token::Kind;

use super::super::stage::Stage;
use crate::support::{
    app::PASSWORD,
    rpc::{
        GET_ME, LOGIN, REQUEST_PASSWORD_RESET, RESET_PASSWORD, SEND_EMAIL_VERIFICATION,
        VERIFY_EMAIL,
    },
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

pub async fn send_email_verification(stage: &mut Stage) {
    stage.ann("not verified", SEND_EMAIL_VERIFICATION, json!({}), "OK").await;
    // Bob has chosen a new password by a link.
    stage.bob("verified", SEND_EMAIL_VERIFICATION, json!({}), "OK").await;
}

pub async fn verify_email(stage: &mut Stage) {
    let sent = json!({ "to": "ann@example.com" });
    let token = stage.world.issue(Kind::EmailVerification, &stage.cast.ann.id, &sent).await;
    let with = |token: &str| json!({ "token": token });
    let invalid = "INVALID_ONE_TIME_TOKEN";
    stage.nobody("unknown", VERIFY_EMAIL, with("nonsense"), invalid).await;
    stage.nobody("the token of a mail", VERIFY_EMAIL, with(&token), "OK").await;
    stage.nobody("again", VERIFY_EMAIL, with(&token), invalid).await;
    stage.nobody("nothing", VERIFY_EMAIL, json!({}), "INVALID_FIELDS").await;
    stage.ann("verified", GET_ME, json!({}), "OK").await;
}
