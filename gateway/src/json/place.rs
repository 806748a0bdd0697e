//! Where in a request the value stands that is being read.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::error::excerpt;
use crate::tables::{Field, Kind, Message};

/// A path longer than this is told no further.
const TEXT_BYTES_MAX: usize = 500;

/// A field that the path or a header has set already: the body may repeat its value, but not change
/// it.
pub(crate) struct Bound<'r> {
    /// The place of each field on the way to it, from the request message.
    pub(crate) places: &'r [usize],
    /// The field on the wire, with its tag.
    pub(crate) wire: Vec<u8>,
}

/// The steps from the request to a value; none are the request itself.
#[derive(Default)]
pub(crate) struct Place<'a>(Vec<Step<'a>>);

pub(crate) enum Step<'a> {
    Field(&'a Field),
    Index(usize),
    /// The key of a map, and the field of its entry that holds it.
    Key(&'a Field, Cow<'a, str>),
}

impl<'a> Place<'a> {
    pub(super) fn enter(&mut self, step: Step<'a>) {
        self.0.push(step);
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a bound field is here.
    pub(super) fn is_of(&self, bound: &Bound<'_>) -> bool {
        self.0.len() == bound.places.len() && self.begins(bound, self.0.len())
    }

    /// Whether a bound field, or a message on the way to it, is of the same oneof as the field of
    /// the message that is here.
    pub(super) fn rivals(&self, bound: &Bound<'_>, message: &Message, field: &Field) -> bool {
        let Some(level) = self.0.len().checked_sub(1) else { return false };
        let Some(&other) = bound.places.get(level) else { return false };
        other != field.index
            && message.fields.get(other).is_some_and(|other| other.oneof == field.oneof)
            && self.begins(bound, level)
    }

    /// Whether the first steps lead the way to a bound field.
    fn begins(&self, bound: &Bound<'_>, count: usize) -> bool {
        self.0.iter().zip(bound.places).take(count).all(|(step, place)| {
            let Step::Field(field) = step else { return false };
            field.index == *place
        })
    }

    /// The path as field violations name it: `rooms[2].labels["colour"]`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            if text.len() > TEXT_BYTES_MAX {
                text.push('…');
                break;
            }
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Field(field) if text.is_empty() => write!(text, "{}", field.name),
                Step::Field(field) => write!(text, ".{}", field.name),
                Step::Index(index) => write!(text, "[{index}]"),
                Step::Key(field, key) => write!(text, "{}", in_brackets(field, key)),
            };
        }
        text
    }

    /// The path of something here that is no field, by its name.
    pub(super) fn text_of_member(&self, name: &str) -> String {
        let (text, name) = (self.text(), excerpt(name));
        if text.is_empty() { name.into_owned() } else { format!("{text}.{name}") }
    }
}

/// The key of a map as a path has it: in quotes, unless it is a number or a boolean.
pub(crate) fn in_brackets(field: &Field, key: &str) -> String {
    let is_plain = field.kind != Kind::String
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let key = excerpt(key);
    if is_plain { format!("[{key}]") } else { format!("[{key:?}]") }
}
