//! The path to a value while it is checked: a chain on the stack, written out only for a violation.

use std::fmt::{self, Display, Formatter};

use super::{check::Value, record, table::Shape};
use crate::{error::excerpt, wire::Cursor};

/// One step, linked to the step before.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
    /// The bytes of a map entry, whose key is read only when the path is written.
    Entry(&'p [u8], Shape),
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// The path to a field; an empty name stays at the parent.
    pub(super) fn field(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    pub(super) fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    pub(super) fn entry(&'p self, entry: &'p [u8], key: Shape) -> Self {
        Self { parent: Some(self), step: Step::Entry(entry, key) }
    }
}

impl Display for Path<'_> {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let mut steps = vec![self];
        while let Some(parent) = steps.last().and_then(|path| path.parent) {
            steps.push(parent);
        }
        let mut dot = "";
        for path in steps.into_iter().rev() {
            match path.step {
                Step::Root | Step::Field("") => continue,
                Step::Field(name) => write!(formatter, "{dot}{name}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Entry(entry, shape) => match key(entry, shape) {
                    Value::Text(key) => write!(formatter, "[{:?}]", excerpt(key))?,
                    Value::Int(key) => write!(formatter, "[{key}]")?,
                    Value::Uint(key) => write!(formatter, "[{key}]")?,
                    Value::Bool(key) => write!(formatter, "[{key}]")?,
                    _ => {}
                },
            }
            dot = ".";
        }
        Ok(())
    }
}

/// The key of a map entry: the last one on the wire, or zero.
pub(super) fn key(entry: &[u8], shape: Shape) -> Value<'_> {
    let mut key = shape.zero();
    let mut cursor = Cursor::new(entry);
    while let Ok(Some((number, payload))) = record::next(&mut cursor) {
        if let (1, Ok(Some(value))) = (number, shape.read(payload)) {
            key = value;
        }
    }
    key
}
