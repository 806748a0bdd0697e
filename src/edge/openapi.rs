//! The OpenAPI document of the contract, with what each operation asks of its caller.

use gateway::openapi::Document;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};

use crate::{
    config::Config,
    contract,
    policy::method::{Access, KeyAccess, Method, Methods},
};

const DESCRIPTION: &str = "The REST face of a gRPC service: every operation is also a method of the same name over \
gRPC and gRPC-web, with the same access rules, limits and errors. Sign in with `POST /api/v1/auth/login` and send the \
access token as `Authorization: Bearer <token>`. Programs send an API key (`vz_...`) in its place, to the operations that \
say which permission a key needs for them.";

const BEARER: &str =
    "An access token; or an API key (`vz_...`), where the operation has `x-api-key-permission`.";

/// Where the schemas of new passwords are.
const NEW_PASSWORDS: [&str; 3] = [
    "/components/schemas/RegisterRequest/properties/password",
    "/components/schemas/ChangePasswordRequest/properties/newPassword",
    "/components/schemas/ResetPasswordRequest/properties/newPassword",
];

/// The operations that send a browser elsewhere. Linters demand that they have a 200 as well.
const REDIRECTS: [&str; 2] = ["BeginOAuth", "CompleteOAuth"];

/// The operations that name something in their body which there may not be.
const NOT_FOUND_BY_BODY: [&str; 1] = ["LinkIdentity"];

const SEE_OTHER: &str =
    "The browser is to go to the address in `Location`, which is in the body, too.";

const TOO_LARGE: &str = "The head of the request has more than 16 KiB.";

/// The document of a server with these settings.
#[must_use]
pub fn document(methods: &Methods, config: &Config) -> Value {
    let mut document = Document::builder(&contract::POOL)
        .title("Veza")
        .version(env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
        .server("/")
        .annotate(|method, operation| annotate(methods, method, operation))
        .build();
    if let Some(scheme) = document.pointer_mut("/components/securitySchemes/bearerAuth") {
        *scheme = json!({ "type": "http", "scheme": "bearer", "description": BEARER });
    }
    // The contract leaves this to the server.
    for place in NEW_PASSWORDS {
        if let Some(password) = document.pointer_mut(place) {
            password["minLength"] = config.password_length_min.into();
        }
    }
    document
}

/// Says who may call an operation, and how the server answers that the gateway knows nothing of.
fn annotate(methods: &Methods, method: &MethodDescriptor, operation: &mut Value) {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    if let Some(method) = methods.resolve(&path) {
        secure(method, operation);
    }
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    if let Some(responses) = operation["responses"].as_object_mut() {
        if REDIRECTS.contains(&id.as_str())
            && let Some(mut success) = responses.get("200").cloned()
        {
            success["description"] = SEE_OTHER.into();
            success["headers"]["Location"] = json!({ "description": "The address.", "schema": { "type": "string", "format": "uri" } });
            responses.insert("303".to_owned(), success);
        }
        if NOT_FOUND_BY_BODY.contains(&id.as_str()) {
            let not_found = json!({ "$ref": "#/components/responses/NotFound" });
            responses.insert("404".to_owned(), not_found);
        }
        // Nothing else is answered: `rpc::status` has a code for every failure.
        responses.remove("default");
        // The HTTP library says this before there is a request, so that nothing is added.
        responses.insert("431".to_owned(), json!({ "description": TOO_LARGE }));
    }
}

fn secure(method: &Method, operation: &mut Value) {
    let bearer = json!({ "bearerAuth": [] });
    match method.access {
        Access::Public => {
            // A token is not asked for, but some methods make use of one.
            operation["security"] = json!([{}, bearer]);
            if let Some(responses) = operation["responses"].as_object_mut() {
                responses.remove("403");
            }
        }
        Access::Authenticated => operation["security"] = json!([bearer]),
        Access::Permission(permission) => {
            let name = permission.name();
            operation["security"] = json!([bearer]);
            operation["x-required-permission"] = name.into();
            add(operation, &format!("Needs the permission `{name}`."));
        }
    }
    if let Some(KeyAccess { permission, any }) = method.api_key {
        let name = permission.name();
        operation["x-api-key-permission"] = name.into();
        if method.access != Access::Permission(permission) {
            let names = any.into_iter().filter(|any| *any != permission);
            let names = names
                .fold(format!("`{name}`"), |names, any| format!("{names} or `{}`", any.name()));
            add(operation, &format!("An API key needs the permission {names}."));
        }
    }
}

/// Adds a paragraph to the description of an operation.
fn add(operation: &mut Value, paragraph: &str) {
    let description = operation["description"].as_str().unwrap_or_default();
    operation["description"] = format!("{description}\n\n{paragraph}").trim().into();
}
