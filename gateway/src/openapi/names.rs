//! What things are called in the document: components, tags and comments.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost_reflect::{
    FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

use super::{
    failure,
    schema::{Behavior, Form},
    text,
};
use crate::source::Source;

/// The names of everything that the methods reach, and the comments on it.
pub(super) struct Names {
    sources: HashMap<String, Source>,
    /// Short names that more than one message or enum would have.
    ambiguous: HashSet<String>,
    /// The short names of all messages and enums.
    taken: HashSet<String>,
    ambiguous_services: HashSet<String>,
    /// The full names of the messages that requests are made of.
    requested: HashSet<String>,
}

impl Names {
    pub(super) fn of<'m>(methods: impl Iterator<Item = &'m MethodDescriptor>) -> Self {
        let (mut requested, mut reached) = (HashSet::new(), HashSet::new());
        let (mut services, mut sources) = (HashSet::new(), HashMap::new());
        for method in methods {
            let is_sent = |field: &FieldDescriptor| !Behavior::of(field).output_only;
            reach(&method.input(), &is_sent, &mut requested, &mut sources);
            reach(&method.input(), &|_| true, &mut reached, &mut sources);
            reach(&method.output(), &|_| true, &mut reached, &mut sources);
            let service = method.parent_service();
            services.insert(service.full_name().to_owned());
            add_source(&service.parent_file(), &mut sources);
        }
        let mut ambiguous = ambiguous(&reached);
        ambiguous.extend(failure::SCHEMAS.map(str::to_owned));
        let taken = reached.iter().map(|name| short(name).to_owned()).collect();
        let ambiguous_services = self::ambiguous(&services);
        Self { sources, ambiguous, taken, ambiguous_services, requested }
    }

    /// The name of the component of a message or enum.
    pub(super) fn component(&self, full_name: &str, form: Form) -> String {
        let short = short(full_name);
        let name = if self.ambiguous.contains(short) { full_name } else { short };
        match form {
            Form::Whole => name.to_owned(),
            Form::Patch if self.taken.contains(&format!("{name}Patch")) => format!("{name}.Patch"),
            Form::Patch => format!("{name}Patch"),
        }
    }

    pub(super) fn tag<'s>(&self, service: &'s ServiceDescriptor) -> &'s str {
        let ambiguous = self.ambiguous_services.contains(service.name());
        if ambiguous { service.full_name() } else { service.name() }
    }

    /// The comment on a declaration, as a description.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> Option<String> {
        self.source(file, path).map(text::description)
    }

    /// The comment as it is written in the file.
    pub(super) fn source(&self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        self.sources.get(file.name())?.comment(path)
    }

    /// Whether a request can hold the message.
    pub(super) fn is_requested(&self, message: &MessageDescriptor) -> bool {
        self.requested.contains(message.full_name())
    }
}

/// Collects a message and all that its fields can hold.
fn reach(
    message: &MessageDescriptor,
    follows: &impl Fn(&FieldDescriptor) -> bool,
    reached: &mut HashSet<String>,
    sources: &mut HashMap<String, Source>,
) {
    if !reached.insert(message.full_name().to_owned()) {
        return;
    }
    add_source(&message.parent_file(), sources);
    for field in message.fields().filter(follows) {
        match field.kind() {
            Kind::Message(inner) => reach(&inner, follows, reached, sources),
            Kind::Enum(values) => {
                reached.insert(values.full_name().to_owned());
                add_source(&values.parent_file(), sources);
            }
            _ => {}
        }
    }
}

fn add_source(file: &FileDescriptor, sources: &mut HashMap<String, Source>) {
    if !sources.contains_key(file.name()) {
        sources.insert(file.name().to_owned(), Source::of(file));
    }
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

fn ambiguous(full_names: &HashSet<String>) -> HashSet<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in full_names {
        *counts.entry(short(name)).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned()).collect()
}
