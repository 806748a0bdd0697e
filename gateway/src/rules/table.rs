//! The compact tables that the walk reads, compiled once from the descriptors.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::{
    RulesError,
    check::{self, Check},
    options::{self, Constraint, FieldRules, Ignore, TypeRules},
};

/// The index of a message's table by its full name.
pub(super) type ByName = HashMap<Box<str>, usize>;

/// What to check in one message.
#[derive(Default)]
pub(super) struct Table {
    /// The fields with something to check, by number.
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<Oneof>,
    /// Whether nothing in the message, at any depth, could be refused.
    pub(super) inert: bool,
}

/// A oneof with something to check, in it or of it.
pub(super) struct Oneof {
    pub(super) name: Box<str>,
    /// What to say when none of its members is set and one has to be; none where none has to.
    pub(super) required: Option<Box<str>>,
}

/// One field with something to check.
pub(super) struct Field {
    pub(super) number: u32,
    /// Empty for the value of a wrapper or map entry, which goes by the name of the field that holds it.
    pub(super) name: Box<str>,
    pub(super) presence: bool,
    /// The index of the oneof that it is a member of.
    pub(super) oneof: Option<usize>,
    pub(super) value: Subject,
    /// The rules of the whole where the field is repeated or a map.
    pub(super) list: Option<List>,
}

/// A single value and its rules.
pub(super) struct Subject {
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) ignore: Ignore,
    pub(super) checks: Vec<Check>,
}

/// How a value lies on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Float,
    Double,
    Bool,
    Text,
    Bytes,
    /// A message with the index of its table.
    Message {
        table: usize,
    },
}

/// The rules of a repeated field or a map as a whole.
pub(super) struct List {
    /// How the keys of a map lie on the wire; none where the field is no map.
    pub(super) key: Option<Shape>,
    pub(super) required: bool,
    pub(super) ignore: Ignore,
    pub(super) unique: bool,
    /// Rules of the number of items or pairs.
    pub(super) checks: Vec<Check>,
}

impl Table {
    pub(super) fn position(&self, number: u32) -> Option<usize> {
        self.fields.binary_search_by_key(&number, |field| field.number).ok()
    }
}

/// The tables of every message of a pool, and the index of each by full name.
pub(super) fn compile(pool: &DescriptorPool) -> Result<(Vec<Table>, ByName), RulesError> {
    let messages: Vec<MessageDescriptor> = pool.all_messages().collect();
    let by_name = messages.iter().enumerate();
    let by_name = by_name.map(|(index, message)| (message.full_name().into(), index)).collect();
    let mut compiler = Compiler { by_name, tables: Vec::new() };
    compiler.tables.resize_with(messages.len(), Table::default);
    for (index, message) in messages.iter().enumerate() {
        // A map entry is compiled with the field that it belongs to, which holds its rules.
        if !message.is_map_entry() {
            compiler.tables[index] = compiler.message(message)?;
        }
    }
    compiler.drop_inert();
    Ok((compiler.tables, compiler.by_name))
}

struct Compiler {
    by_name: ByName,
    tables: Vec<Table>,
}

impl Compiler {
    fn message(&mut self, message: &MessageDescriptor) -> Result<Table, RulesError> {
        let mut table = Table::default();
        let oneofs: Vec<_> = message.oneofs().filter(|oneof| !oneof.is_synthetic()).collect();
        for oneof in &oneofs {
            let required = options::is_required(oneof).then(|| {
                let members: Vec<_> =
                    oneof.fields().map(|field| format!("`{}`", field.name())).collect();
                format!("must have one of {}", members.join(", ")).into()
            });
            table.oneofs.push(Oneof { name: oneof.name().into(), required });
        }
        for field in message.fields() {
            let mut compiled = self
                .field(&field)
                .map_err(|reason| RulesError { field: field.full_name().to_owned(), reason })?;
            compiled.oneof = field
                .containing_oneof()
                .and_then(|oneof| oneofs.iter().position(|other| *other == oneof));
            table.fields.push(compiled);
        }
        table.fields.sort_unstable_by_key(|field| field.number);
        Ok(table)
    }

    fn field(&mut self, field: &FieldDescriptor) -> Result<Field, String> {
        if field.is_group() {
            return Err("a group of proto2 cannot be checked".into());
        }
        let rules = FieldRules::of(field)?;
        let list = self.list(field, &rules)?;
        let value = match rules.by_type.as_ref().map(|by_type| &by_type.rules) {
            Some(Constraint::Map { keys, values, .. }) if field.is_map() => {
                self.entry(field, keys, values)?
            }
            _ if field.is_map() => self.entry(field, &<_>::default(), &<_>::default())?,
            Some(Constraint::List { items, .. }) if field.is_list() => self.value(field, items)?,
            _ if field.is_list() => self.value(field, &FieldRules::default())?,
            _ => self.value(field, &rules)?,
        };
        Ok(Field {
            number: field.number(),
            name: field.name().into(),
            presence: field.supports_presence(),
            oneof: None,
            value,
            list,
        })
    }

    /// The rules of a repeated field or map as a whole; none for a single field.
    fn list(&self, field: &FieldDescriptor, rules: &FieldRules) -> Result<Option<List>, String> {
        let is_map = field.is_map();
        if !is_map && !field.is_list() {
            return Ok(None);
        }
        let (mut unique_items, mut checks) = (false, Vec::new());
        match &rules.by_type {
            None => {}
            Some(TypeRules { rules: Constraint::List { size, unique, .. }, .. }) if !is_map => {
                unique_items = *unique;
                let ids = ["repeated.min_items", "repeated.max_items"];
                checks = check::of_count(*size, ids, "items");
            }
            Some(TypeRules { rules: Constraint::Map { size, .. }, .. }) if is_map => {
                checks = check::of_count(*size, ["map.min_pairs", "map.max_pairs"], "pairs");
            }
            Some(by_type) => {
                let kind = if is_map { "map" } else { "repeated" };
                return Err(format!("{} rules do not fit a {kind} field", by_type.name));
            }
        }
        if unique_items && matches!(field.kind(), Kind::Message(_)) {
            return Err("repeated.unique does not fit messages".into());
        }
        let FieldRules { required, ignore, .. } = *rules;
        let entry = field.kind().as_message().filter(|_| is_map).cloned();
        let key = entry.map(|entry| self.shape(&entry.map_entry_key_field().kind()));
        Ok(Some(List { key, required, ignore, unique: unique_items, checks }))
    }

    /// A single value: the field itself, or an item of it.
    fn value(&mut self, field: &FieldDescriptor, rules: &FieldRules) -> Result<Subject, String> {
        let kind = field.kind();
        let mut shape = self.shape(&kind);
        let mut checks = Vec::new();
        match (&rules.by_type, wrapped(&kind)) {
            (None, _) => {}
            (Some(by_type), _) if by_type.fits(&kind) => checks = check::of_type(by_type, &kind)?,
            (Some(by_type), Some(inner)) if by_type.fits(&inner.kind()) => {
                let mut inner_field = self.field(&inner)?;
                inner_field.value = self.value(&inner, rules)?;
                inner_field.value.required = false;
                inner_field.name = "".into();
                shape = Shape::Message { table: self.add(vec![inner_field]) };
            }
            (Some(by_type), _) => return Err(misfit(by_type, &kind)),
        }
        Ok(Subject { shape, required: rules.required, ignore: rules.ignore, checks })
    }

    /// A pair of a map, which is a message of its own for each map field.
    fn entry(
        &mut self,
        field: &FieldDescriptor,
        keys: &FieldRules,
        values: &FieldRules,
    ) -> Result<Subject, String> {
        let kind = field.kind();
        let Some(entry) = kind.as_message() else { return Err("a map without entries".into()) };
        let mut fields = Vec::new();
        for (half, rules) in
            [(entry.map_entry_key_field(), keys), (entry.map_entry_value_field(), values)]
        {
            let value = self.value(&half, rules)?;
            let (number, name) = (half.number(), "".into());
            // A missing half reads as its zero value, and is checked as that.
            fields.push(Field { number, name, presence: false, oneof: None, value, list: None });
        }
        let shape = Shape::Message { table: self.add(fields) };
        Ok(Subject { shape, required: false, ignore: Ignore::Never, checks: Vec::new() })
    }

    fn add(&mut self, fields: Vec<Field>) -> usize {
        self.tables.push(Table { fields, ..Table::default() });
        self.tables.len() - 1
    }

    fn shape(&self, kind: &Kind) -> Shape {
        match kind {
            Kind::Int32 | Kind::Enum(_) => Shape::Int32,
            Kind::Int64 => Shape::Int64,
            Kind::Uint32 => Shape::Uint32,
            Kind::Uint64 => Shape::Uint64,
            Kind::Sint32 => Shape::Sint32,
            Kind::Sint64 => Shape::Sint64,
            Kind::Fixed32 => Shape::Fixed32,
            Kind::Fixed64 => Shape::Fixed64,
            Kind::Sfixed32 => Shape::Sfixed32,
            Kind::Sfixed64 => Shape::Sfixed64,
            Kind::Float => Shape::Float,
            Kind::Double => Shape::Double,
            Kind::Bool => Shape::Bool,
            Kind::String => Shape::Text,
            Kind::Bytes => Shape::Bytes,
            Kind::Message(message) => Shape::Message { table: self.by_name[message.full_name()] },
        }
    }

    /// Finds the messages with nothing to check, and drops the fields that hold nothing else. It starts from "all
    /// have something", so that a recursive message keeps its check of depth.
    fn drop_inert(&mut self) {
        loop {
            let inert: Vec<usize> = (0..self.tables.len())
                .filter(|&index| !self.tables[index].inert && self.is_inert(&self.tables[index]))
                .collect();
            if inert.is_empty() {
                break;
            }
            for index in inert {
                self.tables[index].inert = true;
            }
        }
        for index in 0..self.tables.len() {
            let mut table = std::mem::take(&mut self.tables[index]);
            let used: Vec<bool> = (0..table.oneofs.len())
                .map(|oneof| {
                    table.oneofs[oneof].required.is_some()
                        || table
                            .fields
                            .iter()
                            .any(|field| field.oneof == Some(oneof) && !self.is_inert_field(field))
                })
                .collect();
            table.fields.retain(|field| {
                !self.is_inert_field(field) || field.oneof.is_some_and(|oneof| used[oneof])
            });
            self.tables[index] = table;
        }
    }

    fn is_inert(&self, table: &Table) -> bool {
        table.oneofs.iter().all(|oneof| oneof.required.is_none())
            && table.fields.iter().all(|field| self.is_inert_field(field))
    }

    fn is_inert_field(&self, field: &Field) -> bool {
        let inert_shape = match field.value.shape {
            Shape::Text => false,
            Shape::Message { table, .. } => self.tables[table].inert,
            _ => true,
        };
        inert_shape
            && field.list.is_none()
            && !field.value.required
            && field.value.checks.is_empty()
    }
}

/// The one field of a wrapper of google.protobuf, whose rules may be given as those of the value.
fn wrapped(kind: &Kind) -> Option<FieldDescriptor> {
    let message = kind.as_message()?;
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    name.strip_suffix("Value")?;
    let is_wrapper = message.fields().len() == 1 && name != "ListValue";
    if is_wrapper { message.get_field_by_name("value") } else { None }
}

fn misfit(by_type: &TypeRules, kind: &Kind) -> String {
    format!("{} rules do not fit a field of type {kind:?}", by_type.name)
}
