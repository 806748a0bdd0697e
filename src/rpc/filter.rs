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

/// The filter of one list.
pub struct Grammar {
    /// Its terms, as examples for whoever wrote another.
    pub terms: &'static str,
}

impl Grammar {
    /// Reads a filter such as `state = "LIVE" AND title : "cat"`. Quotes may be left out around plain words, and fields
    /// may be in either spelling.
    ///
    /// # Errors
    /// `InvalidFields` naming `filter`.
    pub fn read(&self, filter: &str) -> Result<Vec<Term>> {
        let mut rest = filter.trim();
        let mut terms = Vec::new();
        while !rest.is_empty() {
            let cannot = || self.refuse(&format!("must have a term at `{rest}`"));
            let (term, after) = read_term(rest).ok_or_else(cannot)?;
            terms.push(term);
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            let (word, next) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            rest = match word {
                "AND" => next.trim_start(),
                word if word.eq_ignore_ascii_case("and") => {
                    return Err(self.refuse(&format!("must have AND in capitals, not `{word}`")));
                }
                _ => return Err(self.refuse(&format!("must have AND before `{rest}`"))),
            };
            if rest.is_empty() {
                return Err(self.refuse("must have a term after AND"));
            }
        }
        if terms.len() > TERMS_MAX {
            return Err(self.refuse(&format!("must have at most {TERMS_MAX} terms")));
        }
        Ok(terms)
    }

    /// A term that names no field of the list, or compares it in a way that it cannot be.
    pub fn unknown(&self, term: &Term) -> Error {
        let symbol = match term.operator {
            Operator::Equals => '=',
            Operator::Has => ':',
        };
        self.refuse(&format!("must not have the term `{} {symbol}`", term.field))
    }

    fn refuse(&self, what: &str) -> Error {
        Error::invalid_field("filter", format!("{what}; terms are {}, joined by AND", self.terms))
    }
}

/// The value of a term, of a closed set.
///
/// # Errors
/// `InvalidFields` naming `filter`, with the set.
pub fn choice<T: Copy>(term: &Term, all: &[T], name: fn(T) -> &'static str) -> Result<T> {
    all.iter().copied().find(|value| name(*value) == term.value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
        let allowed = format!(
            "must have one of {} for {}, not `{}`",
            names.join(", "),
            term.field,
            term.value
        );
        Error::invalid_field("filter", allowed)
    })
}

/// The name that a field has in the contract, for one in the spelling of JSON.
fn proto_name(name: &str) -> String {
    let mut read = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !read.is_empty() {
            read.push('_');
        }
        read.push(character.to_ascii_lowercase());
    }
    read
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
    Some((Term { field: proto_name(field), operator, value }, rest))
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

    const GRAMMAR: Grammar = Grammar { terms: "`state = \"LIVE\"` and `title : \"games\"`" };

    fn parse(filter: &str) -> Result<Vec<Term>> {
        GRAMMAR.read(filter)
    }

    fn refusal(filter: &str) -> String {
        let Err(Error::InvalidFields(violations)) = parse(filter) else { panic!("{filter}") };
        violations[0].description.clone()
    }

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
        assert_eq!(parse("ownerId = a").unwrap(), [term("owner_id", Operator::Equals, "a")]);
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_which_terms_there_are() {
        for (filter, said) in [
            ("state = LIVE and title : a", "must have AND in capitals, not `and`"),
            ("state = LIVE OR title : a", "must have AND before `OR title : a`"),
            ("state = LIVE AND", "must have a term after AND"),
            ("state > LIVE", "must have a term at `state > LIVE`"),
        ] {
            let expected = format!("{said}; terms are {}, joined by AND", GRAMMAR.terms);
            assert_eq!(refusal(filter), expected);
        }
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
