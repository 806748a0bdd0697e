//! What a value of each kind looks like, told to whoever sent another one.

use std::borrow::Cow;
use std::fmt;

use crate::suggestion::one_of;
use crate::tables::{Kind, Tables, WellKnown};

const DOUBLE: &str = "must be a number from -1.7976931348623157e308 to 1.7976931348623157e308";

/// What a value should have been, as a phrase.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'t> {
    tables: &'t Tables,
    kind: Kind,
}

impl<'t> Expected<'t> {
    pub(crate) fn new(tables: &'t Tables, kind: Kind) -> Self {
        Self { tables, kind }
    }
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                "must be an integer from -2147483648 to 2147483647"
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                "must be an integer from -9223372036854775808 to 9223372036854775807"
            }
            Kind::Uint32 | Kind::Fixed32 => "must be an integer from 0 to 4294967295",
            Kind::Uint64 | Kind::Fixed64 => "must be an integer from 0 to 18446744073709551615",
            Kind::Double => DOUBLE,
            Kind::Float => "must be a number from -3.4028235e38 to 3.4028235e38",
            Kind::Bool => "must be true or false",
            Kind::String => "must be a string",
            Kind::Bytes => "must be base64 text, as `AP8=`",
            Kind::Enum(id) => {
                return write!(f, "must be {}", one_of(&self.tables.enumeration(id).names()));
            }
            Kind::Message(id) => {
                let message = self.tables.message(id);
                match (message.well_known, message.fields.first()) {
                    (Some(WellKnown::Timestamp), _) => {
                        "must be an RFC 3339 time between the years 1 and 9999, \
                         as `2024-02-29T12:00:00Z`"
                    }
                    (Some(WellKnown::Duration), _) => {
                        "must be a duration of at most 315576000000 seconds, as `1.5s`"
                    }
                    (Some(WellKnown::FieldMask), _) => {
                        "must be field paths with commas between, as `displayName,author.givenName`"
                    }
                    (Some(WellKnown::ListValue), _) => "must be an array",
                    // Of all scalars, only a number can be none of its.
                    (Some(WellKnown::Value), _) => DOUBLE,
                    (Some(WellKnown::Wrapper), Some(value)) => {
                        return Self::new(self.tables, value.kind).fmt(f);
                    }
                    _ => "must be an object",
                }
            }
        })
    }
}

impl From<Expected<'_>> for Cow<'static, str> {
    fn from(expected: Expected<'_>) -> Self {
        Self::Owned(expected.to_string())
    }
}
