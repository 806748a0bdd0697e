//! Requests to the path of a gRPC method that are not gRPC: each is told what to send instead.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::any,
};
use http::{Method, StatusCode, header};

use super::refusal;

/// What the path of a gRPC method can be asked.
const ALLOW: [(header::HeaderName, &str); 1] = [(header::ALLOW, "OPTIONS, POST")];

const ADVICE: &str = "this is the path of a gRPC method: send POST with the content type \
                      `application/grpc` over HTTP/2, or `application/grpc-web+proto`; the same \
                      method takes JSON at its path below /api, which /docs and /openapi.json list";

/// The paths of these methods, named as `veza.user.v1.UserService/GetUser`. `domain` is that of the reasons.
pub fn routes(methods: &[&str], domain: &'static str) -> Router {
    let paths = methods.iter().map(|method| format!("/{method}"));
    let routes = paths.fold(Router::new(), |router, path| router.route(&path, any(answer)));
    routes.with_state(domain)
}

async fn answer(State(domain): State<&'static str>, method: Method) -> Response {
    let (status, code, reason) = match method {
        Method::OPTIONS => return (StatusCode::NO_CONTENT, ALLOW).into_response(),
        Method::POST => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE")
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"),
    };
    (ALLOW, refusal::json_with(status, code, reason, domain, ADVICE)).into_response()
}
