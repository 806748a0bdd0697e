//! `google.protobuf.Any` from JSON, whose fields can be read only once its type is known.

use super::lexer::Token;
use super::parser::Parser;
use crate::error::Error;
use crate::tables::{MessageId, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

impl Parser<'_> {
    /// `{"@type": url, ...fields}`, or `{"@type": url, "value": json}` when the type has a JSON
    /// form of its own.
    pub(super) fn any(&mut self) -> Result<(), Error> {
        let Some(type_url) = self.type_url()? else {
            self.lexer.begin_object()?;
            return match self.lexer.next_key()? {
                Some(_) => Err(self.invalid("expected `@type`")),
                None => Ok(()),
            };
        };
        let Some(id) = self.tables.find_by_type_url(&type_url) else {
            return Err(self.invalid("`@type` names no known type"));
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
        let mut has_value = false;
        self.lexer.begin_object()?;
        while let Some(key) = self.lexer.next_key()? {
            match key.as_ref() {
                "@type" => self.lexer.skip()?,
                "value" if !has_value => {
                    self.content(id)?;
                    has_value = true;
                }
                _ => return Err(self.unknown_field(&key)),
            }
        }
        // Some implementations write an `Empty` without a value.
        if has_value || well_known == WellKnown::Empty {
            Ok(())
        } else {
            Err(self.invalid("expected `value`"))
        }
    }

    /// Looks ahead for the type of an `Any`, which may stand behind the fields that need it.
    fn type_url(&self) -> Result<Option<String>, Error> {
        let mut lexer = self.lexer.clone();
        let mut type_url = None;
        lexer.begin_object()?;
        while let Some(key) = lexer.next_key()? {
            if key != "@type" {
                lexer.skip()?;
            } else if lexer.peek()? != Token::String || type_url.is_some() {
                return Err(self.invalid("expected one `@type`, a string"));
            } else {
                type_url = Some(lexer.string()?.into_owned());
            }
        }
        Ok(type_url)
    }
}
