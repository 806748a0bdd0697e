//! Query parameters: every leaf field by its path, in either spelling.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_parameter_fills_the_field_it_names() {
    let api = Api::library();
    for (query, message) in [
        ("", json!({})),
        ("&&", json!({})),
        ("int32Value=5", json!({"int32Value": 5})),
        ("int32_value=-5", json!({"int32Value": -5})),
        ("uint64Value=18446744073709551615", json!({"uint64Value": "18446744073709551615"})),
        ("doubleValue=1e3", json!({"doubleValue": 1000.0})),
        ("doubleValue=-Infinity", json!({"doubleValue": "-Infinity"})),
        ("boolValue=true", json!({"boolValue": true})),
        ("stringValue=a+b%2Bc", json!({"stringValue": "a b+c"})),
        ("stringValue=a=b", json!({"stringValue": "a=b"})),
        ("stringValue", json!({})),
        ("bytesValue=-_8", json!({"bytesValue": "+/8="})),
        ("color=COLOR_RED", json!({"color": "COLOR_RED"})),
        ("color=1", json!({"color": "COLOR_RED"})),
        ("color=7", json!({"color": 7})),
        ("maybe=0", json!({"maybe": 0})),
        ("numbers=1&numbers=2", json!({"numbers": [1, 2]})),
        ("colors=COLOR_RED&colors=0", json!({"colors": ["COLOR_RED", "COLOR_UNSPECIFIED"]})),
        ("names[1]=a&names[-2]=b", json!({"names": {"-2": "b", "1": "a"}})),
        (
            "kinds.kinds.text=a&kinds.maybe=1",
            json!({"kinds": {"kinds": {"text": "a"}, "maybe": 1}}),
        ),
        ("time=2024-02-29T12:00:00%2B02:00", json!({"time": "2024-02-29T10:00:00Z"})),
        ("wait=1.5s", json!({"wait": "1.500s"})),
        ("mask=a.bC,d_e", json!({"mask": "a.bC,dE"})),
        ("wrapped=0", json!({"wrapped": "0"})),
        ("value={\"a\":[1]}", json!({"value": {"a": [1.0]}})),
        ("values=[true]", json!({"values": [true]})),
    ] {
        let uri = format!(
            "/v1/kinds?{}",
            query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22")
        );
        let answer = api.get(&uri).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(api.message(), message, "{query}");
    }
}

#[tokio::test]
async fn a_parameter_that_fills_no_field_is_refused_by_its_name() {
    let api = Api::library();
    for (query, field, description) in [
        ("unknown=1", "unknown", "must be a known field"),
        ("kinds.unknown=1", "kinds.unknown", "must be a known field"),
        ("=1", "", "must be a known field"),
        ("int32Value=1&int32_value=2", "int32_value", "must be given once"),
        ("names[1]=a&names[1]=b", "names[1]", "must be given once"),
        ("text=a&number=1", "number", "must not be given with another field of its oneof"),
        (
            "kinds.text=a&kinds.number=1",
            "kinds.number",
            "must not be given with another field of its oneof",
        ),
        ("int32Value=", "int32_value", "must be an integer from -2147483648 to 2147483647"),
        ("int32Value=1.5", "int32_value", "must be an integer from -2147483648 to 2147483647"),
        ("boolValue=1", "bool_value", "must be true or false"),
        ("color=RED", "color", "must be one of COLOR_UNSPECIFIED, COLOR_RED"),
        ("color=2147483648", "color", "must be one of COLOR_UNSPECIFIED, COLOR_RED"),
        ("bytesValue=!", "bytes_value", "must be base64 text, as `AP8=`"),
        (
            "time=now",
            "time",
            "must be an RFC 3339 time between the years 1 and 9999, as `2024-02-29T12:00:00Z`",
        ),
        ("wait=1", "wait", "must be a duration of at most 315576000000 seconds, as `1.5s`"),
        (
            "mask=a-b",
            "mask",
            "must be field paths with commas between, as `displayName,author.givenName`",
        ),
        ("value=a", "value", "must be JSON, with strings in quotes"),
        ("kinds=1", "kinds", "must be given by its own fields, as `kinds.field`"),
        ("list.text=1", "list.text", "`list` has no fields that can be given"),
        ("text.a=1", "text.a", "`text` has no fields that can be given"),
        ("names=1", "names", "must have a key in brackets, as `names[key]`"),
        ("names[a]=1", "names[a]", "the key must be an integer from -2147483648 to 2147483647"),
        ("text[1]=1", "text[1]", "must not have a key, for it is no map"),
        ("any=1", "any", "must be given by its own fields, as `any.field`"),
    ] {
        let answer = api.get(&format!("/v1/kinds?{query}")).await;
        assert_eq!((answer.status, answer.reason()), (400, "INVALID_FIELDS"), "{query}");
        assert_eq!(answer.violation(), (field, description), "{query}");
    }
}

#[tokio::test]
async fn a_field_of_the_path_may_be_repeated_but_not_changed() {
    let api = Api::library();
    let same = api.get("/v1/shelves/1/books?parent=shelves/1&pageSize=5").await;
    assert_eq!(same.status, 200, "{}", same.text);
    assert_eq!(api.message(), json!({"parent": "shelves/1", "pageSize": 5}));
    let other = api.get("/v1/shelves/1/books?parent=shelves/2").await;
    assert_eq!(other.violation(), ("parent", "must be the same as in the path or a header"));
}

#[tokio::test]
async fn the_field_that_is_the_body_takes_no_parameters() {
    let api = Api::library();
    let beside = api.call("POST", "/v1/shelves/1/books?bookId=x", "{}").await;
    assert_eq!(beside.status, 200, "{}", beside.text);
    assert_eq!(api.message(), json!({"parent": "shelves/1", "bookId": "x", "book": {}}));
    let inside = api.call("POST", "/v1/shelves/1/books?book.displayName=x", "{}").await;
    assert_eq!(inside.violation(), ("book.displayName", "must be in the body, which is `book`"));
    let whole = api.call("POST", "/v1/kinds?text=x", "{}").await;
    assert_eq!(whole.violation(), ("text", "must be in the body, which is the whole request"));
}

#[tokio::test]
async fn text_that_cannot_be_decoded_is_malformed() {
    let api = Api::library();
    for query in ["text=%", "text=%zz", "text=%ff", "text=%00", "%ff=1"] {
        let answer = api.get(&format!("/v1/kinds?{query}")).await;
        assert_eq!((answer.status, answer.reason()), (400, "MALFORMED_REQUEST"), "{query}");
    }
}

#[tokio::test]
async fn repeated_parameters_count_against_the_limit() {
    let api = Api::library_with(|builder| {
        builder.limits(gateway::Limits { elements_max: 3, ..gateway::Limits::default() })
    });
    assert_eq!(api.get("/v1/kinds?numbers=1&numbers=2&numbers=3").await.status, 200);
    let answer = api.get("/v1/kinds?numbers=1&numbers=2&numbers=3&numbers=4").await;
    assert_eq!(answer.violation(), ("numbers", "must have at most 3 elements"));
    let answer = api.get("/v1/kinds?names[1]=a&names[2]=b&names[3]=c&names[4]=d").await;
    assert_eq!(answer.violation(), ("names[4]", "must have at most 3 elements"));
}

#[tokio::test]
async fn fields_of_a_parameter_nest_no_deeper_than_the_limit() {
    let api = Api::library();
    let query = |depth: usize| format!("/v1/kinds?{}maybe=1", "kinds.".repeat(depth - 1));
    assert_eq!(api.get(&query(64)).await.status, 200);
    let deep = api.get(&query(65)).await;
    assert_eq!(deep.violation().1, "must not be nested deeper than 64 fields");
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let api = Api::library();
    let answer =
        api.get("/v1/kinds?int32Value=x&unknwon=1&boolValue=yes&int32Value=2&maybe=1").await;
    assert_eq!(
        answer.violations(),
        [
            ("int32_value", "must be an integer from -2147483648 to 2147483647"),
            ("unknwon", "must be a known field"),
            ("bool_value", "must be true or false"),
            ("int32_value", "must be given once"),
        ]
    );
    let malformed = api.get("/v1/kinds?int32Value=x&text=%ff").await;
    assert_eq!((malformed.status, malformed.reason()), (400, "MALFORMED_REQUEST"));
}

#[tokio::test]
async fn the_key_of_a_map_is_named_as_in_a_body() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message M { map<string, int32> counts = 1; }
        service S { rpc C(M) returns (M) { option (google.api.http) = {get: "/m"}; } }"#,
    );
    assert_eq!(
        api.get("/m?counts[a b]=x".replace(' ', "%20").as_str()).await.violation().0,
        "counts[\"a b\"]"
    );
}

#[tokio::test]
async fn a_lenient_method_passes_over_what_names_no_field_and_nothing_else() {
    let api =
        Api::library_with(|builder| builder.lenient_methods(["test.library.v1.Library/EchoKinds"]));
    let answer =
        api.get("/v1/kinds?scope=a%20b&int32Value=5&scope=c&session.state=1&x%5By%5D=1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.message(), json!({"int32Value": 5}));
    for query in ["int32Value=1&int32Value=1", "int32Value=a", "kinds.unknown=1", "int32Value.a=1"]
    {
        assert_eq!(api.get(&format!("/v1/kinds?{query}")).await.status, 400, "{query}");
    }
}
