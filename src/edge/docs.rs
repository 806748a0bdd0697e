//! The page that shows the API and tries it out. It works offline: everything it loads comes from this server.

use axum::{Router, response::IntoResponse, routing::get};
use http::{HeaderName, HeaderValue, header};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;

/// What the page may do: load its own files, and call the server that it came from. Swagger UI writes styles into the
/// page; scripts only come from files.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");

/// The page and its files.
pub fn routes() -> Router {
    // The library's own page writes the request's query into its HTML, so only its files are taken.
    let files = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=86400"),
        ))
        .service(swagger_ui_dist::generate_routes(ApiDefinition {
            uri_prefix: "/docs",
            api_definition: OpenApiSource::Uri("/openapi.json"),
            title: None,
        }));
    Router::new()
        .route("/docs", get(async || typed("text/html; charset=utf-8", PAGE)))
        .route("/docs/start.js", get(async || typed("text/javascript; charset=utf-8", START)))
        .route_service("/docs/swagger-ui.css", files.clone())
        .route_service("/docs/swagger-ui-bundle.js", files)
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, POLICY))
}

fn typed(kind: &'static str, text: &'static str) -> impl IntoResponse {
    const KIND: HeaderName = header::CONTENT_TYPE;
    ([(KIND, kind)], text)
}
