//! JSON to wire bytes in one pass, driven by the tables; no tree is built, and no value is read
//! twice but the type of an `Any`.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::lexer::{Lexer, Token};
use super::scalar::{Scalar, put_field, put_payload};
use super::well_known::{self, VALUE_LIST, VALUE_NULL, VALUE_STRUCT};
use crate::error::Error;
use crate::limits::Limits;
use crate::tables::{Cardinality, Field, Kind, Message, MessageId, Tables, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_tag};

/// How deep messages may nest on the wire, where a `Value` takes up to three levels for one of
/// JSON. Readers of protobuf stop here, and a service could only answer that the message is
/// corrupt.
const MESSAGE_DEPTH_MAX: usize = 100;

/// A field that the path or a header has set already: the body may repeat its value, but not change
/// it.
pub(crate) struct Bound {
    /// The place of each field on the way to it, from the request message.
    pub(crate) places: Vec<usize>,
    /// The field on the wire, with its tag.
    pub(crate) wire: Vec<u8>,
}

pub(crate) struct Parser<'a> {
    pub(super) tables: &'a Tables,
    pub(super) lexer: Lexer<'a>,
    elements_max: usize,
    bounds: &'a [Bound],
    pub(super) out: &'a mut Vec<u8>,
    /// Where the value being read belongs, for errors and for `bounds`.
    path: Vec<Step<'a>>,
    /// One bit for each field and each oneof of every message that is open, the innermost last.
    seen: Vec<u64>,
    /// How many messages are open, the entries of maps among them.
    depth: usize,
}

enum Step<'a> {
    Field(&'a Field),
    Index(usize),
    Key(String),
}

impl<'a> Parser<'a> {
    pub(crate) fn new(
        tables: &'a Tables,
        text: &'a str,
        limits: &Limits,
        bounds: &'a [Bound],
        out: &'a mut Vec<u8>,
    ) -> Self {
        let lexer = Lexer::new(text, limits.depth());
        let elements_max = limits.elements_max;
        let (path, seen) = (Vec::new(), Vec::new());
        Self { tables, lexer, elements_max, bounds, out, path, seen, depth: 0 }
    }

    /// Reads the whole text as the content of a message, which is written without tag and length.
    pub(crate) fn parse_message(mut self, id: MessageId) -> Result<(), Error> {
        self.content(id)?;
        self.lexer.end()
    }

    /// Reads the whole text as a field, written with its tag; `parents` lead to its message.
    pub(crate) fn parse_field(mut self, field: &'a Field) -> Result<(), Error> {
        self.path.push(Step::Field(field));
        self.value(field)?;
        self.lexer.end()
    }

    pub(super) fn object(&mut self, message: &'a Message, in_any: bool) -> Result<(), Error> {
        self.lexer.begin_object()?;
        let seen = self.seen.len();
        let bits = message.fields.len() + message.oneof_count;
        self.seen.resize(seen + bits.div_ceil(64), 0);
        let mut next = 0;
        while let Some(key) = self.lexer.next_key()? {
            if in_any && key == "@type" {
                self.lexer.skip()?;
                continue;
            }
            // Most clients send fields in the order in which they are declared.
            let guess = message.fields.get(next).filter(|field| *field.json_name == *key);
            let Some(field) = guess.or_else(|| message.field_by_name(&key)) else {
                return Err(self.unknown_field(&key));
            };
            next = field.index + 1;
            self.path.push(Step::Field(field));
            if self.was_seen(seen, field.index) {
                return Err(self.invalid("given more than once"));
            }
            let is_set = self.member(field)?;
            if let Some(oneof) = field.oneof.filter(|_| is_set)
                && self.was_seen(seen, message.fields.len() + oneof)
            {
                return Err(self.invalid("another field of the same oneof is given too"));
            }
            self.path.pop();
        }
        self.seen.truncate(seen);
        Ok(())
    }

    /// Reads the value of a field, which may be bound already. Answers whether it was set at all.
    fn member(&mut self, field: &'a Field) -> Result<bool, Error> {
        let before = self.out.len();
        let is_set = self.value(field)?;
        let bounds = self.bounds;
        if let Some(bound) = bounds.iter().find(|bound| self.is_at(&bound.places)) {
            if is_set && self.out[before..] != bound.wire {
                return Err(self.invalid("differs from its value in the path or a header"));
            }
            self.out.truncate(before);
        }
        Ok(is_set)
    }

    fn value(&mut self, field: &'a Field) -> Result<bool, Error> {
        let token = self.lexer.peek()?;
        match (field.cardinality, token) {
            (Cardinality::Singular, Token::Null) if self.null_payload(field.kind).is_none() => {
                self.lexer.null()?;
                return Ok(false);
            }
            (Cardinality::Singular, _) => self.element(field, field.has_presence)?,
            (_, Token::Null) => {
                self.lexer.null()?;
                return Ok(false);
            }
            (Cardinality::Map, Token::Object) => self.map(field)?,
            (Cardinality::Map, _) => return Err(self.invalid("expected an object")),
            (_, Token::Array) => self.array(field)?,
            _ => return Err(self.invalid("expected an array")),
        }
        Ok(true)
    }

    /// Writes one value with its tag, of a singular field, a list or a map.
    fn element(&mut self, field: &'a Field, keep_default: bool) -> Result<(), Error> {
        if let Kind::Message(id) = field.kind {
            return self.nested(field, |parser| parser.content(id));
        }
        self.with_scalar(field.kind, |parser, scalar| {
            put_field(parser.out, parser.tables, field, scalar, keep_default)
        })
    }

    /// Writes a message with its tag and its length around what `write` writes.
    fn nested(
        &mut self,
        field: &Field,
        write: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.depth == MESSAGE_DEPTH_MAX {
            return Err(Error::malformed("messages are nested too deeply"));
        }
        self.depth += 1;
        put_tag(self.out, field.number, WireType::LengthDelimited);
        let start = begin_length(self.out);
        write(self)?;
        end_length(self.out, start);
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, field: &'a Field) -> Result<(), Error> {
        let is_packed = field.cardinality == Cardinality::Packed;
        let before = self.out.len();
        if is_packed {
            put_tag(self.out, field.number, WireType::LengthDelimited);
        }
        let start = if is_packed { begin_length(self.out) } else { before };
        let mut count = 0;
        self.lexer.begin_array()?;
        while self.lexer.next_element()? {
            self.check_count(count)?;
            self.path.push(Step::Index(count));
            if is_packed {
                self.with_scalar(field.kind, |parser, scalar| {
                    put_payload(parser.out, parser.tables, field.kind, scalar)
                })?;
            } else {
                self.element(field, true)?;
            }
            self.path.pop();
            count += 1;
        }
        match (is_packed, count) {
            (true, 0) => self.out.truncate(before),
            (true, _) => end_length(self.out, start),
            (false, _) => {}
        }
        Ok(())
    }

    fn map(&mut self, field: &'a Field) -> Result<(), Error> {
        let tables = self.tables;
        let entry = tables.message_of(field).map(|(_, entry)| entry.fields.as_slice());
        let Some([key_field, value_field]) = entry else {
            return Err(self.invalid("expected an array"));
        };
        let mut keys = HashSet::new();
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            self.check_count(keys.len())?;
            self.path.push(Step::Key(key.clone().into_owned()));
            self.nested(field, |parser| {
                let start = parser.out.len();
                put_field(parser.out, tables, key_field, Scalar::Bare(&key), true)
                    .map_err(|expected| parser.invalid(expected))?;
                if !keys.insert(parser.out[start..].to_vec()) {
                    return Err(parser.invalid("given more than once"));
                }
                parser.element(value_field, true)
            })?;
            self.path.pop();
        }
        Ok(())
    }

    /// Writes the content of a message, without tag and length, from whatever JSON stands for it.
    pub(super) fn content(&mut self, id: MessageId) -> Result<(), Error> {
        let message = self.tables.message(id);
        match (message.well_known, self.lexer.peek()?) {
            (None | Some(WellKnown::Empty), Token::Object) => self.object(message, false),
            (Some(WellKnown::Any), Token::Object) => self.any(),
            (Some(WellKnown::Struct), Token::Object) => self.first_field(message, Self::map),
            (Some(WellKnown::ListValue), Token::Array) => self.first_field(message, Self::array),
            (Some(WellKnown::Value), Token::Object) => self.value_member(message, VALUE_STRUCT),
            (Some(WellKnown::Value), Token::Array) => self.value_member(message, VALUE_LIST),
            _ => self.with_scalar(Kind::Message(id), |parser, scalar| {
                well_known::put_scalar(parser.out, parser.tables, message, scalar)
            }),
        }
    }

    fn first_field(
        &mut self,
        message: &'a Message,
        read: fn(&mut Self, &'a Field) -> Result<(), Error>,
    ) -> Result<(), Error> {
        message.fields.first().map_or(Ok(()), |field| read(self, field))
    }

    fn value_member(&mut self, message: &'a Message, number: u32) -> Result<(), Error> {
        message.field_by_number(number).map_or(Ok(()), |field| self.element(field, true))
    }

    /// Reads a scalar, also a null that is a value, and hands it to `put`.
    fn with_scalar(
        &mut self,
        kind: Kind,
        put: impl FnOnce(&mut Self, Scalar<'_>) -> Result<(), &'static str>,
    ) -> Result<(), Error> {
        let result = match self.lexer.peek()? {
            Token::String => {
                let text = self.lexer.string()?;
                put(self, Scalar::String(&text))
            }
            Token::Number => {
                let text = self.lexer.number()?;
                put(self, Scalar::Number(text))
            }
            Token::Bool => {
                let value = self.lexer.boolean()?;
                put(self, Scalar::Bool(value))
            }
            Token::Null => {
                self.lexer.null()?;
                match self.null_payload(kind) {
                    Some(NullPayload::Enum) => put(self, Scalar::Number("0")),
                    Some(NullPayload::Value) => {
                        put_tag(self.out, VALUE_NULL, WireType::Varint);
                        self.out.push(0);
                        Ok(())
                    }
                    None => Err("null is not allowed here"),
                }
            }
            Token::Array => Err("an array is not allowed here"),
            Token::Object => Err("an object is not allowed here"),
        };
        result.map_err(|expected| self.invalid(expected))
    }

    /// How null is written where it is a value: everywhere else it means that a field is unset.
    fn null_payload(&self, kind: Kind) -> Option<NullPayload> {
        match kind {
            Kind::Enum(id) if self.tables.enumeration(id).is_null_value => Some(NullPayload::Enum),
            Kind::Message(id) if self.tables.message(id).well_known == Some(WellKnown::Value) => {
                Some(NullPayload::Value)
            }
            _ => None,
        }
    }

    /// Notes that a bit was seen, and answers whether it was before.
    fn was_seen(&mut self, start: usize, bit: usize) -> bool {
        let word = &mut self.seen[start + bit / 64];
        let mask = 1 << (bit % 64);
        let before = *word & mask != 0;
        *word |= mask;
        before
    }

    fn is_at(&self, places: &[usize]) -> bool {
        let is_step = |(step, place): (&Step<'_>, &usize)| {
            let Step::Field(field) = step else { return false };
            field.index == *place
        };
        self.path.len() == places.len() && self.path.iter().zip(places).all(is_step)
    }

    fn check_count(&self, count: usize) -> Result<(), Error> {
        if count < self.elements_max {
            return Ok(());
        }
        let at = path_text(&self.path);
        Err(Error::malformed(format!("`{at}` has more than {} elements", self.elements_max)))
    }

    pub(super) fn unknown_field(&self, key: &str) -> Error {
        let parent = path_text(&self.path);
        let dot = if parent.is_empty() { "" } else { "." };
        Error::invalid_field(format!("{parent}{dot}{key}"), "unknown field")
    }

    pub(super) fn invalid(&self, description: &str) -> Error {
        if self.path.is_empty() {
            return Error::malformed(format!("the body: {description}"));
        }
        Error::invalid_field(path_text(&self.path), description)
    }
}

enum NullPayload {
    Enum,
    Value,
}

/// A path as field violations name it: `rooms[2].labels["colour"]`.
fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Field(field) if text.is_empty() => write!(text, "{}", field.name),
            Step::Field(field) => write!(text, ".{}", field.name),
            Step::Index(index) => write!(text, "[{index}]"),
            Step::Key(key) => write!(text, "[{key:?}]"),
        };
    }
    text
}
