//! One rule of one value: its test, its id and the phrase that tells people what is allowed.

use std::fmt::Display;

use prost_reflect::Kind;
use regex::Regex;

use super::{
    form::Form,
    options::{Bound, Constraint, Interval, Size, TextRules, TypeRules},
};
use crate::suggestion::one_of;

/// A value as the rules see it, borrowed from the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Uint(u64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Seconds and nanoseconds.
    Time(i64, i32),
}

impl Value<'_> {
    /// Whether it is what an unset field of its type reads as.
    pub(super) fn is_zero(&self) -> bool {
        match *self {
            Self::Int(number) => number == 0,
            Self::Uint(number) => number == 0,
            Self::Float(number) => number.to_bits() == 0,
            Self::Bool(value) => !value,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Time(seconds, nanos) => seconds == 0 && nanos == 0,
        }
    }
}

/// A compiled rule.
pub(super) struct Check {
    test: Test,
    pub(super) rule: String,
    pub(super) description: String,
}

enum Test {
    Integer(Comparison<i128>),
    Float(Comparison<f64>),
    Time(Comparison<(i64, i32)>),
    Bool(bool),
    Text(Comparison<String>),
    Chars { min: u64, max: u64 },
    Bytes { min: u64, max: u64 },
    Pattern(Regex),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Form(Form),
}

enum Comparison<T> {
    Equal(T),
    Within { lower: Option<Bound<T>>, upper: Option<Bound<T>> },
    Outside { lower: Bound<T>, upper: Bound<T> },
    In(Vec<T>),
    NotIn(Vec<T>),
}

impl Check {
    /// Whether the value keeps the rule.
    pub(super) fn passes(&self, value: &Value) -> bool {
        match (&self.test, *value) {
            (Test::Integer(comparison), Value::Int(number)) => comparison.holds(&number.into()),
            (Test::Integer(comparison), Value::Uint(number)) => comparison.holds(&number.into()),
            (Test::Float(comparison), Value::Float(number)) => comparison.holds(&number),
            (Test::Time(comparison), Value::Time(seconds, nanos)) => {
                comparison.holds(&(seconds, nanos))
            }
            (Test::Bool(expected), Value::Bool(value)) => *expected == value,
            (Test::Bytes { min, max }, Value::Bytes(bytes)) => (*min..=*max).contains(&len(bytes)),
            (text_test, Value::Text(text)) => text_test.passes_text(text),
            // The compiler pairs every test with its type.
            _ => false,
        }
    }

    fn new(test: Test, rule: String, description: String) -> Self {
        Self { test, rule, description }
    }
}

impl Test {
    fn passes_text(&self, text: &str) -> bool {
        match self {
            Self::Text(Comparison::Equal(expected)) => expected == text,
            Self::Text(Comparison::In(allowed)) => allowed.iter().any(|item| item == text),
            Self::Text(Comparison::NotIn(refused)) => refused.iter().all(|item| item != text),
            Self::Chars { min, max } => {
                // A code point takes one to four bytes, which often decides without counting.
                let bytes = len(text.as_bytes());
                (bytes <= *max && bytes >= min.saturating_mul(4))
                    || (*min..=*max).contains(&(text.chars().count() as u64))
            }
            Self::Bytes { min, max } => (*min..=*max).contains(&len(text.as_bytes())),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Contains(part) => text.contains(part),
            Self::Form(form) => form.fits(text),
            _ => false,
        }
    }
}

impl<T: PartialOrd> Comparison<T> {
    fn holds(&self, value: &T) -> bool {
        match self {
            Self::Equal(expected) => value == expected,
            Self::Within { lower, upper } => {
                lower.as_ref().is_none_or(|bound| bound.is_below(value))
                    && upper.as_ref().is_none_or(|bound| bound.is_above(value))
            }
            Self::Outside { lower, upper } => lower.is_below(value) || upper.is_above(value),
            Self::In(allowed) => allowed.contains(value),
            Self::NotIn(refused) => !refused.contains(value),
        }
    }
}

impl<T: PartialOrd> Bound<T> {
    fn is_below(&self, value: &T) -> bool {
        *value > self.value || (self.inclusive && *value == self.value)
    }

    fn is_above(&self, value: &T) -> bool {
        *value < self.value || (self.inclusive && *value == self.value)
    }
}

fn len(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// The checks of a value of `kind`, in the order in which they are reported.
pub(super) fn of_type(rules: &TypeRules, kind: &Kind) -> Result<Vec<Check>, String> {
    let name = rules.name;
    Ok(match &rules.rules {
        Constraint::Integer(interval) => interval.checks(name, Test::Integer, i128::to_string),
        Constraint::Float(interval) => interval.checks(name, Test::Float, f64::to_string),
        Constraint::Time(interval) if name == "timestamp" => {
            interval.checks(name, Test::Time, rfc3339)
        }
        Constraint::Time(interval) => interval.checks(name, Test::Time, seconds),
        Constraint::Bool(constant) => {
            let check = |value: bool| {
                Check::new(Test::Bool(value), "bool.const".into(), format!("must be {value}"))
            };
            constant.map(check).into_iter().collect()
        }
        Constraint::Text(rules) => text_checks(rules)?,
        Constraint::Bytes(size) => {
            size_checks(*size, ["bytes.min_len", "bytes.max_len"], "bytes", byte_range)
        }
        Constraint::Enum { defined_only, numbers } => enum_checks(*defined_only, numbers, kind),
        Constraint::List { .. } | Constraint::Map { .. } => {
            return Err(format!("{name} rules do not fit a single value"));
        }
    })
}

/// The checks of a number of items or pairs.
pub(super) fn of_count(size: Size, rules: [&str; 2], noun: &str) -> Vec<Check> {
    size_checks(size, rules, noun, |min, max| {
        let bound = |value: u64| Some(Bound { value: value.into(), inclusive: true });
        Test::Integer(Comparison::Within { lower: bound(min), upper: bound(max) })
    })
}

impl<T: PartialOrd + Clone> Interval<T> {
    fn checks(
        &self,
        name: &str,
        test: fn(Comparison<T>) -> Test,
        show: impl Fn(&T) -> String,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut add = |comparison, rule: &str, description| {
            checks.push(Check::new(test(comparison), format!("{name}.{rule}"), description));
        };
        let list = |values: &[T]| values.iter().map(&show).collect::<Vec<_>>().join(", ");
        if let Some(value) = &self.constant {
            add(Comparison::Equal(value.clone()), "const", format!("must be {}", show(value)));
        }
        if let Some((comparison, rule, words)) = self.range(&show) {
            add(comparison, &rule, format!("must be {words}"));
        }
        if !self.allowed.is_empty() {
            let words = format!("must be one of {}", list(&self.allowed));
            add(Comparison::In(self.allowed.clone()), "in", words);
        }
        if !self.refused.is_empty() {
            let words = format!("must be none of {}", list(&self.refused));
            add(Comparison::NotIn(self.refused.clone()), "not_in", words);
        }
        checks
    }

    /// Both bounds as one rule, because the value lies outside them when the lower is the greater one.
    fn range(&self, show: impl Fn(&T) -> String) -> Option<(Comparison<T>, String, String)> {
        let words = |bound: &Bound<T>, strict: &str, inclusive: &str| {
            format!("{} {}", if bound.inclusive { inclusive } else { strict }, show(&bound.value))
        };
        let low = |bound: &Bound<T>| {
            (if bound.inclusive { "gte" } else { "gt" }, words(bound, "greater than", "at least"))
        };
        let high = |bound: &Bound<T>| {
            (if bound.inclusive { "lte" } else { "lt" }, words(bound, "less than", "at most"))
        };
        let within = |lower, upper| Comparison::Within { lower, upper };
        Some(match (self.lower.clone(), self.upper.clone()) {
            (None, None) => return None,
            (Some(lower), None) => {
                let (id, words) = low(&lower);
                (within(Some(lower), None), id.to_owned(), words)
            }
            (None, Some(upper)) => {
                let (id, words) = high(&upper);
                (within(None, Some(upper)), id.to_owned(), words)
            }
            (Some(lower), Some(upper)) => {
                let ((low_id, low_words), (high_id, high_words)) = (low(&lower), high(&upper));
                if upper.value < lower.value {
                    let id = format!("{low_id}_{high_id}_exclusive");
                    let words = format!("{low_words} or {high_words}");
                    (Comparison::Outside { lower, upper }, id, words)
                } else {
                    let id = format!("{low_id}_{high_id}");
                    (within(Some(lower), Some(upper)), id, format!("{low_words} and {high_words}"))
                }
            }
        })
    }
}

fn enum_checks(defined_only: bool, numbers: &Interval<i128>, kind: &Kind) -> Vec<Check> {
    let Kind::Enum(values) = kind else { return Vec::new() };
    let show = |number: &i128| {
        let value = i32::try_from(*number).ok().and_then(|number| values.get_value(number));
        value.map_or_else(|| number.to_string(), |value| value.name().to_owned())
    };
    let mut checks = numbers.checks("enum", Test::Integer, show);
    if defined_only {
        let mut defined: Vec<i128> = values.values().map(|value| value.number().into()).collect();
        defined.sort_unstable();
        defined.dedup();
        let names: Vec<_> = defined.iter().map(show).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let words = format!("must be {}", one_of(&names));
        let test = Test::Integer(Comparison::In(defined));
        checks.push(Check::new(test, "enum.defined_only".into(), words));
    }
    checks
}

fn text_checks(rules: &TextRules) -> Result<Vec<Check>, String> {
    let quoted = |text: &String| format!("{text:?}");
    let values = Interval {
        constant: rules.constant.clone(),
        allowed: rules.allowed.clone(),
        refused: rules.refused.clone(),
        ..Interval::default()
    };
    let mut checks = values.checks("string", Test::Text, quoted);
    if let Some(len) = rules.len {
        let words = format!("must be {len} characters long");
        let test = Test::Chars { min: len, max: len };
        checks.push(Check::new(test, "string.len".into(), words));
    }
    let ids = ["string.min_len", "string.max_len"];
    let chars = |min, max| Test::Chars { min, max };
    checks.extend(size_checks(rules.chars, ids, "characters", chars));
    let ids = ["string.min_bytes", "string.max_bytes"];
    checks.extend(size_checks(rules.bytes, ids, "bytes", byte_range));
    let part = |part: &Option<String>, test: fn(String) -> Test, id: &str, verb: &str| {
        let part = part.clone()?;
        let words = format!("must {verb} {part:?}");
        Some(Check::new(test(part), id.into(), words))
    };
    checks.extend(part(&rules.prefix, Test::Prefix, "string.prefix", "begin with"));
    checks.extend(part(&rules.suffix, Test::Suffix, "string.suffix", "end with"));
    checks.extend(part(&rules.contains, Test::Contains, "string.contains", "contain"));
    if let Some(pattern) = &rules.pattern {
        let regex = Regex::new(pattern)
            .map_err(|error| format!("the pattern {pattern:?} does not compile: {error}"))?;
        let words = format!("must match the pattern {pattern}");
        checks.push(Check::new(Test::Pattern(regex), "string.pattern".into(), words));
    }
    if let Some(form) = rules.form {
        let words = format!("must be {}", form.noun());
        checks.push(Check::new(Test::Form(form), format!("string.{}", form.name()), words));
    }
    Ok(checks)
}

fn byte_range(min: u64, max: u64) -> Test {
    Test::Bytes { min, max }
}

fn size_checks(
    size: Size,
    [min_rule, max_rule]: [&str; 2],
    noun: &str,
    test: impl Fn(u64, u64) -> Test,
) -> Vec<Check> {
    let mut checks = Vec::new();
    // "1 items" would read badly.
    let count = |number: u64| {
        let noun = if number == 1 { noun.trim_end_matches('s') } else { noun };
        format!("{number} {noun}")
    };
    if let Some(min) = size.min {
        let words = format!("must have at least {}", count(min));
        checks.push(Check::new(test(min, u64::MAX), min_rule.into(), words));
    }
    if let Some(max) = size.max {
        let words = format!("must have at most {}", count(max));
        checks.push(Check::new(test(0, max), max_rule.into(), words));
    }
    checks
}

/// A duration as canonical JSON writes it.
fn seconds(&(seconds, nanos): &(i64, i32)) -> String {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos.unsigned_abs()))
}

fn fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_owned()
}

/// A timestamp in RFC 3339, in UTC.
fn rfc3339(&(seconds, nanos): &(i64, i32)) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let clock = [second / 3600, second / 60 % 60, second % 60];
    let pad = |number: &dyn Display| format!("{number:02}");
    let [hour, minute, second] = clock.map(|part| pad(&part));
    let fraction = fraction(nanos.unsigned_abs());
    format!("{year:04}-{month:02}-{day:02}T{hour}:{minute}:{second}{fraction}Z")
}

/// The date of the proleptic Gregorian calendar, some days after 1970-01-01. Years are counted from March, so that
/// the leap day is the last day of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}
