//! The query string to wire bytes: every leaf field of the request, by its path in either spelling.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::error::{Error, Violations, excerpt};
use crate::json::{Bound, Parser, Scalar, in_brackets, put_field};
use crate::limits::Limits;
use crate::mask;
use crate::path::decode;
use crate::route::{BodyTarget, Route};
use crate::suggestion;
use crate::tables::{Cardinality, Field, Kind, Message, Tables, WellKnown};
use crate::wire::{WireType, begin_length, end_length, put_length_delimited, put_tag};

/// What is wrong with a parameter, as a phrase.
type Description = Cow<'static, str>;

/// Writes the parameters of a query as fields of the request, and answers whether the mask of an
/// update was one of them. A parameter that repeats what the path or a header has bound must have
/// the same value, and is not written again. An error about fields names every one that is wrong.
pub(crate) fn put_query(
    out: &mut Vec<u8>,
    tables: &Tables,
    route: &Route,
    query: &str,
    bounds: &[Bound<'_>],
    limits: &Limits,
) -> Result<bool, Error> {
    if query.is_empty() {
        return Ok(false);
    }
    let mut reader = Reader {
        tables,
        route,
        bounds,
        limits,
        counts: HashMap::new(),
        keys: HashSet::new(),
        members: HashMap::new(),
        violations: Violations::default(),
    };
    for bound in bounds {
        reader.note_members(bound.places);
    }
    if let BodyTarget::Field(place) = route.body {
        reader.note_members(&[place]);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let (key, value) = (decode(key)?, decode(&value)?);
        // When enough is wrong, the rest is only read for text that cannot be.
        if !reader.violations.is_full() {
            reader.put_parameter(out, &key, &value);
        }
    }
    reader.violations.into_result()?;
    Ok(route.update_mask.is_some_and(|place| reader.counts.contains_key([place].as_slice())))
}

/// Writes a field inside the messages that lead to it from the request. Messages that are written
/// in parts are merged by whoever reads them, so that no part has to know of another.
pub(crate) fn put_nested(out: &mut Vec<u8>, parents: &[&Field], wire: &[u8]) {
    if parents.is_empty() {
        return out.extend_from_slice(wire);
    }
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
    bounds: &'a [Bound<'a>],
    limits: &'a Limits,
    /// How often each field was given.
    counts: HashMap<Vec<usize>, usize>,
    /// The keys of maps.
    keys: HashSet<(Vec<usize>, String)>,
    /// Which member of each oneof was given, by the message and the oneof's place in it.
    members: HashMap<(Vec<usize>, usize), usize>,
    violations: Violations,
}

/// The field that a parameter names.
struct Target<'a> {
    parents: Vec<&'a Field>,
    places: Vec<usize>,
    field: &'a Field,
    /// The key in brackets, of a map.
    key: Option<&'a str>,
    /// The field that holds the keys, of a map.
    key_field: Option<&'a Field>,
}

impl Target<'_> {
    /// The path in proto names, by which every transport names the field.
    fn proto_path(&self) -> String {
        let fields = self.parents.iter().chain([&self.field]);
        let path = fields.map(|field| &*field.name).collect::<Vec<_>>().join(".");
        match (self.key, self.key_field) {
            (Some(key), Some(field)) => path + &in_brackets(field, key),
            (Some(key), None) => format!("{path}[{}]", excerpt(key)),
            (None, _) => path,
        }
    }
}

impl<'a> Reader<'a> {
    /// Writes a parameter, or notes what is wrong with it.
    fn put_parameter(&mut self, out: &mut Vec<u8>, name: &str, value: &str) {
        let (path, key) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((path, key)) => (path, Some(key)),
            None => (name, None),
        };
        let target = match self.target(path, key) {
            Ok(target) => target,
            Err(_) if self.route.is_lenient && !self.is_field(path) => return,
            Err(description) => return self.violations.push(excerpt(name), description),
        };
        if let Err(description) = self.put_target(out, &target, value) {
            self.violations.push(target.proto_path(), description);
        }
    }

    fn put_target(
        &mut self,
        out: &mut Vec<u8>,
        target: &Target<'_>,
        value: &str,
    ) -> Result<(), Description> {
        self.check_repetition(target)?;
        self.check_mask(target, value)?;
        let wire = self.value(target, value)?;
        match self.bounds.iter().find(|bound| bound.places == target.places) {
            Some(bound) if bound.wire == wire => {}
            Some(_) => return Err("must be the same as in the path or a header".into()),
            None => put_nested(out, &target.parents, &wire),
        }
        Ok(())
    }

    /// Whether a path begins with a field of the request.
    fn is_field(&self, path: &str) -> bool {
        let first = path.split('.').next().unwrap_or_default();
        self.tables.message(self.route.request).field_by_name(first).is_some()
    }

    fn target<'k>(&self, path: &str, key: Option<&'k str>) -> Result<Target<'k>, Description>
    where
        'a: 'k,
    {
        if self.route.body == BodyTarget::Message {
            return Err("must be in the body, which is the whole request".into());
        }
        let mut message = self.tables.message(self.route.request);
        let mut parents = Vec::new();
        let mut places = Vec::new();
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let Some(field) = message.field_by_name(name) else {
                return Err(suggestion::unknown_field(message, name).into());
            };
            places.push(field.index);
            if places.len() == 1 && self.route.body == BodyTarget::Field(field.index) {
                return Err(format!("must be in the body, which is `{}`", field.name).into());
            }
            let depth_max = self.limits.depth();
            if places.len() > depth_max {
                return Err(format!("must not be nested deeper than {depth_max} fields").into());
            }
            let inner = self.tables.message_of(field);
            if names.peek().is_none() {
                let is_map = field.cardinality == Cardinality::Map;
                let key_field =
                    inner.filter(|_| is_map).and_then(|(_, entry)| entry.fields.first());
                return Ok(Target { parents, places, field, key, key_field });
            }
            message = match (field.cardinality, inner) {
                (Cardinality::Singular, Some((_, inner))) if inner.well_known.is_none() => inner,
                _ => return Err(format!("`{}` has no fields that can be given", field.name).into()),
            };
            parents.push(field);
        }
        Err("must be a known field".into())
    }

    fn check_repetition(&mut self, target: &Target<'_>) -> Result<(), Description> {
        let count = self.counts.entry(target.places.clone()).or_default();
        *count += 1;
        let is_list =
            matches!(target.field.cardinality, Cardinality::Repeated | Cardinality::Packed);
        let is_repetition = match target.key {
            Some(key) => !self.keys.insert((target.places.clone(), key.to_owned())),
            None => *count > 1 && !is_list,
        };
        if is_repetition {
            return Err("must be given once".into());
        }
        let elements_max = self.limits.elements_max;
        if *count > elements_max {
            return Err(format!("must have at most {elements_max} elements").into());
        }
        if self.note_members(&target.places) {
            return Err("must not be given with another field of its oneof".into());
        }
        Ok(())
    }

    /// Notes the oneofs that a field and the messages on the way to it are members of, and answers
    /// whether another member of one of them is set.
    fn note_members(&mut self, places: &[usize]) -> bool {
        let mut is_rivalled = false;
        let mut message = Some(self.route.request);
        for (level, &place) in places.iter().enumerate() {
            let Some(id) = message else { break };
            let Some(field) = self.tables.message(id).fields.get(place) else { break };
            if let Some(oneof) = field.oneof {
                let key = (places[..level].to_vec(), oneof);
                is_rivalled |= *self.members.entry(key).or_insert(place) != place;
            }
            message = self.tables.message_of(field).map(|(id, _)| id);
        }
        is_rivalled
    }

    /// A mask of the body's field names fields that there are.
    fn check_mask(&self, target: &Target<'_>, text: &str) -> Result<(), Description> {
        let BodyTarget::Field(body) = self.route.body else { return Ok(()) };
        let Kind::Message(id) = self.tables.message(self.route.request).fields[body].kind else {
            return Ok(());
        };
        if self.route.update_mask.map(|place| vec![place]).as_ref() != Some(&target.places) {
            return Ok(());
        }
        let mut paths = text.split(',').filter(|_| !text.is_empty());
        match paths.find_map(|path| mask::unknown(self.tables, id, path).map(|why| (path, why))) {
            Some((path, why)) => Err(format!("`{}` {why}", excerpt(path)).into()),
            None => Ok(()),
        }
    }

    /// The field on the wire, with its tag.
    fn value(&self, target: &Target<'_>, text: &str) -> Result<Vec<u8>, Description> {
        let field = target.field;
        let mut wire = Vec::new();
        match (field.cardinality, target.key) {
            (Cardinality::Map, Some(key)) => {
                put_tag(&mut wire, field.number, WireType::LengthDelimited);
                let start = begin_length(&mut wire);
                let entry = self.tables.message_of(field).map(|(_, entry)| entry.fields.as_slice());
                let Some([key_field, value_field]) = entry else {
                    return Err("must be a map".into());
                };
                put_field(&mut wire, self.tables, key_field, Scalar::Bare(key), true)
                    .map_err(|expected| format!("the key {expected}"))?;
                self.put_leaf(&mut wire, value_field, text, true)?;
                end_length(&mut wire, start);
            }
            (Cardinality::Map, None) => {
                let name = &field.json_name;
                return Err(format!("must have a key in brackets, as `{name}[key]`").into());
            }
            (_, Some(_)) => return Err("must not have a key, for it is no map".into()),
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
    ) -> Result<(), Description> {
        let Some((_, message)) = self.tables.message_of(field) else {
            return Ok(put_field(out, self.tables, field, Scalar::Bare(text), keep_default)?);
        };
        if is_json(message) {
            put_tag(out, field.number, WireType::LengthDelimited);
            let start = begin_length(out);
            self.put_json(out, field, text)?;
            end_length(out, start);
            return Ok(());
        }
        if message.well_known.is_none_or(|w| matches!(w, WellKnown::Any | WellKnown::Empty)) {
            let name = &field.json_name;
            return Err(format!("must be given by its own fields, as `{name}.field`").into());
        }
        Ok(put_field(out, self.tables, field, Scalar::Bare(text), true)?)
    }

    /// A value of any shape is written as JSON.
    fn put_json(&self, out: &mut Vec<u8>, field: &Field, text: &str) -> Result<(), Description> {
        let Kind::Message(id) = field.kind else { return Ok(()) };
        let parser = Parser::new(self.tables, text, self.limits, &[], out);
        let expected = match self.tables.message(id).well_known {
            Some(WellKnown::Struct) => "must be a JSON object",
            Some(WellKnown::ListValue) => "must be a JSON array",
            _ => "must be JSON, with strings in quotes",
        };
        parser.parse_message(id).map_err(|error| match error.violations() {
            [] => expected.into(),
            [inner, ..] => format!("{expected}; `{}` {}", inner.field, inner.description).into(),
        })
    }
}

/// Whether a message can hold a value of any shape.
fn is_json(message: &Message) -> bool {
    matches!(message.well_known, Some(WellKnown::Struct | WellKnown::Value | WellKnown::ListValue))
}
