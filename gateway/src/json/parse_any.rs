//! `google.protobuf.Any` from JSON, whose fields can be read only once its type is known.

use std::collections::BTreeMap;

use super::lexer::{Lexer, Token};
use super::parser::Parser;
use crate::error::Error;
use crate::tables::{MessageId, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

/// What was found while looking ahead for types: to look anew for each that is inside another would
/// take a time that grows with their depth.
#[derive(Default)]
pub(super) struct TypeUrls {
    /// Where each object begins that has a type, and where that stands.
    by_object: BTreeMap<usize, usize>,
    /// Of all objects that begin before, the types are known.
    known_until: usize,
}

impl Parser<'_> {
    /// `{"@type": url, ...fields}`, or `{"@type": url, "value": json}` when the type has a JSON
    /// form of its own.
    pub(super) fn any(&mut self) -> Result<(), Error> {
        let type_url = self.type_urls.find(&self.lexer)?;
        let id = type_url.as_ref().and_then(|type_url| self.tables.find_by_type_url(type_url));
        let (Some(type_url), Some(id)) = (&type_url, id) else {
            if self.lexer.skip_empty_object()? {
                return Ok(());
            }
            return self.pass_over(
                "must have an `@type` that names a known message, \
                 as `type.googleapis.com/google.protobuf.Duration`",
            );
        };
        let message = self.tables.message(id);
        put_tag(self.out, 1, WireType::LengthDelimited);
        put_length_delimited(self.out, type_url.as_bytes());
        put_tag(self.out, 2, WireType::LengthDelimited);
        let start = begin_length(self.out);
        match message.well_known {
            None => self.object(message, true)?,
            Some(well_known) => self.any_value(id, well_known)?,
        }
        end_length(self.out, start);
        Ok(())
    }

    fn any_value(&mut self, id: MessageId, well_known: WellKnown) -> Result<(), Error> {
        let (mut has_type, mut has_value) = (false, false);
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            let is_repeated = match &*key {
                "@type" => std::mem::replace(&mut has_type, true),
                "value" => std::mem::replace(&mut has_value, true),
                _ => {
                    self.refuse_member(&key, || "must be `@type` or `value`".to_owned());
                    self.lexer.skip()?;
                    continue;
                }
            };
            if is_repeated {
                self.refuse_member(&key, || "must be given once".to_owned());
            }
            if key == "value" && !is_repeated {
                self.content(id)?;
            } else {
                self.lexer.skip()?;
            }
        }
        // Some implementations write an `Empty` without a value.
        if has_value || well_known == WellKnown::Empty {
            Ok(())
        } else {
            self.refuse("must have a `value`")
        }
    }
}

impl TypeUrls {
    /// The type of the object that comes next, which may stand behind the fields that need it.
    fn find(&mut self, lexer: &Lexer<'_>) -> Result<Option<String>, Error> {
        let mut lexer = lexer.clone();
        let object = lexer.offset();
        if object >= self.known_until {
            self.note(&mut lexer.clone(), true)?;
        }
        let Some(&type_url) = self.by_object.get(&object) else { return Ok(None) };
        lexer.seek(type_url);
        lexer.string().map(|type_url| Some(type_url.into_owned()))
    }

    /// Reads past a value, and notes the types of all objects in it. The outermost object is read
    /// no further than to its type, which most often comes first.
    fn note(&mut self, lexer: &mut Lexer<'_>, is_outermost: bool) -> Result<(), Error> {
        let object = lexer.offset();
        match lexer.peek()? {
            Token::Object => {
                lexer.begin_object()?;
                while let Some(key) = lexer.next_key()? {
                    let value = lexer.offset();
                    if key != "@type" || lexer.peek()? != Token::String {
                        self.note(lexer, false)?;
                        continue;
                    }
                    self.by_object.entry(object).or_insert(value);
                    if is_outermost {
                        break;
                    }
                    lexer.skip()?;
                }
            }
            Token::Array => {
                lexer.begin_array()?;
                while lexer.next_element()? {
                    self.note(lexer, false)?;
                }
            }
            _ => lexer.skip()?,
        }
        if is_outermost {
            self.known_until = lexer.offset();
        }
        Ok(())
    }
}
