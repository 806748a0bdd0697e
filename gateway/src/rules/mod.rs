//! Field rules: what `buf.validate` options in the protos allow, checked on the wire bytes of a request before
//! anything decodes them.
//!
//! The rules are those of [protovalidate](https://protovalidate.com), in its semantics: a field without presence is
//! checked even when it is zero, an unset field with presence is not, the last value on the wire counts, and a
//! message that was sent in pieces is checked as a whole. Whatever the options say, a string never holds a NUL
//! character, a repeated field or map never more than [`REPEATED_MAX`] elements, a message never comes in more pieces
//! than that, and messages never nest deeper than 64.

mod check;
pub(crate) mod form;
mod gather;
pub(crate) mod options;
mod path;
pub(crate) mod probe;
mod record;
mod shape;
mod table;
mod walk;

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
};

use prost_reflect::DescriptorPool;

/// How many elements a repeated field or a map may have unless [`Rules::with_repeated_max`] says otherwise.
pub const REPEATED_MAX: usize = 1000;

/// The compiled rules of every message of a descriptor pool.
pub struct Rules {
    tables: Vec<table::Table>,
    by_name: table::ByName,
    repeated_max: usize,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The bytes are no message of the type, and why.
    Malformed(&'static str),
    /// Fields break their rules: at least one, at most 20, and one for each field.
    Violations(Vec<Violation>),
}

/// One field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path to the field in proto names, as `user.tags[2]` or `labels["env"]`.
    pub field: String,
    /// The id that protovalidate gives the rule, as `string.min_len`.
    pub rule: String,
    /// What is allowed, as a phrase for people: `must be at least 1`.
    pub description: String,
}

/// An option that cannot be enforced: a rule that does not fit the type of its field or is not supported, or a
/// pattern that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The full name of the field.
    pub field: String,
    /// What is wrong with its options.
    pub reason: String,
}

impl Rules {
    /// Compiles the rules of every message of the pool.
    ///
    /// # Errors
    /// The first field whose options cannot be enforced.
    pub fn new(pool: &DescriptorPool) -> Result<Self, RulesError> {
        let (tables, by_name) = table::compile(pool)?;
        Ok(Self { tables, by_name, repeated_max: REPEATED_MAX })
    }

    /// Sets how many elements a repeated field or a map may have.
    #[must_use]
    pub fn with_repeated_max(mut self, elements: usize) -> Self {
        self.repeated_max = elements;
        self
    }

    /// Checks the wire bytes of a message. The work is linear in their length, and allocates only for violations,
    /// split messages, uniqueness, counted map keys and messages of more than 16 checked fields. A message of which
    /// nothing could be refused is not read at all; its bytes are left to the decoder.
    ///
    /// # Errors
    /// What is wrong with the message. A type that the pool does not know is refused as malformed.
    pub fn check(&self, message_full_name: &str, wire: &[u8]) -> Result<(), Failure> {
        let root = *self
            .by_name
            .get(message_full_name)
            .ok_or(Failure::Malformed("the type of the message is unknown"))?;
        if self.tables[root].inert {
            return Ok(());
        }
        walk::check(&self.tables, self.repeated_max, root, wire)
    }
}

impl Display for Violation {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.description)
    }
}

impl Display for RulesError {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.reason)
    }
}

impl Error for RulesError {}
