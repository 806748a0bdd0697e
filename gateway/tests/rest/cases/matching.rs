//! Which template of a table a path matches, by the suites, and the statuses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use gateway::template::Template;
use serde_json::Value;

use super::{Tally, check, core_cases, load};
use crate::support::{Answer, Api, Received, Reply, leaves};

/// A service with one method for each route of a table.
struct Table {
    api: Api,
    /// The ids of the routes, by the number of their method.
    ids: Vec<String>,
}

#[tokio::test]
async fn match_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let cases = core_cases(&file, &["match"]);
    let mut tables = HashMap::new();
    for case in &cases {
        let name = case["routes"].as_str().unwrap();
        let parameters =
            cases.iter().filter(|other| other["routes"] == name && !other["query"].is_null());
        let parameters = parameters.flat_map(|case| expected_bindings(case).into_keys());
        let routes = file["route_tables"][name].as_array().unwrap();
        tables.entry(name).or_insert_with(|| Table::new(routes, &parameters.collect()));
    }
    let mut tally = Tally::default();
    for case in cases {
        tally.note(case, run(&tables[case["routes"].as_str().unwrap()], case).await);
    }
    tally.finish("match");
}

#[tokio::test]
async fn expand_and_percent_decode_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let mut tally = Tally::default();
    for case in core_cases(&file, &["expand", "percent_decode"]) {
        let path = case["path"].as_str().unwrap();
        let (template, path) = match case["expect"]["matched"].as_str().unwrap() {
            "single" => ("/{value=*}", format!("/{path}")),
            "multi" => ("/{value=**}", format!("/{path}")),
            template => (template, path.to_owned()),
        };
        let route = serde_json::json!({"id": "it", "method": "GET", "template": template});
        let table = Table::new(&[route], &BTreeSet::new());
        let answer = table.api.get(&path).await;
        let actual = table.bindings();
        // An encoded slash is brought into normal form.
        let expected = expected_bindings(case);
        let normal = |value: &str| value.replace("%2f", "%2F");
        let fits = answer.status == 200
            && expected.iter().all(|(name, value)| {
                actual.get(name).is_some_and(|actual| normal(actual) == normal(value))
            });
        tally.note(case, check(fits, || format!("{path} -> {actual:?}")));
    }
    tally.finish("expand, percent_decode");
}

#[tokio::test]
async fn status_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let api = Api::library();
    let mut tally = Tally::default();
    for case in core_cases(&file, &["status_map"]) {
        let expect = &case["expect"];
        let code = expect["bindings"]["grpc_code"].as_i64().unwrap();
        if code != 0 {
            api.reply(Reply::Status(i32::try_from(code).unwrap(), "x", Vec::new()));
        }
        let answer = api.get("/v1/books").await;
        api.reply(Reply::Echo);
        let name = answer.json["error"]["status"].as_str().unwrap_or("OK");
        let fits = expect["matched"] == answer.status && expect["bindings"]["name"] == name;
        tally.note(case, check(fits, || format!("{code} -> {}", answer.status)));
    }
    for case in core_cases(&file, &["http_status"]) {
        // One case waits for a deadline, and one asks for a path that has another method.
        let waits = case["headers"].as_object().is_some_and(|headers| !headers.is_empty());
        let answer = if waits {
            api.reply(Reply::Status(4, "too late", Vec::new()));
            api.send("GET", "/v1/books", &[("grpc-timeout", "10m")], "").await
        } else {
            api.send("DELETE", "/v1/books", &[], "").await
        };
        let status = if waits { 504 } else { 405 };
        tally.note(case, check(answer.status == status, || answer.status.to_string()));
    }
    tally.finish("status_map, http_status");
}

async fn run(table: &Table, case: &Value) -> Result<(), String> {
    let expect = &case["expect"];
    let method = case["method"].as_str().unwrap();
    let query = case["query"].as_str().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("{}{query}", case["path"].as_str().unwrap());
    if uri.parse::<http::Uri>().is_err() {
        return check(expect["matched"].is_null(), || format!("{uri} is no URI"));
    }
    table.api.received();
    let answer = table.api.send(method, &uri, &[], "").await;
    let matched = table.matched();
    check(expect["matched"] == serde_json::json!(matched), || {
        format!("{method} {uri} -> {matched:?} {}", answer.status)
    })?;
    if expect["matched"].is_null() {
        return check(refuses(expect, &answer), || format!("{method} {uri} -> {}", answer.status));
    }
    let actual = table.bindings();
    let expected = expected_bindings(case);
    let is_asserted = !expect["bindings"].is_null();
    check(!is_asserted || expected == actual, || format!("{method} {uri} -> {actual:?}"))
}

/// A suite whose matcher knows no methods says "not found" also where only the method is wrong.
fn refuses(expect: &Value, answer: &Answer) -> bool {
    match expect["error"].as_str() {
        Some("method_not_allowed") => answer.status == 405,
        _ => answer.status == 404 || answer.status == 405,
    }
}

fn expected_bindings(case: &Value) -> BTreeMap<String, String> {
    let bindings = case["expect"]["bindings"].as_object().into_iter().flatten();
    bindings.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

impl Table {
    /// Each route has a request of its own, with string fields for its variables and for
    /// `parameters`. Routes beyond the grammar are left out.
    fn new(routes: &[Value], parameters: &BTreeSet<String>) -> Self {
        let mut proto = String::from(
            "syntax = \"proto3\"; package t; import \"google/api/annotations.proto\";\n",
        );
        let mut methods = String::new();
        let mut ids = Vec::new();
        for route in routes {
            let text = route["template"].as_str().unwrap();
            let Ok(template) = Template::parse(text) else { continue };
            let variables = template.variables().iter().map(|v| v.field_path.clone());
            let mut request = Fields::default();
            for path in variables.chain(parameters.iter().cloned()) {
                request.add(&path);
            }
            let number = ids.len();
            request.declare(&format!("R{number}"), &mut proto);
            let kind = route["method"].as_str().unwrap();
            let _ = writeln!(
                methods,
                "rpc M{number}(R{number}) returns (R{number}) {{ option (google.api.http) = \
                 {{custom: {{kind: \"{kind}\" path: \"{text}\"}}}}; }}"
            );
            ids.push(route["id"].as_str().unwrap().to_owned());
        }
        let _ = write!(proto, "service S {{ {methods} }}");
        Self { api: Api::declared(&proto), ids }
    }

    /// The id of the route that was reached last.
    fn matched(&self) -> Option<&str> {
        let received: Received = self.api.peek()?;
        let number: usize = received.path.strip_prefix("/t.S/M")?.parse().unwrap();
        Some(&self.ids[number])
    }

    fn bindings(&self) -> BTreeMap<String, String> {
        let received = self.api.received();
        let message = received.and_then(|received| received.message).unwrap_or_default();
        leaves(&message)
            .into_iter()
            .filter_map(|(path, value)| Some((snake_case(&path), value.as_str()?.to_owned())))
            .collect()
    }
}

/// A message of string fields, some of them inside others.
#[derive(Default)]
struct Fields(BTreeMap<String, Fields>);

impl Fields {
    /// Adds the fields on a path, unless one of them is a string already, or a message.
    fn add(&mut self, path: &str) {
        match path.split_once('.') {
            Some((first, rest)) => self.0.entry(first.to_owned()).or_default().add(rest),
            None => {
                self.0.entry(path.to_owned()).or_default();
            }
        }
    }

    fn declare(&self, name: &str, proto: &mut String) {
        let _ = write!(proto, "message {name} {{ ");
        for (number, (field, inner)) in (1..).zip(&self.0) {
            if inner.0.is_empty() {
                let _ = write!(proto, "string {field} = {number}; ");
            } else {
                inner.declare(&format!("M{number}"), proto);
                let _ = write!(proto, "M{number} {field} = {number}; ");
            }
        }
        proto.push_str("}\n");
    }
}

fn snake_case(path: &str) -> String {
    let mut snake = String::new();
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
