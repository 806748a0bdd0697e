//! What is particular to proving who one is, and to the list of one's sessions.

use serde_json::json;

use super::super::stage::Stage;
use crate::support::{
    app::PASSWORD,
    client::Call,
    rpc::{CHANGE_PASSWORD, LIST_SESSIONS, LOGIN, REAUTHENTICATE, REVOKE_SESSION, REVOKE_SESSIONS},
};

const ANOTHER_PASSWORD: &str = "another one, and as long";

pub async fn reauthenticate(stage: &mut Stage) {
    let wrong = json!({ "password": "not the one" });
    stage.ann("a wrong password", REAUTHENTICATE, wrong, "WRONG_CREDENTIALS").await;
    stage.ann("the password", REAUTHENTICATE, json!({ "password": PASSWORD }), "OK").await;
    stage.ann("nothing", REAUTHENTICATE, json!({}), "INVALID_FIELDS").await;
}

pub async fn change_password(stage: &mut Stage) {
    let with = |password: &str| json!({ "new_password": password });
    stage.ann("a short one", CHANGE_PASSWORD, with("too short"), "INVALID_FIELDS").await;
    stage.ann("another one", CHANGE_PASSWORD, with(ANOTHER_PASSWORD), "OK").await;
    let old = json!({ "identifier": "ann", "password": PASSWORD });
    stage.nobody("by the password of before", LOGIN, old, "WRONG_CREDENTIALS").await;
    stage.ann("back again", CHANGE_PASSWORD, with(PASSWORD), "OK").await;
}

pub async fn list_sessions(stage: &mut Stage) {
    for _ in 0..2 {
        stage.sign_in("ann").await;
    }
    stage.ann("one's own", LIST_SESSIONS, json!({}), "OK").await;
    let mut request = json!({ "page_size": 1 });
    let page = stage.ann("the first page", LIST_SESSIONS, request.clone(), "OK").await;
    request["page_token"] = page.ok()["nextPageToken"].clone();
    stage.ann("the next page", LIST_SESSIONS, request, "OK").await;
    stage.ann("no size", LIST_SESSIONS, json!({ "page_size": -1 }), "INVALID_FIELDS").await;
    stage.ann("nobody's", LIST_SESSIONS, json!({ "user_id": "ann" }), "INVALID_FIELDS").await;
    let of_ann = Call::to(LIST_SESSIONS, json!({ "user_id": stage.cast.ann.id }));
    let of_ann = of_ann.token(&stage.cast.root.token);
    stage.perform("the sessions of somebody else", of_ann, "OK").await;
}

pub async fn revoke_session(stage: &mut Stage) {
    let one = json!({ "id": stage.sign_in("ann").await.session_id });
    stage.ann("one's own", REVOKE_SESSION, one.clone(), "OK").await;
    stage.ann("one's own, again", REVOKE_SESSION, one, "NOT_FOUND").await;
    let one = json!({ "id": stage.sign_in("ann").await.session_id });
    let by_root = Call::to(REVOKE_SESSION, one).token(&stage.cast.root.token);
    stage.perform("the session of somebody else", by_root, "OK").await;
}

pub async fn revoke_sessions(stage: &mut Stage) {
    stage.sign_in("ann").await;
    stage.ann("all others", REVOKE_SESSIONS, json!({}), "OK").await;
    stage.ann("all others, again", REVOKE_SESSIONS, json!({}), "OK").await;
    stage.ann("all", REVOKE_SESSIONS, json!({ "include_current": true }), "OK").await;
    stage.ann("from an ended session", REVOKE_SESSIONS, json!({}), "SESSION_ENDED").await;
    stage.cast.ann = stage.sign_in("ann").await;
    let of_ann = Call::to(REVOKE_SESSIONS, json!({ "user_id": stage.cast.ann.id }));
    let of_ann = of_ann.token(&stage.cast.root.token);
    stage.perform("the sessions of somebody else", of_ann, "OK").await;
    stage.cast.ann = stage.sign_in("ann").await;
}
