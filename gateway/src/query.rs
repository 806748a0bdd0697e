//! The query string to wire bytes: every leaf field of the request, by its path in either spelling.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::json::{Bound, Parser, Scalar, path_from_either, put_field};
use crate::limits::Limits;
use crate::mask;
use crate::path::decode;
use crate::route::{BodyTarget, Route};
use crate::tables::{Cardinality, Field, Kind, Message, Tables, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

/// Writes the parameters of a query as fields of the request, and answers whether the mask of an
/// update was one of them. A parameter that repeats what the path or a header has bound must have
/// the same value, and is not written again.
pub(crate) fn put_query(
    out: &mut Vec<u8>,
    tables: &Tables,
    route: &Route,
    query: &str,
    bounds: &[Bound],
    limits: &Limits,
) -> Result<bool, Error> {
    let mut reader = Reader {
        tables,
        route,
        bounds,
        limits,
        counts: HashMap::new(),
        keys: HashSet::new(),
        members: HashMap::new(),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key)?, decode(&value.replace('+', " "))?);
        reader.put_parameter(out, &key, &value)?;
    }
    Ok(route.update_mask.is_some_and(|place| reader.counts.contains_key([place].as_slice())))
}

/// Writes a field inside the messages that lead to it from the request. Messages that are written
/// in parts are merged by whoever reads them, so that no part has to know of another.
pub(crate) fn put_nested(out: &mut Vec<u8>, parents: &[&Field], wire: &[u8]) {
    let mut nested = wire.to_vec();
    for parent in parents.iter().rev() {
        let mut outer = Vec::with_capacity(nested.len() + 8);
        put_tag(&mut outer, parent.number, WireType::LengthDelimited);
        put_length_delimited(&mut outer, &nested);
        nested = outer;
    }
    out.extend_from_slice(&nested);
}

struct Reader<'a> {
    tables: &'a Tables,
    route: &'a Route,
    bounds: &'a [Bound],
    limits: &'a Limits,
    /// How often each field was given.
    counts: HashMap<Vec<usize>, usize>,
    /// The keys of maps.
    keys: HashSet<(Vec<usize>, String)>,
    /// Which member of each oneof was given, by the message and the oneof's place in it.
    members: HashMap<(Vec<usize>, usize), usize>,
}

/// The field that a parameter names.
struct Target<'a> {
    parents: Vec<&'a Field>,
    places: Vec<usize>,
    field: &'a Field,
    /// The key in brackets, of a map.
    key: Option<&'a str>,
}

impl Target<'_> {
    /// The path in proto names, by which every transport names the field.
    fn proto_path(&self) -> String {
        let fields = self.parents.iter().chain([&self.field]);
        let path = fields.map(|field| &*field.name).collect::<Vec<_>>().join(".");
        match self.key {
            Some(key) => format!("{path}[{key}]"),
            None => path,
        }
    }
}

impl<'a> Reader<'a> {
    fn put_parameter(&mut self, out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), Error> {
        if self.route.body == BodyTarget::Message {
            return Err(Error::invalid_field(name, "the body is the whole request"));
        }
        let (path, key) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((path, key)) => (path, Some(key)),
            None => (name, None),
        };
        let target = self.target(path, key).map_err(|reason| Error::invalid_field(name, reason))?;
        self.put_target(out, &target, value)
            .map_err(|reason| Error::invalid_field(target.proto_path(), reason))
    }

    fn put_target(
        &mut self,
        out: &mut Vec<u8>,
        target: &Target<'_>,
        value: &str,
    ) -> Result<(), &'static str> {
        self.check_repetition(target)?;
        self.check_mask(target, value)?;
        let wire = self.value(target, value)?;
        match self.bounds.iter().find(|bound| bound.places == target.places) {
            Some(bound) if bound.wire == wire => {}
            Some(_) => return Err("differs from its value in the path or a header"),
            None => put_nested(out, &target.parents, &wire),
        }
        Ok(())
    }

    fn target<'k>(&self, path: &str, key: Option<&'k str>) -> Result<Target<'k>, &'static str>
    where
        'a: 'k,
    {
        let mut message = self.tables.message(self.route.request);
        let mut parents = Vec::new();
        let mut places = Vec::new();
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let field = message.field_by_name(name).ok_or("unknown field")?;
            places.push(field.index);
            if places.len() == 1 && self.route.body == BodyTarget::Field(field.index) {
                return Err("the field is the body");
            }
            if places.len() > self.limits.depth() {
                return Err("fields are nested too deeply");
            }
            if names.peek().is_none() {
                return Ok(Target { parents, places, field, key });
            }
            message = match (field.cardinality, self.tables.message_of(field)) {
                (Cardinality::Singular, Some((_, inner))) if inner.well_known.is_none() => inner,
                _ => return Err("the field has no fields of its own"),
            };
            parents.push(field);
        }
        Err("unknown field")
    }

    fn check_repetition(&mut self, target: &Target<'_>) -> Result<(), &'static str> {
        let count = self.counts.entry(target.places.clone()).or_default();
        *count += 1;
        let is_list =
            matches!(target.field.cardinality, Cardinality::Repeated | Cardinality::Packed);
        let is_repetition = match target.key {
            Some(key) => !self.keys.insert((target.places.clone(), key.to_owned())),
            None => *count > 1 && !is_list,
        };
        if is_repetition {
            return Err("given more than once");
        }
        if *count > self.limits.elements_max {
            return Err("given too often");
        }
        let mut message = Vec::new();
        let fields = target.parents.iter().chain([&target.field]);
        for field in fields {
            if let Some(oneof) = field.oneof {
                let member = self.members.entry((message.clone(), oneof)).or_insert(field.index);
                if *member != field.index {
                    return Err("another field of the same oneof is given too");
                }
            }
            message.push(field.index);
        }
        Ok(())
    }

    /// A mask of the body's field names fields that there are.
    fn check_mask(&self, target: &Target<'_>, text: &str) -> Result<(), &'static str> {
        let BodyTarget::Field(body) = self.route.body else { return Ok(()) };
        let Kind::Message(id) = self.tables.message(self.route.request).fields[body].kind else {
            return Ok(());
        };
        let is_known = |path: &str| {
            path_from_either(path).is_some_and(|path| mask::resolves(self.tables, id, &path))
        };
        if self.route.update_mask.map(|place| vec![place]).as_ref() == Some(&target.places)
            && !text.is_empty()
            && !text.split(',').all(is_known)
        {
            return Err("the mask names a field that there is not");
        }
        Ok(())
    }

    /// The field on the wire, with its tag.
    fn value(&self, target: &Target<'_>, text: &str) -> Result<Vec<u8>, &'static str> {
        let field = target.field;
        let mut wire = Vec::new();
        match (field.cardinality, target.key) {
            (Cardinality::Map, Some(key)) => {
                put_tag(&mut wire, field.number, WireType::LengthDelimited);
                let start = begin_length(&mut wire);
                let entry = self.tables.message_of(field).map(|(_, entry)| entry.fields.as_slice());
                let Some([key_field, value_field]) = entry else { return Err("unknown field") };
                put_field(&mut wire, self.tables, key_field, Scalar::Bare(key), true)?;
                self.put_leaf(&mut wire, value_field, text, true)?;
                end_length(&mut wire, start);
            }
            (Cardinality::Map, None) => return Err("a map needs a key in brackets"),
            (_, Some(_)) => return Err("only a map takes a key in brackets"),
            (Cardinality::Singular, None) => {
                self.put_leaf(&mut wire, field, text, field.has_presence)?;
            }
            (_, None) => self.put_leaf(&mut wire, field, text, true)?,
        }
        Ok(wire)
    }

    fn put_leaf(
        &self,
        out: &mut Vec<u8>,
        field: &Field,
        text: &str,
        keep_default: bool,
    ) -> Result<(), &'static str> {
        let Some((_, message)) = self.tables.message_of(field) else {
            return put_field(out, self.tables, field, Scalar::Bare(text), keep_default);
        };
        if is_json(message) {
            put_tag(out, field.number, WireType::LengthDelimited);
            let start = begin_length(out);
            self.put_json(out, field, text)?;
            end_length(out, start);
            return Ok(());
        }
        if message.well_known.is_none_or(|w| matches!(w, WellKnown::Any | WellKnown::Empty)) {
            return Err("the field is a message, and only its own fields can be given");
        }
        put_field(out, self.tables, field, Scalar::Bare(text), true)
    }

    /// A value of any shape is written as JSON.
    fn put_json(&self, out: &mut Vec<u8>, field: &Field, text: &str) -> Result<(), &'static str> {
        let Kind::Message(id) = field.kind else { return Err("expected JSON") };
        let parser = Parser::new(self.tables, text, self.limits, &[], out);
        parser.parse_message(id).map_err(|_| "expected JSON")
    }
}

/// Whether a message can hold a value of any shape.
fn is_json(message: &Message) -> bool {
    matches!(message.well_known, Some(WellKnown::Struct | WellKnown::Value | WellKnown::ListValue))
}
