//! What the rules of a field say of one value, for whoever documents them.

use prost_reflect::Kind;

use super::{
    check::{self, Value},
    options::{Constraint, FieldRules, Ignore},
};

/// Whether the rules let a field of the kind be left out, or be zero, which is the same without presence. A set
/// field of `required` is not asked about here.
pub(crate) fn accepts_zero(rules: &FieldRules, kind: &Kind) -> bool {
    if rules.ignore != Ignore::Never {
        return true;
    }
    match rules.by_type.as_ref().map(|by_type| &by_type.rules) {
        Some(Constraint::List { size, .. } | Constraint::Map { size, .. }) => {
            size.min.unwrap_or(0) == 0
        }
        _ => passes_zero(rules, kind),
    }
}

/// The same, whether or not the rules are skipped for zero.
pub(crate) fn passes_zero(rules: &FieldRules, kind: &Kind) -> bool {
    passes(
        rules,
        kind,
        &match kind {
            Kind::String => Value::Text(""),
            Kind::Bytes => Value::Bytes(&[]),
            Kind::Bool => Value::Bool(false),
            Kind::Float | Kind::Double => Value::Float(0.0),
            Kind::Message(_) => return true,
            _ => Value::Int(0),
        },
    )
}

/// Whether a string keeps the rules.
pub(crate) fn passes_text(rules: &FieldRules, text: &str) -> bool {
    passes(rules, &Kind::String, &Value::Text(text)) && !(rules.required && text.is_empty())
}

/// Whether an integer keeps the rules of a field of the kind.
pub(crate) fn passes_integer(rules: &FieldRules, kind: &Kind, number: i64) -> bool {
    passes(rules, kind, &Value::Int(number)) && !(rules.required && number == 0)
}

/// Whether a floating-point number keeps the rules of a field of the kind.
pub(crate) fn passes_float(rules: &FieldRules, kind: &Kind, number: f64) -> bool {
    passes(rules, kind, &Value::Float(number)) && !(rules.required && number == 0.0)
}

fn passes(rules: &FieldRules, kind: &Kind, value: &Value) -> bool {
    let checks = rules.by_type.as_ref().map(|by_type| check::of_type(by_type, kind));
    checks.and_then(Result::ok).unwrap_or_default().iter().all(|check| check.passes(value))
}
