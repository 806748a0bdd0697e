//! The field mask of an update (AIP-134): derived from the keys of a body, and checked when it is
//! given.

use crate::error::Error;
use crate::json::{Bound, Lexer, Token, path_from_either};
use crate::limits::Limits;
use crate::suggestion;
use crate::tables::{Cardinality, Field, Message, MessageId, Tables, WellKnown};

/// A long key above many others makes many long paths. Together they may be no longer than the body
/// and these bytes, which short bodies may need.
const PATHS_BYTES_FREE: usize = 64 << 10;

/// The paths of the fields that a body sets, relative to its message, in proto names. A nested
/// message counts by its own fields, and a `Struct` by its keys, unless it is empty; lists and maps
/// count as a whole. What the path of the request has bound names the resource and is no change.
/// The body has been parsed before.
pub(crate) fn derive(
    tables: &Tables,
    root: &Field,
    body: &str,
    limits: &Limits,
    bounds: &[Bound<'_>],
) -> Result<Vec<String>, Error> {
    let lexer = Lexer::new(body, limits.depth());
    let places = vec![root.index];
    let bytes_left = body.len() + PATHS_BYTES_FREE;
    let mut walk =
        Walk { tables, lexer, bounds, places, path: String::new(), paths: Vec::new(), bytes_left };
    match tables.message_of(root) {
        Some((_, message)) if walk.lexer.peek()? == Token::Object => {
            walk.members(message)?;
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
    bounds: &'a [Bound<'a>],
    places: Vec<usize>,
    /// To what is being read.
    path: String,
    paths: Vec<String>,
    /// What more the paths may take.
    bytes_left: usize,
}

impl Walk<'_> {
    /// Reads an object as a message; answers how many fields it named.
    fn members(&mut self, message: &Message) -> Result<usize, Error> {
        let mut count = 0;
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            let Some(field) = message.field_by_name(&key) else {
                self.lexer.skip()?;
                continue;
            };
            count += 1;
            self.places.push(field.index);
            self.below(&field.name, |walk| walk.field(field))?;
            self.places.pop();
        }
        Ok(count)
    }

    fn field(&mut self, field: &Field) -> Result<(), Error> {
        if self.bounds.iter().any(|bound| bound.places == self.places) {
            return self.lexer.skip();
        }
        let inner = self.tables.message_of(field).map(|(_, message)| message);
        let inner = inner.filter(|_| field.cardinality == Cardinality::Singular);
        let is_object = self.lexer.peek()? == Token::Object;
        let count = match inner.map(|message| (message, message.well_known)) {
            Some((message, None)) if is_object => self.members(message)?,
            Some((_, Some(WellKnown::Struct))) if is_object => self.keys()?,
            _ => {
                self.lexer.skip()?;
                0
            }
        };
        if count == 0 { self.push() } else { Ok(()) }
    }

    /// Reads an object as a `Struct`.
    fn keys(&mut self) -> Result<usize, Error> {
        let mut count = 0;
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            count += 1;
            self.below(&key, |walk| {
                let is_object = walk.lexer.peek()? == Token::Object;
                let inner = if is_object { walk.keys()? } else { 0 };
                if !is_object {
                    walk.lexer.skip()?;
                }
                if inner == 0 { walk.push() } else { Ok(()) }
            })?;
        }
        Ok(count)
    }

    /// Reads something under a name.
    fn below(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let length = self.path.len();
        self.path.push_str(if length > 0 { "." } else { "" });
        self.path.push_str(name);
        read(self)?;
        self.path.truncate(length);
        Ok(())
    }

    fn push(&mut self) -> Result<(), Error> {
        let left = self.bytes_left.checked_sub(self.path.len());
        self.bytes_left = left.ok_or_else(|| Error::malformed("the body names too many fields"))?;
        self.paths.push(self.path.clone());
        Ok(())
    }
}
