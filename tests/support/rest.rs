//! REST by the HTTP rules of the contract: a request message becomes path, query and body, and the answer a message.

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::MessageDescriptor;
use serde_json::{Map, Value, json};

use super::{
    client::{Answer, Call, Transport},
    contract::{self, Binding},
    reply::{Reply, code_number_and_status},
};

/// What stands for itself in a path segment or a query (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Statuses that say more than any code of gRPC does (RFC 9110, RFC 6585).
const HTTP_ONLY: [u16; 9] = [405, 406, 408, 411, 412, 413, 414, 415, 431];

/// The request that makes a call.
pub fn request(call: &Call) -> Request<Bytes> {
    let binding = binding(call);
    let message = call.method.input();
    let mut fields = contract::compact(&message, &call.request);
    let path = expand(&binding.template, &message, &mut fields);
    let body = match binding.body.as_str() {
        "" => None,
        "*" => Some(std::mem::replace(&mut fields, json!({}))),
        field => Some(take(&mut fields, &message, field).unwrap_or_else(|| json!({}))),
    };
    let query = query(&fields);
    let separator = if query.is_empty() { "" } else { "?" };
    let uri: Uri = format!("{path}{separator}{query}").parse().expect("a URI");

    let mut request = Request::builder().method(&binding.verb).uri(uri);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = call.text.clone().or(body.map(|body| body.to_string())).unwrap_or_default();
    call.with_headers(request).body(body.into()).expect("a request")
}

/// What the answer to a call says.
pub fn reply(call: &Call, answer: Answer) -> Reply {
    let response_body = binding(call).response_body;
    let name = contract::name(&call.method);
    // Whoever is sent elsewhere has the message as well.
    if answer.status.is_success() || answer.status == StatusCode::SEE_OTHER {
        let (body, headers) = (answer.json(), answer.headers);
        let body = if response_body.is_empty() { body } else { json!({ response_body: body }) };
        let normal = contract::normalise(&call.method.output(), &body);
        let normal = normal.unwrap_or_else(|error| panic!("{name}: {error}: {body}"));
        return Reply {
            transport: Transport::Rest,
            call: name,
            http_status: answer.status,
            headers,
            code: "OK".into(),
            reason: None,
            message: String::new(),
            details: Vec::new(),
            body: normal,
        };
    }
    failure(name, answer)
}

/// What an answer that is a failure says (AIP-193).
pub fn failure(call: String, answer: Answer) -> Reply {
    let error = answer.json()["error"].take();
    let code = error["status"].as_str().unwrap_or_default().to_owned();
    assert_eq!(error["code"], answer.status.as_u16(), "the body's code is the response's: {error}");
    let known = code_number_and_status(&code);
    let (number, usual) = known.unwrap_or_else(|| panic!("a code of gRPC: {error}"));
    let status = answer.status.as_u16();
    assert!(status == usual || HTTP_ONLY.contains(&status), "{status} for {error}");
    let status = json!({
        "code": number, "message": error["message"], "details": error["details"]
    });
    let status = contract::normalise_status(&status);
    let mut status = status.unwrap_or_else(|problem| panic!("{problem}: {error}"));
    let mut reply = Reply {
        transport: Transport::Rest,
        call,
        http_status: answer.status,
        headers: answer.headers,
        code,
        reason: None,
        message: error["message"].as_str().unwrap_or_default().to_owned(),
        details: status["details"].as_array_mut().map(std::mem::take).unwrap_or_default(),
        body: Value::Null,
    };
    reply.reason = reply
        .detail("google.rpc.ErrorInfo")
        .and_then(|info| info["reason"].as_str().map(str::to_owned));
    reply
}

/// The rule that a call goes by: the one with its verb or else PATCH, whose meaning is gRPC's, or else the first.
fn binding(call: &Call) -> Binding {
    let bindings = contract::bindings(&call.method);
    let wanted = call.verb.clone().unwrap_or(http::Method::PATCH);
    let chosen = bindings.iter().find(|binding| binding.verb == wanted).or(bindings.first());
    chosen.unwrap_or_else(|| panic!("{} has no HTTP rule", call.method.full_name())).clone()
}

/// Puts the values of its variables into a path, and takes them out of the request.
fn expand(template: &str, message: &MessageDescriptor, fields: &mut Value) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((literal, more)) = rest.split_once('{') {
        let (variable, more) = more.split_once('}').expect("the end of a variable");
        let value = take(fields, message, variable).unwrap_or_default();
        path.push_str(literal);
        path.extend(utf8_percent_encode(value.as_str().unwrap_or_default(), ENCODED));
        rest = more;
    }
    path + rest
}

/// Takes the value of a field, as `user.id`, out of a message.
fn take(fields: &mut Value, message: &MessageDescriptor, path: &str) -> Option<Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let field = message.get_field_by_name(first).expect("a field of the request");
    let Some(rest) = rest else { return fields.as_object_mut()?.remove(field.json_name()) };
    let kind = field.kind();
    take(fields.get_mut(field.json_name())?, kind.as_message().expect("a message"), rest)
}

/// Fields as the parameters of a query.
fn query(fields: &Value) -> String {
    let mut pairs = Vec::new();
    flatten("", fields, &mut pairs);
    let pairs = pairs.iter().map(|(name, value)| {
        let value = utf8_percent_encode(value, ENCODED);
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn flatten(prefix: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => flatten_fields(prefix, fields, pairs),
        Value::Array(items) => items.iter().for_each(|item| flatten(prefix, item, pairs)),
        Value::String(text) => pairs.push((prefix.into(), text.clone())),
        scalar => pairs.push((prefix.into(), scalar.to_string())),
    }
}

fn flatten_fields(prefix: &str, fields: &Map<String, Value>, pairs: &mut Vec<(String, String)>) {
    for (name, value) in fields {
        let dot = if prefix.is_empty() { "" } else { "." };
        flatten(&format!("{prefix}{dot}{name}"), value, pairs);
    }
}
