//! What the build-time check finds in HTTP rules, one small proto source per mistake.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use gateway::check;
use gateway::check::{Check, Problem};
use prost_reflect::DescriptorPool;
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
};

const SHARED_PROTO: &str = "../proto";

/// Serves one source under the name `test.proto`.
struct Inline(String);

impl FileResolver for Inline {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        match name {
            "test.proto" => File::from_source(name, &self.0),
            _ => Err(Error::file_not_found(name)),
        }
    }
}

fn pool(source: String) -> DescriptorPool {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Inline(source));
    resolver.add(IncludeFileResolver::new(SHARED_PROTO.into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true).open_file("test.proto").unwrap();
    compiler.descriptor_pool()
}

/// A service with the methods, which take an Item and return one. Methods begin at line 12.
fn service(methods: &str) -> DescriptorPool {
    pool(format!(
        "syntax = \"proto3\";
package test;
import \"google/api/annotations.proto\";
message Item {{
  string id = 1;
  Item parent = 2;
  repeated string tags = 3;
  map<string, Item> by_name = 4;
  bytes content = 5;
}}
service Items {{
{methods}
}}"
    ))
}

/// Methods `A`, `B` ... with one HTTP rule each.
fn rules(rules: &[&str]) -> DescriptorPool {
    let method = |(index, rule): (usize, &&str)| {
        let name = char::from(b'A' + u8::try_from(index).unwrap());
        format!("rpc {name}(Item) returns (Item) {{ option (google.api.http) = {{{rule}}}; }}\n")
    };
    service(&rules.iter().enumerate().map(method).collect::<String>())
}

fn problems(pool: &DescriptorPool) -> Vec<Problem> {
    check(pool).err().unwrap_or_default()
}

#[track_caller]
fn assert_reason(rule: &str, expected: &str) {
    let reasons: Vec<String> =
        problems(&rules(&[rule])).into_iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, [expected], "{rule}");
}

#[test]
fn good_rules_pass() {
    let pool = rules(&[
        "get: \"/items\"",
        "get: \"/items/{id}\"",
        "get: \"/items/me\"",
        "get: \"/items/{id}:export\"",
        "post: \"/items\" body: \"*\" response_body: \"parent\"",
        "put: \"/items/{parent.id}\" body: \"parent\" additional_bindings { patch: \"/items/{parent.id}\" body: \"parent\" }",
        "get: \"/files/{id=**}\"",
        "get: \"/files/{id=*}/tree\"",
        "delete: \"/items/{id}\"",
    ]);
    assert_eq!(check(&pool), Ok(()));
}

#[test]
fn a_problem_names_file_line_and_method() {
    let pool = service("\n  // Nothing over HTTP.\n  rpc Hidden(Item) returns (Item);");
    assert_eq!(
        problems(&pool)[0].to_string(),
        "test.proto:14: test.Items.Hidden: has no HTTP rule and is not declared gRPC-only"
    );
}

#[test]
fn a_template_that_does_not_parse_is_found() {
    let reason = |rule: &str| problems(&rules(&[rule]))[0].reason.clone();
    assert!(reason("get: \"items\"").starts_with("the path `items` is no template"));
    assert!(reason("get: \"/items/{id\"").contains("not closed"));
    assert!(reason("get: \"/{id}/{id}\"").contains("named twice"));
}

#[test]
fn two_bindings_of_the_same_requests_are_found() {
    let pool =
        rules(&["get: \"/items/{id}\"", "get: \"/items/{parent.id=*}\"", "put: \"/items/{id}\""]);
    let found = problems(&pool);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].method, "test.Items.B");
    assert_eq!(
        found[0].reason,
        "GET /items/{parent.id=*} matches the same requests as test.Items.A"
    );
}

#[test]
fn a_route_that_others_leave_nothing_to_is_found() {
    let pool = rules(&["get: \"/items\"", "get: \"/items/*/**\"", "get: \"/items/{id=**}\""]);
    let found = problems(&pool);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, "GET /items/{id=**} is unreachable behind other routes");
    let unbound = ["get: \"/items\"", "get: \"/items/*/**\"", "get: \"/items/**\""];
    assert_eq!(check(&rules(&unbound)), Ok(()), "/items/ goes there");
    assert_eq!(check(&rules(&["get: \"/items\"", "get: \"/items/{id=**}\""])), Ok(()));
}

#[test]
fn a_variable_must_name_a_single_value() {
    assert_reason("get: \"/{name}\"", "`{name}` names no field: test.Item has no `name`");
    assert_reason("get: \"/{parent.x}\"", "`{parent.x}` names no field: test.Item has no `x`");
    assert_reason("get: \"/{tags}\"", "`{tags}` goes to the repeated field `tags`");
    assert_reason(
        "get: \"/{by_name.key}\"",
        "`{by_name.key}` goes to the repeated field `by_name`",
    );
    assert_reason("get: \"/{parent}\"", "`{parent}` names a message, not a value");
    assert_reason("get: \"/{id.x}\"", "`{id.x}` goes through `id`, which is no message");
}

#[test]
fn get_and_delete_have_no_body() {
    assert_reason("get: \"/items\" body: \"*\"", "GET has no body");
    assert_reason("delete: \"/items/{id}\" body: \"parent\"", "DELETE has no body");
}

#[test]
fn bodies_must_name_fields() {
    assert_reason("post: \"/items\" body: \"x\"", "the body `x` is no field of test.Item");
    assert_reason(
        "get: \"/items\" response_body: \"x\"",
        "the response body `x` is no field of test.Item",
    );
}

#[test]
fn a_stream_of_requests_needs_a_body() {
    let rpc = |input: &str, output: &str, rule: &str| {
        service(&format!(
            "rpc Send({input} Item) returns ({output} Item) {{ option (google.api.http) = {{{rule}}}; }}"
        ))
    };
    let found = problems(&rpc("stream", "", "post: \"/items:send\""));
    assert_eq!(found[0].reason, "takes a stream, and its rule has no body to send it in");
    assert_eq!(check(&rpc("stream", "", "post: \"/items:send\" body: \"*\"")), Ok(()));
    assert_eq!(check(&rpc("", "stream", "get: \"/items:watch\"")), Ok(()));
}

#[test]
fn a_method_may_be_declared_grpc_only() {
    let pool = service(
        "rpc Hidden(Item) returns (stream Item);\n  rpc Shown(Item) returns (Item) { option (google.api.http) = {get: \"/items\"}; }",
    );
    assert_eq!(Check::new(&pool).grpc_only(|method| method.name() == "Hidden").run(), Ok(()));
    let found = Check::new(&pool).grpc_only(|_| true).run().unwrap_err();
    assert_eq!(found[0].method, "test.Items.Shown");
    assert_eq!(found[0].reason, "is declared gRPC-only and has an HTTP rule");
}

#[test]
fn only_the_chosen_files_are_checked() {
    let pool = service("rpc Hidden(Item) returns (Item);");
    assert_eq!(Check::new(&pool).files(|file| file.name() != "test.proto").run(), Ok(()));
}
