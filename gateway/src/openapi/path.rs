//! Path templates as OpenAPI knows them: one parameter a segment.

use std::collections::HashMap;

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
    /// The path of the request field whose whole value it is.
    pub(super) field_path: Option<String>,
    /// Whether its value may contain slashes.
    pub(super) is_rest: bool,
}

impl Path {
    /// A variable of several segments becomes several parameters, each named after the literal before it.
    pub(super) fn of(template: &Template) -> Self {
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
                field_path: whole.map(|variable| variable.field_path.clone()),
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

/// One name for each parameter of each shape. OpenAPI takes `/rooms/{id}` and `/rooms/{room.id}` for one path, so
/// that both have to go by the shortest of their names.
pub(super) struct SharedNames {
    by_shape: HashMap<String, Vec<String>>,
}

impl SharedNames {
    pub(super) fn of<'t>(templates: impl Iterator<Item = &'t Template>) -> Self {
        let mut by_shape: HashMap<String, Vec<String>> = HashMap::new();
        for path in templates.map(Path::of) {
            let names: Vec<String> = path.parameters().map(|one| one.name.clone()).collect();
            let length = |names: &[String]| names.iter().map(String::len).sum::<usize>();
            let shared = by_shape.entry(path.shape()).or_insert_with(|| names.clone());
            if (length(&names), &names) < (length(shared), shared) {
                *shared = names;
            }
        }
        Self { by_shape }
    }

    /// The path of a template, with the shared names.
    pub(super) fn path(&self, template: &Template) -> Path {
        let mut path = Path::of(template);
        let mut names = self.by_shape.get(&path.shape()).into_iter().flatten();
        for piece in &mut path.pieces {
            if let Piece::Parameter(parameter) = piece
                && let Some(name) = names.next()
            {
                parameter.name.clone_from(name);
            }
        }
        path
    }
}
