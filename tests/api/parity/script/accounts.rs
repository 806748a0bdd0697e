//! What is particular to accounts and sessions.

use serde_json::{Value, json};

use super::super::stage::{Member, Stage};
use crate::{
    auth::registration,
    support::{
        app::{PASSWORD, text},
        client::Call,
        rpc::{
            DELETE_USER, GET_ME, GET_USER, LIST_USERS, LOGIN, LOGOUT, REFRESH_TOKEN, REGISTER,
            SUSPEND_USER, UNSUSPEND_USER, UPDATE_USER,
        },
    },
};

pub async fn register(stage: &mut Stage) {
    let with = |field: &str, value: &str| {
        let mut request = registration("dan");
        request[field] = value.into();
        request
    };
    let taken = with("email", "ANN@example.com");
    stage.nobody("an address in use", REGISTER, taken, "EMAIL_TAKEN").await;
    stage.nobody("a name in use", REGISTER, with("username", "Ann"), "USERNAME_TAKEN").await;
    stage
        .nobody("a short password", REGISTER, with("password", "too short"), "INVALID_FIELDS")
        .await;
    stage.nobody("nothing", REGISTER, json!({}), "INVALID_FIELDS").await;

    stage.nobody("with an id", REGISTER, with("request_id", "once"), "OK").await;
    stage.nobody("with an id, again", REGISTER, with("request_id", "once"), "OK").await;
    let mut another = with("request_id", "once");
    another["displayName"] = "Another".into();
    stage.nobody("with an id of another", REGISTER, another, "REQUEST_ID_REUSED").await;
    for (key, outcome) in [("twice", "INVALID_FIELDS"), ("once", "OK")] {
        let call = Call::to(REGISTER, with("request_id", "once")).header("idempotency-key", key);
        stage.perform(&format!("{REGISTER}: the key {key}"), call, outcome).await;
    }
}

pub async fn login(stage: &mut Stage) {
    let with = |identifier: &str, password: &str| json!({ "identifier": identifier, "password": password });
    stage.nobody("by name", LOGIN, with("ann", PASSWORD), "OK").await;
    stage.nobody("by address", LOGIN, with("ANN@example.com", PASSWORD), "OK").await;
    stage.nobody("a wrong password", LOGIN, with("ann", "not the one"), "WRONG_CREDENTIALS").await;
    stage.nobody("an unknown name", LOGIN, with("nobody", PASSWORD), "WRONG_CREDENTIALS").await;
    stage.nobody("nothing", LOGIN, json!({}), "INVALID_FIELDS").await;
    let attached = Call::to(LOGIN, with("ann", PASSWORD)).token("nonsense");
    stage.perform(&format!("{LOGIN}: with an old token"), attached, "OK").await;
}

pub async fn refresh_token(stage: &mut Stage) {
    let with = |token: &str| json!({ "refresh_token": token });
    let ann = stage.sign_in("ann").await;
    let reply = stage.nobody("good", REFRESH_TOKEN, with(&ann.refresh_token), "OK").await;
    let next = text(&reply.ok()["tokens"]["refreshToken"]);
    stage.nobody("just used", REFRESH_TOKEN, with(&ann.refresh_token), "OK").await;
    stage.wait(11);
    let reused = "REFRESH_TOKEN_REUSED";
    stage.nobody("used before", REFRESH_TOKEN, with(&ann.refresh_token), reused).await;
    stage.nobody("of an ended session", REFRESH_TOKEN, with(&next), "INVALID_REFRESH_TOKEN").await;
    stage.nobody("unknown", REFRESH_TOKEN, with("nonsense"), "INVALID_REFRESH_TOKEN").await;
    stage.nobody("nothing", REFRESH_TOKEN, json!({}), "INVALID_FIELDS").await;
}

pub async fn logout(stage: &mut Stage) {
    let call = |member: &Member, request: Value| Call::to(LOGOUT, request).token(&member.token);
    let first = stage.sign_in("ann").await;
    stage.perform("logout: by access token", call(&first, json!({})), "OK").await;
    stage.perform("logout: again", call(&first, json!({})), "SESSION_ENDED").await;
    stage.nobody("nothing", LOGOUT, json!({}), "MISSING_TOKEN").await;
    let second = stage.sign_in("ann").await;
    let request = json!({ "refresh_token": second.refresh_token });
    stage.nobody("by refresh token", LOGOUT, request.clone(), "OK").await;
    stage.nobody("by refresh token, again", LOGOUT, request, "OK").await;
    let dan = stage.sign_in("dan").await;
    stage.sign_in("dan").await;
    stage.perform("logout: everywhere", call(&dan, json!({ "all_sessions": true })), "OK").await;
}

pub async fn list(stage: &mut Stage) {
    stage.ann("everybody", LIST_USERS, json!({}), "OK").await;
    let mut request =
        json!({ "page_size": 1, "order_by": "username desc", "filter": "username : \"a\"" });
    let page = stage.ann("the first page", LIST_USERS, request.clone(), "OK").await;
    request["page_token"] = page.ok()["nextPageToken"].clone();
    stage.ann("the next page", LIST_USERS, request.clone(), "OK").await;
    stage.bob("the page of another", LIST_USERS, request, "INVALID_PAGE_TOKEN").await;
    stage.ann("no size", LIST_USERS, json!({ "page_size": -1 }), "INVALID_FIELDS").await;
}

pub async fn get_me(stage: &mut Stage) {
    stage.ann("oneself", GET_ME, json!({}), "OK").await;
}

pub async fn get(stage: &mut Stage) {
    let ann = json!({ "id": stage.cast.ann.id });
    stage.ann("oneself", GET_USER, ann.clone(), "OK").await;
    stage.bob("another", GET_USER, ann.clone(), "OK").await;
    let root = Call::to(GET_USER, ann).token(&stage.cast.root.token);
    stage.perform(&format!("{GET_USER}: an administrator"), root, "OK").await;
}

pub async fn update(stage: &mut Stage) {
    let id = stage.cast.ann.id.clone();
    let with = |mask: &str, fields: Value| {
        let mut user = fields;
        user["id"] = id.as_str().into();
        json!({ "user": user, "update_mask": mask })
    };
    let fields =
        json!({ "username": "anna", "displayName": "Anna", "bio": "hi", "locale": "pt-BR" });
    stage.ann("every field", UPDATE_USER, with("*", fields), "OK").await;
    stage.ann("the same again", UPDATE_USER, with("bio", json!({ "bio": "hi" })), "OK").await;
    let two = with("displayName,bio", json!({ "bio": "new", "locale": "ignored" }));
    stage.ann("two fields", UPDATE_USER, two, "OK").await;
    let ignored = with("roles,meta.createTime", json!({ "roles": ["admin"] }));
    stage.ann("what only the server sets", UPDATE_USER, ignored, "OK").await;
    let taken = with("username", json!({ "username": "BOB" }));
    stage.ann("a name in use", UPDATE_USER, taken, "USERNAME_TAKEN").await;
    let patch = json!({ "user": { "id": id, "bio": "without a mask" } });
    let patch = Call::to(UPDATE_USER, patch).verb(http::Method::PATCH);
    let patch = patch.token(&stage.cast.ann.token);
    stage.perform(&format!("{UPDATE_USER}: without a mask"), patch, "OK").await;
    let mut current = with("bio", json!({ "bio": "newest" }));
    current["etag"] =
        stage.ann("read", GET_ME, json!({}), "OK").await.ok()["user"]["meta"]["etag"].clone();
    stage.ann("the current version", UPDATE_USER, current.clone(), "OK").await;
    stage.ann("the version before", UPDATE_USER, current, "STALE_ETAG").await;
}

pub async fn delete(stage: &mut Stage) {
    let root = stage.cast.root.clone();
    let call = Call::to(DELETE_USER, json!({ "id": root.id })).token(&root.token);
    stage.perform("delete: the last administrator", call, "LAST_ADMINISTRATOR").await;
    let fay = stage.sign_up("fay").await;
    let call = Call::to(DELETE_USER, json!({ "id": fay.id, "etag": "v1" })).token(&fay.token);
    stage.perform("delete: oneself", call.clone(), "OK").await;
    stage.perform("delete: again", call, "SESSION_ENDED").await;
    stage.ann("deleted", GET_USER, json!({ "id": fay.id }), "NOT_FOUND").await;
}

pub async fn suspend(stage: &mut Stage) {
    let root = stage.cast.root.clone();
    let suspend = |id: &str, etag: &str| {
        Call::to(SUSPEND_USER, json!({ "id": id, "etag": etag })).token(&root.token)
    };
    let last = suspend(&root.id, "");
    stage.perform("suspend: the last administrator", last, "LAST_ADMINISTRATOR").await;
    let gus = stage.sign_up("gus").await;
    stage.perform("suspend: the current version", suspend(&gus.id, "v1"), "OK").await;
    stage.perform("suspend: again", suspend(&gus.id, ""), "OK").await;
    let me = Call::to(GET_ME, json!({})).token(&gus.token);
    stage.perform("suspend: a session", me, "SESSION_ENDED").await;
    let request = json!({ "refreshToken": gus.refresh_token });
    stage.nobody("suspended", REFRESH_TOKEN, request, "INVALID_REFRESH_TOKEN").await;
    let request = json!({ "identifier": "gus", "password": PASSWORD });
    stage.nobody("suspended", LOGIN, request, "WRONG_CREDENTIALS").await;
    stage.ann("suspended", GET_USER, json!({ "id": gus.id }), "OK").await;
}

pub async fn unsuspend(stage: &mut Stage) {
    let root = stage.cast.root.clone();
    let hal = stage.sign_up("hal").await;
    for (case, method) in [
        ("not suspended", UNSUSPEND_USER),
        ("before the end", SUSPEND_USER),
        ("suspended", UNSUSPEND_USER),
    ] {
        let call = Call::to(method, json!({ "id": hal.id })).token(&root.token);
        stage.perform(&format!("unsuspend: {case}"), call, "OK").await;
    }
    let me = Call::to(GET_ME, json!({})).token(&hal.token);
    stage.perform("unsuspend: a session of before", me, "SESSION_ENDED").await;
    stage.sign_in("hal").await;
}
