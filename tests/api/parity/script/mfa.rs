//! What is particular to second factors. Tess has one, and nobody else.

use serde_json::{Value, json};

use super::super::stage::{Member, Stage};
use crate::support::{
    app::{PASSWORD, text},
    client::Call,
    reply::Reply,
    rpc::{
        COMPLETE_MFA_LOGIN, CONFIRM_TOTP, DISABLE_TOTP, ENROLL_TOTP, GET_MFA_STATUS, LOGIN,
        REAUTHENTICATE, REGENERATE_RECOVERY_CODES,
    },
    totp,
};

/// Makes a call of somebody's.
async fn by(
    stage: &mut Stage,
    who: &Member,
    case: &str,
    (method, request): (&str, Value),
    outcome: &str,
) -> Reply {
    let call = Call::to(method, request).token(&who.token);
    stage.perform(&format!("{method}: {case}"), call, outcome).await
}

/// Somebody who signs up and sets an app up, with its secret.
async fn sign_up(stage: &mut Stage, name: &str) -> (Member, String) {
    let tess = stage.sign_up(name).await;
    let setup = by(stage, &tess, "an app", (ENROLL_TOTP, json!({})), "OK").await;
    let secret = text(&setup.ok()["secret"]);
    (tess, secret)
}

/// What the app of this secret shows now, or so many seconds later.
fn code(stage: &Stage, secret: &str, later: i64) -> Value {
    json!({ "totp_code": totp::code(secret, stage.world.seconds() + later) })
}

/// Somebody with a second factor, its secret and a recovery code.
async fn owner(stage: &mut Stage, name: &str) -> (Member, String, Value) {
    let (tess, secret) = sign_up(stage, name).await;
    let first = code(stage, &secret, 0);
    let confirmed = by(stage, &tess, "right", (CONFIRM_TOTP, first), "OK").await;
    let recovery_code = json!({ "recovery_code": confirmed.ok()["recoveryCodes"][0] });
    stage.wait(totp::STEP.unsigned_abs());
    (tess, secret, recovery_code)
}

pub async fn complete_login(stage: &mut Stage) {
    let (_, secret, recovery_code) = owner(stage, "tess").await;
    let with = |ticket: &Value, code: &Value| {
        let mut request = code.clone();
        request["ticket"] = ticket.clone();
        request
    };
    let password = json!({ "identifier": "tess", "password": PASSWORD });
    for code in [code(stage, &secret, 0), recovery_code] {
        let reply = stage.nobody("with a second factor", LOGIN, password.clone(), "OK").await;
        let ticket = reply.ok()["result"]["mfaChallenge"]["ticket"].clone();
        let wrong = with(&ticket, &json!({ "recovery_code": "0000" }));
        stage.nobody("a wrong code", COMPLETE_MFA_LOGIN, wrong, "WRONG_MFA_CODE").await;
        let right = with(&ticket, &code);
        stage.nobody("right", COMPLETE_MFA_LOGIN, right.clone(), "OK").await;
        stage.nobody("again", COMPLETE_MFA_LOGIN, right, "INVALID_MFA_TICKET").await;
        let again = with(&ticket, &json!({}));
        stage.nobody("no code", COMPLETE_MFA_LOGIN, again, "INVALID_FIELDS").await;
    }
    stage.nobody("nothing", COMPLETE_MFA_LOGIN, json!({}), "INVALID_FIELDS").await;
}

pub async fn status(stage: &mut Stage) {
    let tess = owner(stage, "uma").await.0;
    by(stage, &tess, "one's own", (GET_MFA_STATUS, json!({})), "OK").await;
    stage.ann("none", GET_MFA_STATUS, json!({}), "OK").await;
}

pub async fn enroll(stage: &mut Stage) {
    let (tess, _) = sign_up(stage, "vera").await;
    by(stage, &tess, "another app", (ENROLL_TOTP, json!({})), "OK").await;
    let (tess, ..) = owner(stage, "wilma").await;
    by(stage, &tess, "one too many", (ENROLL_TOTP, json!({})), "MFA_ALREADY_ENABLED").await;
    // Who proves again who they are shows both.
    let password = json!({ "password": PASSWORD });
    by(stage, &tess, "no code", (REAUTHENTICATE, password), "MFA_CODE_REQUIRED").await;
}

pub async fn confirm(stage: &mut Stage) {
    let (tess, secret) = sign_up(stage, "xena").await;
    let wrong = code(stage, &secret, 600);
    by(stage, &tess, "wrong", (CONFIRM_TOTP, wrong), "WRONG_MFA_CODE").await;
    let right = code(stage, &secret, 0);
    by(stage, &tess, "right", (CONFIRM_TOTP, right.clone()), "OK").await;
    by(stage, &tess, "again", (CONFIRM_TOTP, right.clone()), "MFA_ALREADY_ENABLED").await;
    stage.ann("nothing to confirm", CONFIRM_TOTP, right, "TOTP_NOT_ENROLLED").await;
    stage.ann("nothing", CONFIRM_TOTP, json!({}), "INVALID_FIELDS").await;
}

pub async fn disable(stage: &mut Stage) {
    let (tess, secret, recovery_code) = owner(stage, "yara").await;
    let wrong = code(stage, &secret, 600);
    by(stage, &tess, "wrong", (DISABLE_TOTP, wrong), "WRONG_MFA_CODE").await;
    by(stage, &tess, "nothing", (DISABLE_TOTP, json!({})), "INVALID_FIELDS").await;
    by(stage, &tess, "right", (DISABLE_TOTP, recovery_code.clone()), "OK").await;
    by(stage, &tess, "again", (DISABLE_TOTP, recovery_code), "MFA_NOT_ENABLED").await;
}

pub async fn regenerate(stage: &mut Stage) {
    let (tess, ..) = owner(stage, "zora").await;
    by(stage, &tess, "new ones", (REGENERATE_RECOVERY_CODES, json!({})), "OK").await;
    stage.ann("none", REGENERATE_RECOVERY_CODES, json!({}), "MFA_NOT_ENABLED").await;
}
