//! The script: what the contract says must fail, for each method, and then what is particular to the method.

mod access;
mod accounts;
mod federation;
mod identity;
mod mfa;
mod recovery;
mod resources;
mod tokens;

use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::{
    stage::{Stage, UNKNOWN, on},
    traces::Alike,
};
use crate::{
    kind::{ROOM, STREAM},
    support::{
        client::Call,
        contract::{self, bindings, methods, policy},
        rpc,
    },
};

/// More than any message may have, in bytes.
const TOO_LARGE: usize = (4 << 20) + 1;

/// Fields that mean the same in every method that has them, a value that is refused, and the reason.
const BAD_VALUES: [(&str, &str, &str); 5] = [
    ("etag", "never", "STALE_ETAG"),
    ("update_mask", "nickname", "INVALID_FIELDS"),
    ("page_token", "nonsense", "INVALID_PAGE_TOKEN"),
    ("filter", "nonsense", "INVALID_FIELDS"),
    ("order_by", "nonsense", "INVALID_FIELDS"),
];

/// The permissions that of Ann's and Bob's and Root's roles only Root's holds, where owning does not help.
const FOR_ADMINISTRATORS: [&str; 2] = ["users.suspend", "tokens.validate"];

/// Plays everything.
pub async fn play(stage: &mut Stage) {
    resources::set_the_scene(stage).await;
    stage.cast.key = access::make(stage).await;
    for method in methods() {
        stage.stay_signed_in().await;
        refuse(stage, &method).await;
        particular(stage, &method).await;
    }
    forget(stage).await;
}

/// What is particular to a method. A method without it is not played, which is a failure.
async fn particular(stage: &mut Stage, method: &MethodDescriptor) {
    let name = contract::name(method);
    match name.as_str() {
        rpc::REGISTER => accounts::register(stage).await,
        rpc::LOGIN => accounts::login(stage).await,
        rpc::REFRESH_TOKEN => accounts::refresh_token(stage).await,
        rpc::LOGOUT => accounts::logout(stage).await,
        rpc::VALIDATE_TOKEN => tokens::validate(stage).await,
        rpc::WATCH_REVOCATIONS => tokens::watch(stage).await,
        rpc::LIST_ERROR_REASONS | rpc::GET_SERVER_INFO => public(stage, &name).await,
        rpc::REAUTHENTICATE => identity::reauthenticate(stage).await,
        rpc::CHANGE_PASSWORD => identity::change_password(stage).await,
        rpc::REQUEST_PASSWORD_RESET => recovery::request_password_reset(stage).await,
        rpc::RESET_PASSWORD => recovery::reset_password(stage).await,
        rpc::SEND_EMAIL_VERIFICATION => recovery::send_email_verification(stage).await,
        rpc::VERIFY_EMAIL => recovery::verify_email(stage).await,
        rpc::COMPLETE_MFA_LOGIN => mfa::complete_login(stage).await,
        rpc::GET_MFA_STATUS => mfa::status(stage).await,
        rpc::ENROLL_TOTP => mfa::enroll(stage).await,
        rpc::CONFIRM_TOTP => mfa::confirm(stage).await,
        rpc::DISABLE_TOTP => mfa::disable(stage).await,
        rpc::REGENERATE_RECOVERY_CODES => mfa::regenerate(stage).await,
        rpc::LIST_SESSIONS => identity::list_sessions(stage).await,
        rpc::REVOKE_SESSION => identity::revoke_session(stage).await,
        rpc::REVOKE_SESSIONS => identity::revoke_sessions(stage).await,
        rpc::LIST_API_KEYS => access::list(stage).await,
        rpc::CREATE_API_KEY => access::create(stage).await,
        rpc::DELETE_API_KEY => access::delete(stage).await,
        rpc::BEGIN_OAUTH => federation::begin(stage).await,
        rpc::COMPLETE_OAUTH => federation::complete(stage).await,
        rpc::LIST_IDENTITIES => federation::list(stage).await,
        rpc::LINK_IDENTITY => federation::link(stage).await,
        rpc::UNLINK_IDENTITY => federation::unlink(stage).await,
        rpc::LIST_USERS => accounts::list(stage).await,
        rpc::GET_ME => accounts::get_me(stage).await,
        rpc::GET_USER => accounts::get(stage).await,
        rpc::UPDATE_USER => accounts::update(stage).await,
        rpc::DELETE_USER => accounts::delete(stage).await,
        rpc::SUSPEND_USER => accounts::suspend(stage).await,
        rpc::UNSUSPEND_USER => accounts::unsuspend(stage).await,
        rpc::LIST_ROOMS => resources::list(stage, ROOM).await,
        rpc::CREATE_ROOM => resources::create(stage, ROOM).await,
        rpc::GET_ROOM => resources::get(stage, ROOM).await,
        rpc::UPDATE_ROOM => resources::update(stage, ROOM).await,
        rpc::DELETE_ROOM => resources::delete(stage, ROOM).await,
        rpc::LIST_STREAMS => resources::list(stage, STREAM).await,
        rpc::CREATE_STREAM => resources::create(stage, STREAM).await,
        rpc::GET_STREAM => resources::get(stage, STREAM).await,
        rpc::UPDATE_STREAM => resources::update(stage, STREAM).await,
        rpc::DELETE_STREAM => resources::delete(stage, STREAM).await,
        _ => panic!("{name} is not in the script: say what goes well with it, and what fails"),
    }
}

/// What anyone may ask.
async fn public(stage: &mut Stage, method: &str) {
    stage.nobody("without a token", method, json!({}), "OK").await;
    stage.ann("by somebody", method, json!({}), "OK").await;
}

/// What fails because of who calls, or because of a value that no such method takes.
async fn refuse(stage: &mut Stage, method: &MethodDescriptor) {
    let name = &contract::name(method);
    if policy(method).fresh {
        let before = stage.sign_in("ann").await;
        stage.wait(300);
        let call = Call::to(name, on(method, UNKNOWN)).token(&before.token);
        stage.perform(&format!("{name}: too late"), call, "REAUTHENTICATION_REQUIRED").await;
        stage.cast.ann = stage.sign_in("ann").await;
        stage.cast.root = stage.sign_in("root").await;
    }
    let request = stage.on_what_ann_has(method);
    let [bob, eve, root] =
        [&stage.cast.bob, &stage.cast.eve, &stage.cast.root].map(|one| one.token.clone());
    let able = able(stage, method);
    let call = Call::to(name, request.clone());
    let mut cases = Vec::new();
    let access = policy(method).access;
    if access != "ACCESS_PUBLIC" {
        cases.push(("no token", call.clone(), "MISSING_TOKEN"));
        cases.push(("a bad token", call.clone().token("nonsense"), "INVALID_TOKEN"));
        let basic = call.clone().header("authorization", "Basic YW5uOmFubg==");
        cases.push(("another scheme", basic, "UNSUPPORTED_SCHEME"));
        let by_key = call.clone().token(&stage.cast.key.secret);
        match policy(method).api_key_permission.as_str() {
            "" => cases.push(("by an API key", by_key, "API_KEY_NOT_ALLOWED")),
            access::PERMISSION => {}
            _ => cases.push(("by an API key", by_key, "PERMISSION_DENIED")),
        }
        let mistyped = call.clone().token(&stage.cast.key.secret.replacen("vz_", "vz_0", 1));
        cases.push(("a mistyped API key", mistyped, "INVALID_API_KEY"));
    }
    match access.as_str() {
        "ACCESS_PERMISSION" => {
            cases.push(("no permission", call.clone().token(&eve), "PERMISSION_DENIED"));
        }
        // A session or a key that is somebody else's is one that nobody knows.
        "ACCESS_OWNER" if [rpc::REVOKE_SESSION, rpc::DELETE_API_KEY].contains(&&**name) => {
            cases.push(("not the owner", call.clone().token(&bob), "NOT_FOUND"));
        }
        "ACCESS_OWNER" => {
            cases.push(("not the owner", call.clone().token(&bob), "PERMISSION_DENIED"));
        }
        _ => {}
    }
    if on(method, UNKNOWN) != on(method, "") {
        let unknown = Call::to(name, on(method, UNKNOWN)).token(&root);
        cases.push(("an id that nothing has", unknown, "NOT_FOUND"));
        let nonsense = Call::to(name, on(method, "nonsense")).token(&able);
        // The name of a provider can be anything.
        let is_name = method.input().get_field_by_name("provider").is_some();
        let outcome = if is_name { "NOT_FOUND" } else { "INVALID_FIELDS" };
        cases.push(("an id that is none", nonsense, outcome));
    }
    let hasty = call.clone().token(&able).header("grpc-timeout", "soon");
    cases.push(("a timeout that is none", hasty, "INVALID_FIELDS"));
    let bad = bad_values(&method.input());
    if !bad.is_empty() {
        let call = Call::to(name, bad.into());
        // Credentials that nobody asked for cannot make a public call fail.
        let token = if access == "ACCESS_PUBLIC" { "nonsense" } else { &able };
        cases.push(("every value is bad", call.token(token), "INVALID_FIELDS"));
    }
    for (what, call, outcome) in cases {
        stage.perform(&format!("{name}: {what}"), call, outcome).await;
    }
    refuse_fields(stage, method, &request).await;
    refuse_bodies(stage, method, &call.token(&able)).await;
}

/// The token of somebody who may call a method about what Ann has: hers, unless only administrators may.
fn able(stage: &Stage, method: &MethodDescriptor) -> String {
    let only_root = FOR_ADMINISTRATORS.contains(&policy(method).permission.as_str());
    let able = if only_root { &stage.cast.root } else { &stage.cast.ann };
    able.token.clone()
}

/// What fails because of a field that means the same everywhere.
async fn refuse_fields(stage: &mut Stage, method: &MethodDescriptor, request: &Value) {
    let name = contract::name(method);
    for (field, bad, outcome) in BAD_VALUES {
        if method.input().get_field_by_name(field).is_none() {
            continue;
        }
        let mut request = request.clone();
        request[field] = bad.into();
        let call = Call::to(&name, request).token(&able(stage, method));
        // The gateway knows which fields there are, and the service which of them can be changed.
        let alike = if field == "update_mask" { Alike::InReason } else { Alike::Wholly };
        stage.perform_alike(alike, &format!("{name}: a bad {field}"), call, outcome).await;
    }
}

/// What fails because of the bytes of the body.
async fn refuse_bodies(stage: &mut Stage, method: &MethodDescriptor, call: &Call) {
    let name = contract::name(method);
    if bindings(method).iter().any(|rule| rule.body.is_empty()) {
        return;
    }
    let malformed = call.clone().malformed(b"\xff\xff\xff\xff", "{");
    let case = format!("{name}: no message");
    stage.perform_alike(Alike::InReason, &case, malformed, "MALFORMED_REQUEST").await;

    let large = call.clone().malformed(&vec![0; TOO_LARGE], &" ".repeat(TOO_LARGE));
    let case = format!("{name}: too large");
    stage.perform_alike(Alike::InReasonAlone, &case, large, "BODY_TOO_LARGE").await;
    // Until the budgets are whole again.
    stage.wait(60);
}

/// What fails when a session is over, by itself or because its owner ended it.
async fn forget(stage: &mut Stage) {
    let ended = stage.sign_in("bob").await;
    stage.perform("the end", Call::to(rpc::LOGOUT, json!({})).token(&ended.token), "OK").await;
    let tokens =
        [(ended.token, "SESSION_ENDED", 7200), (stage.cast.bob.token.clone(), "EXPIRED_TOKEN", 0)];
    for (token, outcome, then) in tokens {
        for method in methods().filter(|method| policy(method).access != "ACCESS_PUBLIC") {
            let name = contract::name(&method);
            let call = Call::to(&name, stage.on_what_ann_has(&method)).token(&token);
            stage.perform(&format!("{name}: too late"), call, outcome).await;
        }
        stage.wait(then);
    }
}

/// A request in which every value is bad: texts that are too long and numbers that mean nothing.
fn bad_values(message: &MessageDescriptor) -> Map<String, Value> {
    let bad = |field: FieldDescriptor| {
        let value = match field.kind() {
            // A token may be longer than any other text.
            FieldKind::String if field.name() == "token" => "x".repeat(9000).into(),
            FieldKind::String => "x".repeat(600).into(),
            FieldKind::Int32 => json!(-1),
            FieldKind::Enum(_) => json!(99),
            // Of the messages within, the well-known ones have no fields of ours, and `Meta` is the server's own.
            FieldKind::Message(inner) => {
                let is_draft = inner.full_name().starts_with("veza.") && field.name() != "meta";
                is_draft.then(|| bad_values(&inner).into())?
            }
            _ => return None,
        };
        let value = if field.is_list() { json!([value, value]) } else { value };
        Some((field.name().to_owned(), value))
    };
    contract::fields_at_once(message).filter_map(bad).collect()
}
