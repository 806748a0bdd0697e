//! Makes calls of one kind as fast as a server takes them, and says how many it took and how long they took.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message;
use serde_json::{Value, json};
use veza::rpc::proto::auth::v1::{
    ValidateTokenRequest, ValidateTokenResponse, validate_token_response::Verdict,
};

const VALIDATE_TOKEN: &str = "/veza.auth.v1.AuthService/ValidateToken";

const USAGE: &str = "usage: calls HOST:PORT \
                     sign-ups|sign-ins|refreshes|validations|reads|room-updates SECONDS WORKERS [TOKEN]\n\
                     validations are made with the access token TOKEN, whose user may ask about tokens";

/// How many sign up at the same time before the calls that are measured.
const PREPARED_AT_ONCE: usize = 16;

/// How long is waited when the server has too much to do.
const PAUSE: Duration = Duration::from_millis(20);

const PASSWORD: &str = "correct horse battery";

type Failure = Box<dyn Error + Send + Sync>;

/// Somebody who makes one call after the other.
struct Worker {
    http: Client<HttpConnector, Full<Bytes>>,
    address: String,
    name: String,
    made: u64,
    access_token: String,
    refresh_token: String,
    room: String,
    /// The access token of somebody who may ask about those of others.
    asker: String,
}

impl Worker {
    fn new(address: &str, name: String, asker: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let [access_token, refresh_token, room] = [(); 3].map(|()| String::new());
        let (address, asker) = (address.to_owned(), asker.to_owned());
        Self { http, address, name, made: 0, access_token, refresh_token, room, asker }
    }

    /// Calls until the server has the time for it.
    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Failure> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        loop {
            let mut request = Request::builder()
                .method(&method)
                .uri(format!("http://{}/api/v1{path}", self.address))
                .header("content-type", "application/json");
            if !self.access_token.is_empty() {
                request = request.header("authorization", format!("Bearer {}", self.access_token));
            }
            let response = self.http.request(request.body(body.clone().into())?).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            if status.is_success() {
                return Ok(serde_json::from_slice(&body)?);
            }
            if !matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) {
                let said = String::from_utf8_lossy(&body);
                return Err(format!("{path}: {status}: {said}").into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn sign_up(&mut self) -> Result<(), Failure> {
        self.made += 1;
        let name = format!("{}x{}", self.name, self.made);
        let registration = json!({
            "email": format!("{name}@example.com"), "username": name, "password": PASSWORD,
        });
        let signed_up = self.call(Method::POST, "/auth/register", registration).await?;
        self.keep(&signed_up["tokens"]);
        Ok(())
    }

    /// Signs the first account in again.
    async fn sign_in(&self) -> Result<(), Failure> {
        let name = format!("{}x1", self.name);
        let request = json!({ "identifier": name, "password": PASSWORD });
        self.call(Method::POST, "/auth/login", request).await.map(drop)
    }

    /// Asks, as a service does, whether the worker's access token is good: over gRPC-web, which HTTP/1.1 can carry.
    async fn validate(&self) -> Result<(), Failure> {
        let question = ValidateTokenRequest {
            token: self.access_token.clone(),
            ..ValidateTokenRequest::default()
        };
        let message = question.encode_to_vec();
        let mut frame = vec![0];
        frame.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        frame.extend_from_slice(&message);
        let request = Request::post(format!("http://{}{VALIDATE_TOKEN}", self.address))
            .header("content-type", "application/grpc-web+proto")
            .header("authorization", format!("Bearer {}", self.asker));
        let response = self.http.request(request.body(frame.into())?).await?;
        let status = response.headers().get("grpc-status").cloned();
        let body = response.into_body().collect().await?.to_bytes();
        let Some((0, message)) = body.split_first().map(|(flag, rest)| (*flag, &rest[4..])) else {
            return Err(format!("ValidateToken: {status:?}").into());
        };
        let length = u32::from_be_bytes(body[1..5].try_into()?) as usize;
        let answer = ValidateTokenResponse::decode(&message[..length])?;
        match answer.verdict {
            Some(Verdict::Valid(_)) => Ok(()),
            verdict => Err(format!("ValidateToken: {verdict:?}").into()),
        }
    }

    async fn read(&self) -> Result<(), Failure> {
        self.call(Method::GET, "/users/me", Value::Null).await.map(drop)
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        let request = json!({ "refreshToken": self.refresh_token });
        let tokens = self.call(Method::POST, "/auth/refresh", request).await?;
        self.keep(&tokens);
        Ok(())
    }

    async fn update_room(&mut self) -> Result<(), Failure> {
        self.made += 1;
        let path = format!("/rooms/{}", self.room);
        let room = json!({ "description": format!("change {}", self.made) });
        self.call(Method::PATCH, &path, room).await.map(drop)
    }

    async fn change(&mut self, kind: &str) -> Result<(), Failure> {
        match kind {
            "sign-ups" => self.sign_up().await,
            "sign-ins" => self.sign_in().await,
            "validations" => self.validate().await,
            "reads" => self.read().await,
            "refreshes" => self.refresh().await,
            "room-updates" => self.update_room().await,
            _ => Err(USAGE.into()),
        }
    }

    /// Makes calls until the time is over; how long each took.
    async fn work(mut self, kind: &str, until: Instant) -> Result<Vec<Duration>, Failure> {
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            self.change(kind).await?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    fn keep(&mut self, tokens: &Value) {
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        (self.access_token, self.refresh_token) = (text("accessToken"), text("refreshToken"));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, kind, seconds, workers, asker @ ..] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let asker = asker.first().map_or("", String::as_str);
    let run = std::process::id();
    let prepare = (0..workers.parse::<u32>()?).map(async |number| {
        let mut worker = Worker::new(address, format!("w{run}x{number}"), asker);
        worker.sign_up().await?;
        let room = worker.call(Method::POST, "/rooms", json!({ "name": "Load" })).await?;
        room["id"].as_str().unwrap_or_default().clone_into(&mut worker.room);
        Ok::<_, Failure>(worker)
    });
    let workers: Vec<_> = stream::iter(prepare).buffered(PREPARED_AT_ONCE).try_collect().await?;
    let (began, length) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    let work = workers.into_iter().map(|worker| worker.work(kind, began + length));
    let mut took = try_join_all(work).await?.concat();
    took.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = (took.len() as f64 * share) as usize;
        took.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' worth")]
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    println!("{kind}: {rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
    Ok(())
}
