//! Filters of lists: a small part of AIP-160, terms joined by AND.

use crate::domain::{Error, Result};

/// One condition.
#[derive(Debug, PartialEq, Eq)]
pub struct Term {
    /// The field.
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`: it is the value.
    Equals,
    /// `:`: it contains the value, without regard to case.
    Has,
}

/// The most terms of a filter.
const TERMS_MAX: usize = 10;

/// Reads a filter such as `state = "LIVE" AND title : "cat"`. Quotes may be left out around plain words.
///
/// # Errors
/// `InvalidFields` naming `filter`.
pub fn parse(filter: &str) -> Result<Vec<Term>> {
    let mut rest = filter.trim();
    let mut terms = Vec::new();
    while !rest.is_empty() {
        let (term, after) =
            read_term(rest).ok_or_else(|| invalid(&format!("cannot be read at `{rest}`")))?;
        terms.push(term);
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix("AND ") {
            rest = next.trim_start();
            if rest.is_empty() {
                return Err(invalid("ends with AND"));
            }
        } else if !rest.is_empty() {
            return Err(invalid(&format!("needs AND before `{rest}`")));
        }
    }
    if terms.len() > TERMS_MAX {
        return Err(invalid(&format!("has more than {TERMS_MAX} terms")));
    }
    Ok(terms)
}

/// What is wrong with a filter.
pub fn invalid(what: &str) -> Error {
    Error::invalid_field(
        "filter",
        format!("{what}; write terms such as `name : \"games\"` joined by AND"),
    )
}

/// A term with a value of a closed set.
///
/// # Errors
/// `InvalidFields` naming `filter`.
pub fn choice<T>(term: &Term, find: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    find(&term.value).ok_or_else(|| {
        invalid(&format!("has `{}` for {}, which is not one of its values", term.value, term.field))
    })
}

/// A term that names no field of the list, or compares it in a way that it cannot be.
pub fn unknown(term: &Term) -> Error {
    invalid(&format!("cannot compare `{}` like this", term.field))
}

fn read_term(text: &str) -> Option<(Term, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (field, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let (operator, rest) = match rest.split_at_checked(1)? {
        ("=", rest) => (Operator::Equals, rest),
        (":", rest) => (Operator::Has, rest),
        _ => return None,
    };
    let (value, rest) = read_value(rest.trim_start())?;
    if field.is_empty() || value.is_empty() {
        return None;
    }
    Some((Term { field: field.to_owned(), operator, value }, rest))
}

/// A value in double quotes, in which a backslash takes the next character as it is, or a plain word.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return (!word.contains('"')).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(field: &str, operator: Operator, value: &str) -> Term {
        Term { field: field.into(), operator, value: value.into() }
    }

    #[test]
    fn terms_are_joined_by_and() {
        let read = parse(r#" state = LIVE AND title:"a \"b\" AND c" "#).unwrap();
        let expected = [
            term("state", Operator::Equals, "LIVE"),
            term("title", Operator::Has, "a \"b\" AND c"),
        ];
        assert_eq!(read, expected);
        assert_eq!(parse("  ").unwrap(), []);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in [
            "state",
            "state =",
            "= LIVE",
            "state LIVE",
            "a=b c=d",
            "a=b AND ",
            "a=\"b",
            "a>b",
            "a=\"\"",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let long = ["a = b"; TERMS_MAX + 1].join(" AND ");
        assert!(parse(&long).is_err());
    }
}
