//! The OpenAPI document of the contract, with what each operation asks of its caller.

use gateway::openapi::Document;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};

use crate::{
    contract,
    policy::method::{Access, Methods},
};

const DESCRIPTION: &str = "The REST face of a gRPC service: every operation is also a method of the same name over \
gRPC and gRPC-web, with the same access rules, limits and errors. Sign in with `POST /api/v1/auth/login` and send the \
access token as `Authorization: Bearer <token>`.";

/// The document.
#[must_use]
pub fn document(methods: &Methods) -> Value {
    Document::builder(&contract::POOL)
        .title("Veza")
        .version(env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
        .server("/")
        .annotate(|method, operation| annotate(methods, method, operation))
        .build()
}

/// Says who may call an operation.
fn annotate(methods: &Methods, method: &MethodDescriptor, operation: &mut Value) {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let Some(method) = methods.resolve(&path) else { return };
    let bearer = json!([{ "bearerAuth": [] }]);
    match method.access {
        Access::Public => operation["security"] = json!([]),
        Access::Authenticated => operation["security"] = bearer,
        Access::Permission(permission) => {
            operation["security"] = bearer;
            operation["x-required-permission"] = permission.name().into();
        }
    }
}
