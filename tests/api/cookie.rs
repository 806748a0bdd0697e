//! Refresh tokens in cookies: what browsers are told to do with them, and which pages can use them.

use http::{Request, header};
use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD, Person, text},
    client::{Call, Transport},
    contract,
    reply::Reply,
    rpc::{GET_ME, LIST_ROOMS, LOGIN, LOGOUT, REFRESH_TOKEN, REGISTER},
    server::Environment,
};

const NAME: &str = "__Host-veza-refresh";

const ALLOWED: &str = "https://app.example";

/// A sign-in whose refresh token comes in a cookie.
fn login(person: &Person) -> Call {
    let request = json!({
        "identifier": person.username, "password": PASSWORD, "delivery": "DELIVERY_COOKIE"
    });
    Call::to(LOGIN, request)
}

/// What an answer has the browser keep, as it sends it back.
#[track_caller]
fn cookie(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie");
    let (pair, _) = cookie.split_once(';').unwrap_or_else(|| panic!("no cookie: {reply:#?}"));
    assert!(pair.starts_with(NAME), "{reply:#?}");
    pair.to_owned()
}

/// Whether an answer has the browser forget what it kept.
fn is_forgotten(reply: &Reply) -> bool {
    reply.header("set-cookie").starts_with(&format!("{NAME}=;"))
}

async fn refresh(app: &App, transport: Transport, cookie: &str) -> Reply {
    app.send(transport, &Call::to(REFRESH_TOKEN, json!({})).header("cookie", cookie)).await
}

#[tokio::test]
async fn web_03_a_refresh_token_is_kept_where_no_page_can_read_it() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::ALL {
        let reply = app.send(transport, &login(&ann)).await;
        let tokens = &reply.ok()["result"]["tokens"];
        assert_eq!(tokens["refreshToken"], "");
        assert_ne!(tokens["accessToken"], "");
        let set = reply.header("set-cookie");
        let (value, attributes) = set.split_once("; ").unwrap_or_else(|| panic!("{reply:#?}"));
        assert!(value.starts_with(&format!("{NAME}=vzr_")) && set.len() <= 4096, "{set}");
        let attributes: Vec<_> = attributes.split("; ").collect();
        for demanded in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
            assert!(attributes.contains(&demanded), "{demanded} is not in {set}");
        }
        assert!(!set.contains("Domain="), "{set}");
        assert!(attributes.iter().any(|attribute| attribute.starts_with("Expires=")), "{set}");
    }
}

#[tokio::test]
async fn a_cookie_carries_a_session_from_sign_up_to_sign_out() {
    let app = App::start();
    for transport in Transport::ALL {
        let name = crate::support::app::unique("ann");
        let request = json!({
            "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
            "delivery": "DELIVERY_COOKIE"
        });
        let registered = app.send(transport, &Call::to(REGISTER, request)).await;
        let ann = Person::of(&app, &registered);
        let other = format!("theme=dark; {}; lang=en", cookie(&registered));
        let refreshed = refresh(&app, transport, &other).await;
        let tokens = &refreshed.ok()["tokens"];
        assert_eq!(text(&tokens["sessionId"]), ann.session_id);
        assert_eq!(tokens["refreshToken"], "");
        let newest = cookie(&refreshed);
        assert_ne!(newest, cookie(&registered));

        let logout = Call::to(LOGOUT, json!({})).header("cookie", &newest);
        let ended = app.send(transport, &logout).await;
        ended.ok();
        assert!(is_forgotten(&ended), "{ended:#?}");
        ann.call(transport, GET_ME, json!({})).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
        let late = refresh(&app, transport, &newest).await;
        late.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
        assert!(is_forgotten(&late), "{late:#?}");
    }
}

#[tokio::test]
async fn a_token_in_the_message_counts_before_the_cookie() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for transport in Transport::ALL {
        let ann_again = app.sign_in(&ann.username).await;
        let cookie = cookie(&app.send(transport, &login(&bob)).await);
        let request = json!({ "refreshToken": ann_again.refresh_token });
        let call = Call::to(REFRESH_TOKEN, request).header("cookie", &cookie);
        let reply = app.send(transport, &call).await;
        let tokens = &reply.ok()["tokens"];
        assert_eq!(text(&tokens["sessionId"]), ann_again.session_id);
        assert!(text(&tokens["refreshToken"]).starts_with("vzr_"));
        assert_eq!(reply.header("set-cookie"), "");

        let logout = Call::to(LOGOUT, json!({})).header("cookie", &cookie);
        ann_again.send(transport, logout).await.ok();
        ann_again
            .call(transport, GET_ME, json!({}))
            .await
            .refused("UNAUTHENTICATED", "SESSION_ENDED");
        refresh(&app, transport, &cookie).await.ok();
    }
}

#[tokio::test]
async fn web_02_a_cookie_signs_nobody_in_but_for_new_tokens() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::ALL {
        let cookie = cookie(&app.send(transport, &login(&ann)).await);
        let call = Call::to(GET_ME, json!({})).header("cookie", &cookie);
        app.send(transport, &call).await.refused("UNAUTHENTICATED", "MISSING_TOKEN");
    }
}

/// What browsers say of pages that may not call.
const FOREIGN: [(&str, &str); 6] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
    ("origin", "https://evil.example"),
    ("origin", "https://app.example.evil.example"),
    ("origin", "http://app.example"),
    ("origin", "null"),
];

#[tokio::test]
async fn web_02_pages_of_other_origins_cannot_use_a_cookie() {
    let app = App::with(Environment::new().set("CORS_ORIGINS", ALLOWED));
    let ann = app.user("ann").await;
    for transport in Transport::ALL {
        let cookie = cookie(&app.send(transport, &login(&ann)).await);
        for (name, value) in FOREIGN {
            for method in [REFRESH_TOKEN, LOGOUT] {
                let call = Call::to(method, json!({})).header("cookie", &cookie);
                let reply = app.send(transport, &call.header(name, value)).await;
                reply.refused("PERMISSION_DENIED", "CROSS_ORIGIN");
                assert_eq!(reply.header("set-cookie"), "", "{reply:#?}");
            }
            // Nor can they sign a user in as somebody else.
            let reply = app.send(transport, &login(&ann).header(name, value)).await;
            reply.refused("PERMISSION_DENIED", "CROSS_ORIGIN");
        }
        let good =
            [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("origin", ALLOWED)];
        let mut cookie = cookie;
        for (name, value) in good {
            let call = Call::to(REFRESH_TOKEN, json!({})).header("cookie", &cookie);
            let reply = app.send(transport, &call.header(name, value)).await;
            reply.ok();
            cookie = self::cookie(&reply);
        }
    }
}

#[tokio::test]
async fn web_02_a_form_on_another_page_cannot_use_a_cookie() {
    // One server, whose address is that of its pages.
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    let cookie = cookie(&app.send(Transport::Rest, &login(&ann)).await);
    let own = format!("http://{}/docs", app.server.address);
    for (referer, content_type, refusal) in [
        (Some("https://evil.example/page"), "application/json", "CROSS_ORIGIN"),
        (Some("about:blank"), "application/json", "CROSS_ORIGIN"),
        (Some(own.as_str()), "text/plain", "UNSUPPORTED_MEDIA_TYPE"),
        (None, "application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE"),
    ] {
        let mut request = Request::post("/api/v1/auth/refresh")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, content_type);
        if let Some(referer) = referer {
            request = request.header(header::REFERER, referer);
        }
        let answer = app.client.http(request.body("{}").expect("a request")).await;
        assert_eq!(reason(&answer.json()), refusal, "{answer:?}");
    }
    let read = Request::get("/api/v1/auth/refresh").header(header::COOKIE, &cookie);
    let answer = app.client.http(read.body("").expect("a request")).await;
    assert_eq!(reason(&answer.json()), "METHOD_NOT_ALLOWED", "{answer:?}");
    refresh(&app, Transport::Rest, &cookie).await.ok();
}

#[tokio::test]
async fn a_page_that_is_refused_is_in_the_log_and_in_the_metrics() {
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    let foreign = |call: Call| call.header("sec-fetch-site", "cross-site");
    for transport in Transport::ALL {
        let reads = (transport == Transport::Rest).then(|| Call::to(LIST_ROOMS, json!({})));
        for call in [Some(login(&ann)), reads].into_iter().flatten() {
            let method = contract::name(&call.method);
            let id = format!("{transport:?}-{}", call.method.name());
            let call = foreign(call).header("x-request-id", &id);
            app.send(transport, &call).await.refused("PERMISSION_DENIED", "CROSS_ORIGIN");
            let line =
                app.server.log.find(|line| (line["request_id"] == *id).then(|| line.clone()));
            let line = line.unwrap();
            let found = (&line["rpc_method"], &line["code"], &line["reason"]);
            let expected = (json!(method), json!("PERMISSION_DENIED"), json!("CROSS_ORIGIN"));
            assert_eq!(found, (&expected.0, &expected.1, &expected.2), "{line}");
        }
    }
    for (method, transport, count) in [
        (LOGIN, "grpc", 1.0),
        (LOGIN, "grpc_web", 2.0),
        (LOGIN, "rest", 1.0),
        (LIST_ROOMS, "rest", 1.0),
    ] {
        let labels = format!(
            "rpc_method=\"{method}\",transport=\"{transport}\",code=\"PERMISSION_DENIED\",outcome=\"client_error\""
        );
        let counted = app.metric(&format!("veza_requests_total{{{labels}}}")).await;
        assert_eq!(counted, Some(count), "{labels}");
    }
}

fn reason(body: &Value) -> &str {
    body["error"]["details"][0]["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn web_01_pages_of_a_listed_origin_may_send_the_cookie() {
    let app = App::with(Environment::new().set("CORS_ORIGINS", ALLOWED));
    let ann = app.user("ann").await;
    for transport in [Transport::GrpcWeb, Transport::GrpcWebText, Transport::Rest] {
        let reply = app.send(transport, &login(&ann).header("origin", ALLOWED)).await;
        reply.ok();
        assert_eq!(reply.header("access-control-allow-origin"), ALLOWED);
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
    }
}

#[tokio::test]
async fn web_05_pages_of_other_origins_learn_nothing_by_reading() {
    let app = App::with(Environment::new().set("CORS_ORIGINS", ALLOWED));
    let ann = app.user("ann").await;
    let read = |headers: &[(&str, &str)]| {
        let call = Call::to(LIST_ROOMS, json!({}));
        headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    };
    for site in ["cross-site", "same-site"] {
        for mode in ["no-cors", "cors", "websocket", ""] {
            let call = read(&[("sec-fetch-site", site), ("sec-fetch-mode", mode)]);
            let reply = ann.send(Transport::Rest, call).await;
            reply.refused("PERMISSION_DENIED", "CROSS_ORIGIN");
        }
        for origin in [ALLOWED, "https://evil.example"] {
            let call = [("sec-fetch-site", site), ("sec-fetch-mode", "cors"), ("origin", origin)];
            let reply = ann.send(Transport::Rest, read(&call)).await;
            assert_eq!(reply.code == "OK", origin == ALLOWED, "{reply:#?}");
        }
        // Whoever follows a link reads for themselves.
        let call = read(&[("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]);
        ann.send(Transport::Rest, call).await.ok();
    }
    let call = read(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")]);
    ann.send(Transport::Rest, call).await.ok();
}
