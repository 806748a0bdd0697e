//! The field mask of an update (AIP-134): derived from the keys of a body, and checked when it is
//! given.

use crate::error::Error;
use crate::json::{Bound, Lexer, Token, path_from_either};
use crate::limits::Limits;
use crate::suggestion;
use crate::tables::{Cardinality, Field, Message, MessageId, Tables, WellKnown};

/// The paths of the fields that a body sets, relative to its message, in proto names. A nested
/// message counts by its own fields, and a `Struct` by its keys, unless it is empty; lists and maps
/// count as a whole. What the path of the request has bound names the resource and is no change.
/// The body has been parsed before.
pub(crate) fn derive(
    tables: &Tables,
    root: &Field,
    body: &str,
    limits: &Limits,
    bounds: &[Bound],
) -> Result<Vec<String>, Error> {
    let lexer = Lexer::new(body, limits.depth());
    let places = vec![root.index];
    let bytes_left = limits.body_bytes_max;
    let mut walk = Walk { tables, lexer, bounds, places, paths: Vec::new(), bytes_left };
    match tables.message_of(root) {
        Some((_, message)) if walk.lexer.peek()? == Token::Object => {
            walk.members(message, "")?;
        }
        _ => {}
    }
    Ok(walk.paths)
}

/// What is wrong with a path of a mask. `None` when it leads to a field: in either spelling, through
/// messages, into maps and structs by any key, and `*`.
pub(crate) fn unknown(tables: &Tables, root: MessageId, path: &str) -> Option<String> {
    let Some(path) = path_from_either(path) else { return Some("must be a field path".to_owned()) };
    if path == "*" {
        return None;
    }
    let mut message = Some(root);
    for name in path.split('.') {
        let Some(message_of_name) = message.map(|id| tables.message(id)) else {
            return Some("must end at a field without fields of its own".to_owned());
        };
        if message_of_name.well_known == Some(WellKnown::Struct) {
            return None;
        }
        let Some(field) = message_of_name.field_by_name(name) else {
            return Some(suggestion::unknown_field(message_of_name, name));
        };
        if field.cardinality == Cardinality::Map {
            return None;
        }
        let inner = tables.message_of(field).map(|(id, _)| id);
        message = inner.filter(|_| field.cardinality == Cardinality::Singular);
    }
    None
}

struct Walk<'a> {
    tables: &'a Tables,
    lexer: Lexer<'a>,
    bounds: &'a [Bound],
    places: Vec<usize>,
    paths: Vec<String>,
    /// A long key above many others makes many long paths; together they may be no longer than a
    /// body.
    bytes_left: usize,
}

impl Walk<'_> {
    /// Reads an object as a message; answers how many fields it named.
    fn members(&mut self, message: &Message, prefix: &str) -> Result<usize, Error> {
        let mut count = 0;
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            let Some(field) = message.field_by_name(&key) else {
                self.lexer.skip()?;
                continue;
            };
            count += 1;
            self.places.push(field.index);
            let path = format!("{prefix}{}", field.name);
            self.field(field, path)?;
            self.places.pop();
        }
        Ok(count)
    }

    fn field(&mut self, field: &Field, path: String) -> Result<(), Error> {
        if self.bounds.iter().any(|bound| bound.places == self.places) {
            return self.lexer.skip();
        }
        let inner = self.tables.message_of(field).map(|(_, message)| message);
        let inner = inner.filter(|_| field.cardinality == Cardinality::Singular);
        let is_object = self.lexer.peek()? == Token::Object;
        let count = match inner.map(|message| (message, message.well_known)) {
            Some((message, None)) if is_object => self.members(message, &format!("{path}."))?,
            Some((_, Some(WellKnown::Struct))) if is_object => self.keys(&format!("{path}."))?,
            _ => {
                self.lexer.skip()?;
                0
            }
        };
        if count == 0 { self.push(path) } else { Ok(()) }
    }

    /// Reads an object as a `Struct`.
    fn keys(&mut self, prefix: &str) -> Result<usize, Error> {
        let mut count = 0;
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            count += 1;
            let path = format!("{prefix}{key}");
            let is_object = self.lexer.peek()? == Token::Object;
            let inner = if is_object { self.keys(&format!("{path}."))? } else { 0 };
            if !is_object {
                self.lexer.skip()?;
            }
            if inner == 0 {
                self.push(path)?;
            }
        }
        Ok(count)
    }

    fn push(&mut self, path: String) -> Result<(), Error> {
        let left = self.bytes_left.checked_sub(path.len());
        self.bytes_left = left.ok_or_else(|| Error::malformed("the body names too many fields"))?;
        self.paths.push(path);
        Ok(())
    }
}
