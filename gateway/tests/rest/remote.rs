//! A service behind a transport, which can fail without an answer.

use std::error::Error;

use gateway::{Body, Gateway, ServiceError};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use tower::{ServiceExt, service_fn};

use crate::support::LIBRARY;

/// A transport that reads the request, and then fails.
async fn broken(request: Request<Body>) -> Result<Response<Empty<bytes::Bytes>>, String> {
    match request.into_body().collect().await {
        Ok(_) => Err("connection refused".to_owned()),
        Err(error) => Err(format!("the request failed: {error}")),
    }
}

async fn answer(body: &'static str) -> Response<Body> {
    let gateway = Gateway::builder(&LIBRARY).build(service_fn(broken)).unwrap();
    let request = Request::post("/v1/kinds").header("content-type", "application/json");
    gateway.oneshot(request.body(Full::from(body)).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_unavailable_and_the_cause_is_for_the_log() {
    let response = answer("{}").await;
    assert_eq!(response.status(), 503);
    let cause = response.extensions().get::<ServiceError>().unwrap();
    assert_eq!(cause.source().unwrap().to_string(), "connection refused");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = str::from_utf8(&text).unwrap();
    assert!(text.contains("SERVICE_UNREACHABLE") && !text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_transport_that_failed_over_a_bad_body_is_the_clients_fault() {
    let response = answer("{\"int32Value\": \"x\"}").await;
    assert_eq!(response.status(), 400);
}
