//! The cases of public test suites, when a folder of them is given by `GATEWAY_CASES`:
//! `transcoding.json` and `json_mapping.json` with its message in `schema_all_types.json`. Without
//! the variable, nothing runs here.

mod framing;
mod mapping;
mod matching;
mod parameters;
mod parsing;

use std::path::PathBuf;

use serde_json::Value;

/// Cases whose source and this gateway disagree, with the reason why the gateway does as it does.
const DEVIATIONS: [(&str, &str); 2] = [
    (
        "query-443",
        "a parameter for a field that the path or the body has bound is refused, not dropped",
    ),
    (
        "query-444",
        "a parameter for a field that the path or the body has bound is refused, not dropped",
    ),
];

/// How many cases of one kind ran, and how they ended.
#[derive(Default)]
pub struct Tally {
    passed: usize,
    deviated: usize,
    failures: Vec<String>,
}

impl Tally {
    pub fn note(&mut self, case: &Value, outcome: Result<(), String>) {
        let id = case["id"].as_str().unwrap_or_else(|| case["source"].as_str().unwrap());
        match outcome {
            Ok(()) => self.passed += 1,
            Err(_) if DEVIATIONS.iter().any(|(deviation, _)| *deviation == id) => {
                self.deviated += 1;
            }
            Err(reason) => self.failures.push(format!("{id}: {reason}")),
        }
    }

    pub fn finish(self, kind: &str) {
        println!("{kind}: {} passed, {} deviate by design", self.passed, self.deviated);
        assert!(self.failures.is_empty(), "{kind}:\n{}", self.failures.join("\n"));
    }
}

/// One file of cases, or `None` with a word about it.
#[expect(clippy::disallowed_methods, reason = "the cases are not part of the crate")]
pub fn load(file: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("GATEWAY_CASES") else {
        println!("GATEWAY_CASES is not set: the cases of {file} are not run");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join(file)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The cases of some kinds that every conforming transcoder passes, and parameters that only some
/// take.
pub fn core_cases<'f>(file: &'f Value, kinds: &[&str]) -> Vec<&'f Value> {
    let cases = file["cases"].as_array().unwrap();
    cases
        .iter()
        .filter(|case| {
            case["tier"] == "core" || (case["tier"] == "extension" && case["kind"] == "query")
        })
        .filter(|case| kinds.iter().any(|kind| case["kind"] == *kind))
        .collect()
}

/// Equal, where numbers are compared by value: `1` is `1.0`.
pub fn same_json(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same_json(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, l)| right.get(key).is_some_and(|r| same_json(l, r)))
        }
        _ => left == right,
    }
}

pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
