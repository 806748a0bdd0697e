//! Native calls in one process, from the request to the last byte of the answer.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use tower::Service;

use super::service::Directory;
use crate::rest::now;

/// A native call whose messages are bytes already: what the service costs by itself.
pub fn send(directory: &mut Directory, method: &'static str, frame: &Bytes) -> Bytes {
    let mut request = Request::new(Full::new(frame.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(method);
    let headers = request.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static("bench"));
    let response = now(directory.call(request)).unwrap();
    now(response.into_body().collect()).unwrap().to_bytes()
}

/// A native call from a client of tonic to the service, from message to message.
pub fn native<Q, A>(directory: &Directory, method: &'static str, message: Q) -> A
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
{
    let mut client = tonic::client::Grpc::new(directory.clone());
    let path = http::uri::PathAndQuery::from_static(method);
    let codec = tonic_prost::ProstCodec::<Q, A>::default();
    now(client.unary(tonic::Request::new(message), path, codec)).unwrap().into_inner()
}
