//! The yardstick of tests/load/figures.sh: a bare axum handler that answers the bytes of a file, and nothing else.

use axum::{Router, http::header, routing::get};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("usage: bare HOST:PORT FILE"));
    };
    let body: &'static str = std::fs::read_to_string(file)?.leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let routes = Router::new().route("/api/v1/users/{id}", get(answer));
    axum::serve(tokio::net::TcpListener::bind(address).await?, routes).await
}
