//! JSON to wire bytes in one pass, driven by the tables; no tree is built, and no value is read
//! twice but the type of an `Any`.
//!
//! A value that does not fit its field is noted and passed over, so that a client learns of every
//! wrong field at once. Only text that is no JSON, or nests too deeply, ends the reading.

use std::collections::HashSet;
use std::fmt::Display;

use super::expected::Expected;
use super::lexer::{Lexer, Token};
use super::parse_any::TypeUrls;
use super::place::{Bound, Place, Step};
use super::scalar::{Scalar, put_field, put_payload};
use super::well_known::{self, VALUE_LIST, VALUE_NULL, VALUE_STRUCT};
use crate::error::{Error, Violations};
use crate::limits::Limits;
use crate::suggestion;
use crate::tables::{Cardinality, Field, Kind, Message, MessageId, Tables, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_tag};

/// How deep messages may nest on the wire, where a `Value` takes up to three levels for one of
/// JSON. Readers of protobuf stop here, and a service could only answer that the message is
/// corrupt.
const MESSAGE_DEPTH_MAX: usize = 100;

pub(crate) struct Parser<'a> {
    pub(super) tables: &'a Tables,
    pub(super) lexer: Lexer<'a>,
    elements_max: usize,
    bounds: &'a [Bound<'a>],
    pub(super) out: &'a mut Vec<u8>,
    /// Where the value being read belongs, for errors and for `bounds`.
    pub(super) place: Place<'a>,
    violations: Violations,
    pub(super) type_urls: TypeUrls,
    /// One bit for each field and each oneof of every message that is open, the innermost last.
    seen: Vec<u64>,
    /// How many messages are open, the entries of maps among them.
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(
        tables: &'a Tables,
        text: &'a str,
        limits: &Limits,
        bounds: &'a [Bound<'a>],
        out: &'a mut Vec<u8>,
    ) -> Self {
        Self {
            tables,
            lexer: Lexer::new(text, limits.depth()),
            elements_max: limits.elements_max,
            bounds,
            out,
            place: Place::default(),
            violations: Violations::default(),
            type_urls: TypeUrls::default(),
            seen: Vec::new(),
            depth: 0,
        }
    }

    /// Reads the whole text as the content of a message, which is written without tag and length.
    pub(crate) fn parse_message(mut self, id: MessageId) -> Result<(), Error> {
        self.content(id)?;
        self.finish()
    }

    /// Reads the whole text as a field of the request, written with its tag.
    pub(crate) fn parse_field(mut self, field: &'a Field) -> Result<(), Error> {
        self.place.enter(Step::Field(field));
        self.value(field)?;
        self.finish()
    }

    fn finish(mut self) -> Result<(), Error> {
        self.lexer.end()?;
        self.violations.into_result()
    }

    pub(super) fn object(&mut self, message: &'a Message, in_any: bool) -> Result<(), Error> {
        self.lexer.begin_object()?;
        let seen = self.seen.len();
        let bits = message.fields.len() + message.oneof_count;
        self.seen.resize(seen + bits.div_ceil(64), 0);
        let mut next = 0;
        let mut has_type = !in_any;
        while self.lexer.next_member()? {
            // Most clients send fields in the order in which they are declared.
            let guess = message.fields.get(next).filter(|_| has_type);
            let guess = guess.filter(|field| self.lexer.take_key(&field.json_key));
            let field = match guess {
                Some(field) => field,
                None => match self.named_field(message, &mut has_type)? {
                    Some(field) => field,
                    None => continue,
                },
            };
            next = field.index + 1;
            self.place.enter(Step::Field(field));
            if self.was_seen(seen, field.index) {
                self.pass_over("must be given once")?;
            } else if self.member(field)? && self.is_rivalled(message, field, seen) {
                self.refuse("must not be given with another field of its oneof")?;
            }
            self.place.leave();
        }
        self.seen.truncate(seen);
        Ok(())
    }

    /// Reads a key, and past its value when it names no field.
    fn named_field(
        &mut self,
        message: &'a Message,
        has_type: &mut bool,
    ) -> Result<Option<&'a Field>, Error> {
        let key = self.lexer.key()?;
        if key == "@type" && !std::mem::replace(has_type, true) {
            return self.lexer.skip().map(|()| None);
        }
        let field = message.field_by_name(&key);
        if field.is_none() {
            self.refuse_member(&key, || suggestion::unknown_field(message, &key));
            self.lexer.skip()?;
        }
        Ok(field)
    }

    /// Reads the value of a field, which may be bound already. Answers whether it was set at all.
    fn member(&mut self, field: &'a Field) -> Result<bool, Error> {
        let (before, violations) = (self.out.len(), self.violations.len());
        let is_set = self.value(field)?;
        let bounds = self.bounds;
        if let Some(bound) = bounds.iter().find(|bound| self.place.is_of(bound)) {
            let differs = is_set && self.out[before..] != bound.wire;
            if differs && self.violations.len() == violations {
                self.refuse("must be the same as in the path or a header")?;
            }
            self.out.truncate(before);
        }
        Ok(is_set)
    }

    /// Notes that a field is set, and answers whether another one of its oneof is set too.
    fn is_rivalled(&mut self, message: &'a Message, field: &Field, seen: usize) -> bool {
        let Some(oneof) = field.oneof else { return false };
        self.was_seen(seen, message.fields.len() + oneof)
            || self.bounds.iter().any(|bound| self.place.rivals(bound, message, field))
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
            (Cardinality::Map, _) => self.pass_over("must be an object")?,
            (_, Token::Array) => self.array(field)?,
            _ => self.pass_over("must be an array")?,
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
            return Err(self.lexer.too_deep("messages", MESSAGE_DEPTH_MAX));
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
            count += 1;
            if self.is_surplus(count)? {
                continue;
            }
            self.place.enter(Step::Index(count - 1));
            if is_packed {
                self.with_scalar(field.kind, |parser, scalar| {
                    put_payload(parser.out, parser.tables, field.kind, scalar)
                })?;
            } else {
                self.element(field, true)?;
            }
            self.place.leave();
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
            return self.pass_over("must be an array");
        };
        let (mut keys, mut count) = (HashSet::new(), 0);
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            count += 1;
            if self.is_surplus(count)? {
                continue;
            }
            self.place.enter(Step::Key(key_field, key.clone()));
            self.nested(field, |parser| {
                let start = parser.out.len();
                match put_field(parser.out, tables, key_field, Scalar::Bare(&key), true) {
                    Err(expected) => parser.pass_over(format_args!("the key {expected}")),
                    Ok(()) if keys.insert(parser.out[start..].to_vec()) => {
                        parser.element(value_field, true)
                    }
                    Ok(()) => parser.pass_over("must be given once"),
                }
            })?;
            self.place.leave();
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
                let put = well_known::put_scalar(parser.out, parser.tables, message, scalar);
                put.ok_or(Expected::new(parser.tables, Kind::Message(id)))
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
        put: impl FnOnce(&mut Self, Scalar<'_>) -> Result<(), Expected<'a>>,
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
                    None => Err(Expected::new(self.tables, kind)),
                }
            }
            Token::Array | Token::Object => {
                self.lexer.skip()?;
                Err(Expected::new(self.tables, kind))
            }
        };
        result.or_else(|expected| self.refuse(expected))
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

    /// Passes over the element of a list or map that is one too many, as are those after it.
    fn is_surplus(&mut self, count: usize) -> Result<bool, Error> {
        if count <= self.elements_max {
            return Ok(false);
        }
        if count - 1 == self.elements_max {
            let elements_max = self.elements_max;
            self.refuse(format_args!("must have at most {elements_max} elements"))?;
        }
        self.lexer.skip()?;
        Ok(true)
    }

    /// Notes what is wrong with the value that comes next, and reads past it.
    pub(super) fn pass_over(&mut self, description: impl Display) -> Result<(), Error> {
        self.refuse(description)?;
        self.lexer.skip()
    }

    /// Notes what is wrong with a value. Nothing of a body that is wrong itself can be used.
    pub(super) fn refuse(&mut self, description: impl Display) -> Result<(), Error> {
        if self.place.is_root() {
            return Err(Error::malformed(format!("the body {description}")));
        }
        if !self.violations.is_full() {
            self.violations.push(self.place.text(), description);
        }
        Ok(())
    }

    /// Notes what is wrong with a key of an object.
    pub(super) fn refuse_member(&mut self, key: &str, description: impl FnOnce() -> String) {
        if !self.violations.is_full() {
            self.violations.push(self.place.text_of_member(key), description());
        }
    }
}

enum NullPayload {
    Enum,
    Value,
}
