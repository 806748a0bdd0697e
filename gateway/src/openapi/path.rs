//! Path templates as OpenAPI knows them: one parameter a segment.

use std::collections::HashMap;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::schema;
use crate::template::{Segment, Template};

/// A path with a parameter for each segment that is not fixed.
#[derive(Clone)]
pub(super) struct Path {
    pieces: Vec<Piece>,
    verb: String,
}

#[derive(Clone)]
enum Piece {
    Literal(String),
    Parameter(Parameter),
}

/// One parameter of a path.
#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// The request field whose whole value it is.
    pub(super) field: Option<FieldDescriptor>,
    /// Whether its value may contain slashes.
    pub(super) is_rest: bool,
}

impl Path {
    /// A variable of several segments becomes several parameters, each named after the literal before it.
    fn of(template: &Template, input: &MessageDescriptor) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        for (index, segment) in template.segments().iter().enumerate() {
            if let Segment::Literal(text) = segment {
                pieces.push(Piece::Literal(text.clone()));
                continue;
            }
            let mut variables = template.variables().iter();
            let whole = variables.find(|one| one.start == index && one.end == index + 1);
            let name = match (whole, pieces.last()) {
                (Some(variable), _) => variable.field_path.clone(),
                (None, Some(Piece::Literal(before))) => format!("{before}Id"),
                (None, _) => format!("segment{}", index + 1),
            };
            pieces.push(Piece::Parameter(Parameter {
                name,
                field: whole.and_then(|variable| field_at(input, &variable.field_path)),
                is_rest: *segment == Segment::Rest,
            }));
        }
        let verb = template.verb().map(|verb| format!(":{verb}")).unwrap_or_default();
        Self { pieces, verb }
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(parameter) => Some(parameter),
            Piece::Literal(_) => None,
        })
    }

    /// The path with its parameters in braces.
    pub(super) fn text(&self) -> String {
        self.write(|parameter| &parameter.name)
    }

    /// The same for all paths that differ in nothing but the names of parameters.
    fn shape(&self) -> String {
        self.write(|_| "")
    }

    fn write<'p>(&'p self, name: impl Fn(&'p Parameter) -> &'p str) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            text += "/";
            match piece {
                Piece::Literal(literal) => text += literal,
                Piece::Parameter(parameter) => text.extend(["{", name(parameter), "}"]),
            }
        }
        if text.is_empty() { "/".to_owned() } else { text + &self.verb }
    }
}

/// What the parameters of each shape share. OpenAPI takes `/rooms/{id}` and `/rooms/{room.id}` for one path, so that
/// both have to go by the shortest of their names; and as they lead to one resource, the rules of one field hold for
/// another that has none.
pub(super) struct Shared {
    by_shape: HashMap<String, Vec<Parameter>>,
}

impl Shared {
    pub(super) fn of<'t>(
        templates: impl Iterator<Item = (&'t Template, MessageDescriptor)>,
    ) -> Self {
        let mut by_shape: HashMap<String, Vec<Parameter>> = HashMap::new();
        for (template, input) in templates {
            let path = Path::of(template, &input);
            let own: Vec<Parameter> = path.parameters().cloned().collect();
            let shared = by_shape.entry(path.shape()).or_insert_with(|| own.clone());
            let takes_names = names(&own) < names(shared);
            for (shared, own) in shared.iter_mut().zip(own) {
                if takes_names {
                    shared.name = own.name;
                }
                if !shared.field.as_ref().is_some_and(has_rules) && own.field.is_some() {
                    shared.field = own.field;
                }
            }
        }
        Self { by_shape }
    }

    /// The path of a template, with what is shared.
    pub(super) fn path(&self, template: &Template, input: &MessageDescriptor) -> Path {
        let mut path = Path::of(template, input);
        let mut all = self.by_shape.get(&path.shape()).into_iter().flatten();
        for piece in &mut path.pieces {
            if let Piece::Parameter(parameter) = piece
                && let Some(shared) = all.next()
            {
                parameter.name.clone_from(&shared.name);
                let kind = |field: &FieldDescriptor| field.kind();
                let is_alike =
                    parameter.field.as_ref().map(kind) == shared.field.as_ref().map(kind);
                if is_alike && !parameter.field.as_ref().is_some_and(has_rules) {
                    parameter.field.clone_from(&shared.field);
                }
            }
        }
        path
    }
}

/// Orders lists of names: the shortest first.
fn names(parameters: &[Parameter]) -> (usize, Vec<&str>) {
    let names: Vec<&str> = parameters.iter().map(|one| &*one.name).collect();
    (names.iter().map(|name| name.len()).sum(), names)
}

fn has_rules(field: &FieldDescriptor) -> bool {
    schema::rules(field).by_type.is_some()
}

fn field_at(input: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => input.get_field_by_name(path),
        Some((name, rest)) => field_at(input.get_field_by_name(name)?.kind().as_message()?, rest),
    }
}
