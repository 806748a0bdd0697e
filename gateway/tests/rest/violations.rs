//! Bad requests as a client hears of them: each wrong field by its path, and what it should be.

use serde_json::json;

use crate::support::Api;

const INT32: &str = "must be an integer from -2147483648 to 2147483647";

#[tokio::test]
async fn every_wrong_field_of_a_body_is_named_at_once() {
    let api = Api::library();
    let body = json!({
        "nickname": {"anything": [1]},
        "int32Value": "many",
        "stringValue": ["a"],
        "color": "RED",
        "numbers": [1, "x", 3, null],
        "names": {"1": 5, "b": ""},
        "kinds": {"kinds": {"boolValue": "yes", "extra": 1}},
        "list": [{}, {"time": "yesterday"}],
        "object": [],
        "wait": 5,
        "text": "last",
    });
    let answer = api.call("POST", "/v1/kinds", &body.to_string()).await;
    assert_eq!((answer.status, answer.reason()), (400, "INVALID_FIELDS"));
    let mut violations = answer.violations();
    violations.sort_unstable();
    assert_eq!(
        violations,
        [
            ("color", "must be one of COLOR_UNSPECIFIED, COLOR_RED"),
            ("int32_value", INT32),
            ("kinds.kinds.bool_value", "must be true or false"),
            ("kinds.kinds.extra", "must be a known field"),
            (
                "list[1].time",
                "must be an RFC 3339 time between the years 1 and 9999, as `2024-02-29T12:00:00Z`"
            ),
            ("names[1]", "must be a string"),
            ("names[b]", &format!("the key {INT32}")),
            ("nickname", "must be a known field"),
            ("numbers[1]", INT32),
            ("numbers[3]", INT32),
            ("object", "must be an object"),
            ("string_value", "must be a string"),
            ("wait", "must be a duration of at most 315576000000 seconds, as `1.5s`"),
        ]
    );
    let message = answer.json["error"]["message"].as_str().unwrap();
    assert!(message.ends_with(" (and 12 more)"), "{message}");
    assert!(api.received().unwrap().message.is_none(), "the service got a message");
}

#[tokio::test]
async fn what_is_wrong_with_path_query_and_body_is_told_together() {
    let api = Api::library();
    let uri = "/v1/shelves/1/books?bookIdd=1&parent=shelves/2&book_id=a&bookId=b";
    let answer = api.call("POST", uri, r#"{"labels":{"k":1},"name":[]}"#).await;
    assert_eq!(
        answer.violations(),
        [
            ("book.labels[\"k\"]", "must be a string"),
            ("book.name", "must be a string"),
            ("bookIdd", "must be a known field; did you mean `bookId`?"),
            ("parent", "must be the same as in the path or a header"),
            ("book_id", "must be given once"),
        ]
    );
}

#[tokio::test]
async fn a_field_that_is_wrong_twice_is_named_for_what_it_is() {
    let api = Api::library();
    let answer = api.call("PATCH", "/v1/shelves/1/books/2", r#"{"name":5}"#).await;
    assert_eq!(answer.violations(), [("book.name", "must be a string")]);
}

#[tokio::test]
async fn duplicates_and_surplus_elements_are_violations_too_and_are_named_once() {
    let limits = gateway::Limits { elements_max: 2, ..gateway::Limits::default() };
    let api = Api::library_with(|builder| builder.limits(limits));
    let body = r#"{"text":"a","text":"b","text":{},"numbers":[1,2,"x","y"],"names":{"1":"","2":"",
        "3":1},"object":{"a":1,"a":{"b":2}},"list":[{},{"maybe":1,"maybe":1}]}"#;
    let answer = api.call("POST", "/v1/kinds", body).await;
    assert_eq!(
        answer.violations(),
        [
            ("text", "must be given once"),
            ("numbers", "must have at most 2 elements"),
            ("names", "must have at most 2 elements"),
            ("object[\"a\"]", "must be given once"),
            ("list[1].maybe", "must be given once"),
        ]
    );
}

#[tokio::test]
async fn no_more_than_twenty_fields_are_named() {
    let api = Api::library();
    let members: Vec<_> = (0..1000).map(|index| format!("\"k{index}\":1")).collect();
    let body = api.call("POST", "/v1/kinds", &format!("{{{}}}", members.join(","))).await;
    assert_eq!((body.reason(), body.violations().len()), ("INVALID_FIELDS", 20));
    assert_eq!(body.violations()[19].0, "k19");
    let parameters: Vec<_> = (0..1000).map(|index| format!("k{index}=1")).collect();
    let query = api.get(&format!("/v1/kinds?{}", parameters.join("&"))).await;
    assert_eq!((query.reason(), query.violations().len()), ("INVALID_FIELDS", 20));
}

#[tokio::test]
async fn a_malformed_body_is_told_by_line_and_column_whatever_else_is_wrong_with_it() {
    let api = Api::library();
    let unknown = (0..100).map(|index| format!("\"k{index}\":1,")).collect::<Vec<_>>().concat();
    for (body, position) in [
        (
            "{\"int32Value\":\"x\",\n \"text\" 1}".to_owned(),
            "a colon was expected at line 2, column 9",
        ),
        (format!("{{{unknown}\n\n}}"), "a string was expected at line 3, column 1"),
        ("{\"text\":\"äöü\" \"a\"}".to_owned(), "a comma was expected at line 1, column 15"),
        (
            "{\"kinds\":{\"unknown\":{\"a\":tru}}}".to_owned(),
            "unexpected character at line 1, column 26",
        ),
        ("{\"text\":\"a".to_owned(), "a string is not closed at line 1, column 11"),
        ("{\"text\":\"\\".to_owned(), "an unknown escape at line 1, column 11"),
        ("\r\n".to_owned() + "{} x", "unexpected character after the value at line 2, column 4"),
        ("{\"kinds\":".repeat(65), "nests values deeper than 64 at line 1, column 578"),
    ] {
        let answer = api.call("POST", "/v1/kinds", &body).await;
        assert_eq!((answer.status, answer.reason()), (400, "MALFORMED_REQUEST"), "{body}");
        let message = answer.json["error"]["message"].as_str().unwrap();
        assert!(message.ends_with(position), "{body}: {message}");
        assert_eq!(answer.violations(), []);
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_told_what_it_must_be() {
    let api = Api::library();
    for body in ["[]", "1", "null", "\"a\""] {
        let answer = api.call("POST", "/v1/kinds", body).await;
        assert_eq!(answer.json["error"]["message"], "the body must be an object", "{body}");
    }
}

#[tokio::test]
async fn an_unknown_field_is_told_the_known_one_that_is_most_like_it() {
    let api = Api::library();
    for (name, known) in [
        ("displayNam", Some("displayName")),
        ("display-name", Some("displayName")),
        ("DisplayName", Some("displayName")),
        ("tag", Some("tags")),
        ("lables", Some("labels")),
        ("isbn", None),
        ("", None),
    ] {
        let answer = api.call("POST", "/v1/shelves/1/books", &format!("{{\"{name}\":1}}")).await;
        let description = match known {
            Some(known) => format!("must be a known field; did you mean `{known}`?"),
            None => "must be a known field".to_owned(),
        };
        assert_eq!(answer.violation(), (&*format!("book.{name}"), &*description), "{name}");
    }
}

#[tokio::test]
async fn an_enum_lists_its_first_names() {
    let values: Vec<_> = (0..13).map(|number| format!("V{number} = {number};")).collect();
    let api = Api::declared(&format!(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        enum E {{ {} }}
        message M {{ E e = 1; }}
        service S {{ rpc C(M) returns (M) {{ option (google.api.http) = {{get: "/m"}}; }} }}"#,
        values.join(" ")
    ));
    assert_eq!(
        api.get("/m?e=x").await.violation(),
        ("e", "must be one of V0, V1, V2, V3, V4, V5, V6, V7, V8, V9 or 3 more")
    );
}

#[tokio::test]
async fn a_required_body_that_is_missing_is_said_to_be_missing() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t;
        import "buf/validate/validate.proto"; import "google/api/annotations.proto";
        message Room { string name = 1; }
        message Request { Room room = 1 [(buf.validate.field).required = true]; Room other = 2; }
        service S {
          rpc A(Request) returns (Request) { option (google.api.http) = {post: "/a" body: "room"}; }
          rpc B(Request) returns (Request) { option (google.api.http) = {post: "/b" body: "other"}; }
        }"#,
    );
    let missing = ("room", "must be sent as the body, which is missing: send a JSON object");
    for body in ["", " \n", "null", " null\n"] {
        let answer = api.call("POST", "/a", body).await;
        assert_eq!((answer.status, answer.violation()), (400, missing), "{body:?}");
        assert_eq!(api.call("POST", "/b", body).await.status, 200, "{body:?}");
    }
    assert_eq!(api.call("POST", "/a", "{}").await.status, 200);
}

#[tokio::test]
async fn names_that_the_client_made_up_are_cut_short() {
    let api = Api::library();
    let long = "ä".repeat(100_000);
    for body in [
        format!("{{\"{long}\":1}}"),
        format!("{{\"object\":{{\"{long}\":{{\"a\":1,\"a\":1}}}}}}"),
        format!("{{\"names\":{{\"{long}\":1}}}}"),
    ] {
        let answer = api.call("POST", "/v1/kinds", &body).await;
        assert_eq!(answer.reason(), "INVALID_FIELDS");
        assert!(answer.violation().0.contains(&format!("{}…", "ä".repeat(100))));
        assert!(answer.text.len() < 2000, "{}", answer.text.len());
    }
    let deep = format!("{{\"{}\":", "k".repeat(90)).repeat(20);
    let body = format!("{{\"object\":{deep}{{\"a\":1,\"a\":1}}{}", "}".repeat(21));
    let answer = api.call("POST", "/v1/kinds", &body).await;
    assert!(answer.violation().0.ends_with('…'), "{}", answer.text);
    assert!(answer.text.len() < 2000, "{}", answer.text.len());
}
