//! A tiny service that speaks gRPC and REST on one port.
//!
//! ```sh
//! cargo run -p greeter
//! curl http://127.0.0.1:50051/v1/greetings/Ann
//! curl -N -H 'Accept: text/event-stream' \
//!     'http://127.0.0.1:50051/v1/greetings/Ann:often?count=3&pause=1s'
//! ```

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use futures::{Stream, StreamExt, stream};
use gateway::Gateway;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use proto::greeter_server::{Greeter, GreeterServer};
use proto::{GreetOftenRequest, GreetRequest, Greeting};

/// What is generated of `proto/greeter.proto`.
#[expect(clippy::pedantic, unused_qualifications, reason = "it is generated")]
mod proto {
    tonic::include_proto!("greeter.v1");
}

/// The descriptors of the proto and its imports, written by `build.rs`.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    type GreetOftenStream = Pin<Box<dyn Stream<Item = Result<Greeting, Status>> + Send>>;

    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<Greeting>, Status> {
        greeting(&request.into_inner().name).map(Response::new)
    }

    async fn greet_often(
        &self,
        request: Request<GreetOftenRequest>,
    ) -> Result<Response<Self::GreetOftenStream>, Status> {
        let GreetOftenRequest { name, count, pause } = request.into_inner();
        let pause: Duration = pause.unwrap_or_default().try_into().unwrap_or_default();
        let greeting = greeting(&name)?;
        let greetings = stream::iter(0..count).then(move |index| {
            let greeting = greeting.clone();
            async move {
                if index > 0 {
                    tokio::time::sleep(pause).await;
                }
                Ok(greeting)
            }
        });
        Ok(Response::new(Box::pin(greetings)))
    }
}

fn greeting(name: &str) -> Result<Greeting, Status> {
    if name.is_empty() {
        return Err(Status::invalid_argument("nobody to greet"));
    }
    Ok(Greeting { text: format!("Good day, {name}") })
}

/// gRPC at its own paths, REST at all others.
fn app() -> Result<Router, gateway::BuildError> {
    let grpc = Routes::new(GreeterServer::new(Polite));
    let rest = Gateway::builder(DESCRIPTORS).error_domain("greeter.example").build(grpc.clone())?;
    Ok(grpc.into_axum_router().fallback_service(rest))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:50051").await?;
    axum::serve(listener, app()?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get(uri: &str) -> String {
        let request = axum::http::Request::get(uri).body(Body::empty()).unwrap();
        let answer = app().unwrap().oneshot(request).await.unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn rest_reaches_the_service() {
        assert_eq!(get("/v1/greetings/Ann").await, r#"{"text":"Good day, Ann"}"#);
        assert_eq!(
            get("/v1/greetings/Ann:often?count=2").await,
            r#"[{"text":"Good day, Ann"},{"text":"Good day, Ann"}]"#
        );
    }
}
