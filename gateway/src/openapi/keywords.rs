//! Field rules as the keywords of JSON Schema.

use prost_reflect::Kind;
use serde_json::{Map, Value, json};

use crate::rules::{
    form::Form,
    options::{Constraint, FieldRules, Ignore, Interval, Size, TextRules},
    probe,
};

type Schema = Map<String, Value>;

/// The schema of a scalar without rules.
pub(super) fn scalar(kind: &Kind) -> Value {
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX})
        }
        Kind::Uint32 | Kind::Fixed32 => {
            json!({"type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX})
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
        }
        Kind::Uint64 | Kind::Fixed64 => {
            json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"})
        }
        Kind::Float => json!({"type": "number", "format": "float"}),
        Kind::Double => json!({"type": "number", "format": "double"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        _ => json!({"type": "string"}),
    }
}

/// Adds the rules of a single value. Where they spare the zero value but would refuse it, either will do.
pub(super) fn apply(schema: &mut Schema, rules: &FieldRules, kind: &Kind, presence: bool) {
    if rules.ignore == Ignore::Always {
        return;
    }
    let mut keywords = Schema::new();
    if let Some(by_type) = &rules.by_type {
        constrain(&mut keywords, &by_type.rules, kind);
    }
    let refuses_zero = rules.required && !presence;
    if refuses_zero {
        refuse_zero(&mut keywords, kind);
    }
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")]
    {
        if keywords.contains_key(exclusive) {
            schema.remove(inclusive);
        }
    }
    // What has no type is a reference to an enum. Each choice has its own: generators make a type of each one alone.
    let own_type = schema.get("type").cloned().unwrap_or_else(|| json!("string"));
    schema.extend(keywords);
    if rules.ignore == Ignore::IfZero && !refuses_zero && !probe::passes_zero(rules, kind) {
        let zero = json!({"type": own_type, "const": zero(kind)});
        let choices = json!([zero, std::mem::take(schema)]);
        schema.insert("anyOf".into(), choices);
    }
}

/// Adds the rules of the number of items or pairs.
pub(super) fn size(schema: &mut Schema, rules: &FieldRules, [min, max]: [&str; 2]) {
    if rules.ignore == Ignore::Always {
        return;
    }
    let mut size = Size::default();
    match rules.by_type.as_ref().map(|by_type| &by_type.rules) {
        Some(Constraint::List { size: own, unique, .. }) => {
            size = *own;
            if *unique {
                schema.insert("uniqueItems".into(), json!(true));
            }
        }
        Some(Constraint::Map { size: own, .. }) => size = *own,
        _ => {}
    }
    if rules.required {
        size.min = size.min.max(Some(1));
    }
    if rules.ignore == Ignore::Never || rules.required {
        schema.extend(size.min.map(|count| (min.to_owned(), json!(count))));
    }
    schema.extend(size.max.map(|count| (max.to_owned(), json!(count))));
}

fn constrain(keywords: &mut Schema, rules: &Constraint, kind: &Kind) {
    match rules {
        Constraint::Text(rules) => text(keywords, rules),
        // 64-bit numbers are strings in JSON, which have no bounds.
        Constraint::Integer(interval) if is_string(kind) => {
            values(keywords, interval, |number| Some(json!(number.to_string())));
        }
        Constraint::Integer(interval) => {
            bounds(keywords, interval, |number| i64::try_from(*number).ok().map(Value::from));
        }
        Constraint::Float(interval) => bounds(keywords, interval, |number| Some(json!(number))),
        Constraint::Bool(constant) => {
            keywords.extend(constant.map(|value| ("const".to_owned(), json!(value))));
        }
        Constraint::Enum { numbers, .. } => values(keywords, numbers, |number| {
            let number = i32::try_from(*number).ok()?;
            Some(json!(kind.as_enum()?.get_value(number)?.name()))
        }),
        // Base64 writes three bytes as four characters, and need not pad the last.
        Constraint::Bytes(size) => length(
            keywords,
            Size {
                min: size.min.map(|bytes| bytes.saturating_mul(4).div_ceil(3)),
                max: size.max.map(|bytes| bytes.div_ceil(3).saturating_mul(4)),
            },
        ),
        Constraint::Time(_) | Constraint::List { .. } | Constraint::Map { .. } => {}
    }
}

fn is_string(kind: &Kind) -> bool {
    matches!(kind, Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64)
}

fn values<T>(keywords: &mut Schema, interval: &Interval<T>, show: impl Fn(&T) -> Option<Value>) {
    if let Some(constant) = interval.constant.as_ref().and_then(&show) {
        keywords.insert("const".into(), constant);
    }
    let list = |values: &[T]| values.iter().filter_map(&show).collect::<Vec<Value>>();
    if !interval.allowed.is_empty() {
        keywords.insert("enum".into(), json!(list(&interval.allowed)));
    }
    if !interval.refused.is_empty() {
        keywords.insert("not".into(), json!({"enum": list(&interval.refused)}));
    }
}

fn bounds<T: PartialOrd>(
    keywords: &mut Schema,
    interval: &Interval<T>,
    show: impl Fn(&T) -> Option<Value>,
) {
    let mut limits = Vec::new();
    if let Some(bound) = &interval.lower {
        let keyword = if bound.inclusive { "minimum" } else { "exclusiveMinimum" };
        limits.extend(show(&bound.value).map(|value| (keyword.to_owned(), value)));
    }
    if let Some(bound) = &interval.upper {
        let keyword = if bound.inclusive { "maximum" } else { "exclusiveMaximum" };
        limits.extend(show(&bound.value).map(|value| (keyword.to_owned(), value)));
    }
    match (&interval.lower, &interval.upper) {
        (Some(lower), Some(upper)) if upper.value < lower.value => {
            let either: Vec<Schema> =
                limits.into_iter().map(|limit| Schema::from_iter([limit])).collect();
            keywords.insert("anyOf".into(), json!(either));
        }
        _ => keywords.extend(limits),
    }
    values(keywords, interval, show);
}

fn text(keywords: &mut Schema, rules: &TextRules) {
    let TextRules { len, chars, bytes, .. } = rules;
    // A code point takes one to four bytes: a bound in bytes gives one in code points.
    let min = chars.min.max(*len).max(bytes.min.map(|bytes| bytes.div_ceil(4)));
    let max = [chars.max, *len, bytes.max].into_iter().flatten().min();
    length(keywords, Size { min, max });
    let values_only = Interval {
        constant: rules.constant.clone(),
        allowed: rules.allowed.clone(),
        refused: rules.refused.clone(),
        ..Interval::default()
    };
    values(keywords, &values_only, |value| Some(json!(value)));
    let escaped = |part: &Option<String>| part.as_deref().map(escape);
    let mut patterns: Vec<String> = rules.pattern.clone().into_iter().collect();
    patterns.extend(escaped(&rules.prefix).map(|prefix| format!("^{prefix}")));
    patterns.extend(escaped(&rules.suffix).map(|suffix| format!("{suffix}$")));
    patterns.extend(escaped(&rules.contains));
    if let [pattern] = &patterns[..] {
        keywords.insert("pattern".into(), json!(pattern));
    } else if !patterns.is_empty() {
        let all: Vec<Value> = patterns.iter().map(|pattern| json!({"pattern": pattern})).collect();
        keywords.insert("allOf".into(), json!(all));
    }
    match rules.form {
        Some(Form::Ip) => {
            keywords.insert(
                "anyOf".into(),
                json!(["ipv4", "ipv6"].map(|form| json!({"type": "string", "format": form}))),
            );
        }
        Some(form) => drop(keywords.insert("format".into(), json!(form.name()))),
        None => {}
    }
}

/// The text as a pattern of ECMA-262, which in Unicode mode refuses to have anything else escaped.
fn escape(text: &str) -> String {
    let escape = |character| {
        let special = r"^$\.*+?()[]{}|/".contains(character);
        special.then_some('\\').into_iter().chain([character])
    };
    text.chars().flat_map(escape).collect()
}

fn length(keywords: &mut Schema, size: Size) {
    keywords.extend(size.min.map(|length| ("minLength".to_owned(), json!(length))));
    keywords.extend(size.max.map(|length| ("maxLength".to_owned(), json!(length))));
}

/// Says that a required value without presence is not zero.
fn refuse_zero(keywords: &mut Schema, kind: &Kind) {
    match kind {
        Kind::String | Kind::Bytes => {
            let min = keywords.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            keywords.insert("minLength".into(), json!(min.max(1)));
        }
        Kind::Bool => drop(keywords.insert("const".into(), json!(true))),
        Kind::Message(_) => {}
        _ if keywords.contains_key("not") => {
            let refused = json!({"anyOf": [keywords["not"], {"const": zero(kind)}]});
            keywords.insert("not".into(), refused);
        }
        _ => drop(keywords.insert("not".into(), json!({"const": zero(kind)}))),
    }
}

/// How the zero value of a kind is written.
fn zero(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!(false),
        Kind::String | Kind::Bytes | Kind::Message(_) => json!(""),
        Kind::Enum(values) => json!(values.default_value().name()),
        kind if is_string(kind) => json!("0"),
        _ => json!(0),
    }
}
