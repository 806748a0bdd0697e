//! A browser: it keeps one cookie, and goes where it is sent.

use std::net::SocketAddr;

use http::{Request, StatusCode, Uri};
use serde_json::Value;

use super::exchange;
use crate::support::{
    app::App,
    client::{Answer, Client, Transport},
    identity::{FRONT_END, Provider},
    reply::Reply,
};

/// The cookie that ties a journey to a browser.
const COOKIE: &str = "__Host-veza-oauth";

/// A browser of somebody who signs in.
pub struct Browser {
    server: Client,
    provider: Client,
    /// What it sends along; empty when there is nothing.
    pub cookie: String,
}

impl Browser {
    /// A browser that has been nowhere yet.
    pub fn new(app: &App, provider: &Provider) -> Self {
        Self::of(&app.client, provider)
    }

    /// One that has been nowhere yet, of a server that this is a client of.
    pub fn of(server: &Client, provider: &Provider) -> Self {
        let address: SocketAddr = provider.url().trim_start_matches("http://").parse().unwrap();
        Self { server: server.clone(), provider: Client::new(address), cookie: String::new() }
    }

    /// Opens a page of the server.
    pub async fn open(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("cookie", &self.cookie).body("").unwrap();
        let answer = self.server.http(request).await;
        self.keep(answer.header("set-cookie"));
        answer
    }

    /// Keeps what an answer wants to have kept.
    pub fn keep(&mut self, set_cookie: &str) {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        if pair.starts_with(COOKIE) {
            pair.clone_into(&mut self.cookie);
        }
    }

    /// Begins to sign in; where at the provider it is sent.
    pub async fn begin(&mut self, provider: &str) -> String {
        let answer = self.open(&format!("/api/v1/auth/oauth/{provider}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.header("location").to_owned()
    }

    /// Lets the provider say who somebody is; the path and query of the callback that it is sent to.
    pub async fn visit(&self, authorization_url: &str) -> String {
        let url: Uri = authorization_url.parse().unwrap();
        let path = url.path_and_query().unwrap().as_str();
        let answer = self.provider.http(Request::get(path).body("").unwrap()).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
        let callback: Uri = answer.header("location").parse().unwrap();
        assert_eq!(callback.host(), Some("app.example.com"), "{callback}");
        callback.path_and_query().unwrap().as_str().to_owned()
    }

    /// Follows a callback; what the page of the front end finds after `#`.
    pub async fn follow(&mut self, callback: &str) -> String {
        let answer = self.open(callback).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let location = answer.header("location");
        let (page, fragment) = location.split_once('#').unwrap_or_else(|| panic!("{location}"));
        assert_eq!(page, FRONT_END);
        fragment.to_owned()
    }

    /// Goes all the way to the page of the front end.
    pub async fn travel(&mut self, provider: &str) -> String {
        let there = self.begin(provider).await;
        let callback = self.visit(&there).await;
        self.follow(&callback).await
    }

    /// Goes all the way; the code that the page of the front end gets.
    pub async fn code(&mut self, provider: &str) -> String {
        let fragment = self.travel(provider).await;
        let code = fragment.strip_prefix("code=").unwrap_or_else(|| panic!("{fragment}"));
        code.to_owned()
    }

    /// Goes all the way, and exchanges the code over a transport.
    pub async fn sign_in(&mut self, provider: &str, transport: Transport) -> Reply {
        let code = self.code(provider).await;
        self.server.send(transport, &exchange(provider, &code, &self.cookie)).await
    }
}

/// The parameters of a URL.
pub fn parameters(url: &str) -> Value {
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), Value::from(decode(value)))).collect()
}
