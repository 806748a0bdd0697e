//! HTTP rules that cannot be served are found when the gateway is built.

use gateway::Gateway;

use crate::sources::descriptors;

fn build_error(rule: &str, takes: &str) -> String {
    let proto = format!(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message Inner {{ string id = 1; }}
        message Request {{ string id = 1; Inner inner = 2; repeated string ids = 3; }}
        message Response {{ string id = 1; }}
        service S {{
          rpc First(Request) returns (Response) {{ option (google.api.http) = {{get: "/first/{{id}}"}}; }}
          rpc M({takes}) returns (Response) {{ option (google.api.http) = {{{rule}}}; }}
        }}"#
    );
    let set = descriptors("rules.proto", Some(&proto));
    Gateway::builder(&set).build(()).unwrap_err().to_string()
}

#[test]
fn a_rule_that_cannot_be_served_is_refused_with_its_method_and_the_reason() {
    for (rule, reason) in [
        (r#"body: "*""#, "the HTTP rule names no method and path"),
        (r#"get: "v1""#, "the path `v1` is no template: a template starts with a slash at byte 0"),
        (r#"get: "/{x}""#, "the variable `x` names no field"),
        (r#"get: "/{id.x}""#, "the variable `id.x` names no field"),
        (r#"get: "/{inner}""#, "the variable `inner` names a repeated or message field"),
        (r#"get: "/{ids}""#, "the variable `ids` names a repeated or message field"),
        (r#"get: "/x" body: "*""#, "GET takes no body"),
        (r#"delete: "/x" body: "inner""#, "DELETE takes no body"),
        (r#"post: "/x" body: "other""#, "the body `other` is no field of t.Request"),
        (
            r#"get: "/x" response_body: "other""#,
            "the response body `other` is no field of t.Response",
        ),
        (r#"get: "/first/*""#, "`GET /first/*` is the same path as one of `/t.S/First`"),
        (r#"custom: {kind: "*" path: "/x"}"#, "`*` is not an HTTP method"),
        (
            r#"get: "/x" additional_bindings: {get: "/y" additional_bindings: {get: "/z"}}"#,
            "additional bindings do not nest",
        ),
    ] {
        assert_eq!(build_error(rule, "Request"), format!("the HTTP rule of `t.S.M`: {reason}"));
    }
}

#[test]
fn a_stream_of_requests_without_a_body_is_refused() {
    assert_eq!(
        build_error(r#"get: "/x""#, "stream Request"),
        "the HTTP rule of `t.S.M`: the method takes a stream, and its rule has no body"
    );
}

#[test]
fn bytes_that_are_no_descriptor_set_are_refused() {
    let error = Gateway::builder(b"nonsense").build(()).unwrap_err().to_string();
    assert!(error.starts_with("the descriptor set cannot be read"), "{error}");
}
