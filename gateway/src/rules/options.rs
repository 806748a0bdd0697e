//! The `buf.validate` options of a field or oneof as plain data, for the tables and for OpenAPI alike.

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, Value,
};

use super::form::Form;

/// What may be said of one field, an item, a key or a value.
#[derive(Clone, Default)]
pub(crate) struct FieldRules {
    pub(crate) required: bool,
    pub(crate) ignore: Ignore,
    pub(crate) by_type: Option<TypeRules>,
}

/// When rules are skipped.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ignore {
    #[default]
    Never,
    IfZero,
    Always,
}

/// The rules of one type, under the name they have in the option.
#[derive(Clone)]
pub(crate) struct TypeRules {
    pub(crate) name: &'static str,
    pub(crate) rules: Constraint,
}

/// The rules of one family of types.
#[derive(Clone)]
pub(crate) enum Constraint {
    Integer(Interval<i128>),
    Float(Interval<f64>),
    Bool(Option<bool>),
    Text(Box<TextRules>),
    Bytes(Size),
    Enum {
        defined_only: bool,
        numbers: Interval<i128>,
    },
    List {
        size: Size,
        unique: bool,
        items: Box<FieldRules>,
    },
    Map {
        size: Size,
        keys: Box<FieldRules>,
        values: Box<FieldRules>,
    },
    /// Seconds and nanoseconds of a duration or a timestamp.
    Time(Interval<(i64, i32)>),
}

/// The bounds and sets of an ordered type.
#[derive(Clone)]
pub(crate) struct Interval<T> {
    pub(crate) constant: Option<T>,
    pub(crate) lower: Option<Bound<T>>,
    pub(crate) upper: Option<Bound<T>>,
    pub(crate) allowed: Vec<T>,
    pub(crate) refused: Vec<T>,
}

impl<T> Default for Interval<T> {
    fn default() -> Self {
        Self { constant: None, lower: None, upper: None, allowed: vec![], refused: vec![] }
    }
}

/// One end of an interval.
#[derive(Clone, Copy)]
pub(crate) struct Bound<T> {
    pub(crate) value: T,
    pub(crate) inclusive: bool,
}

/// The least and greatest number of things.
#[derive(Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
}

/// The rules of a string.
#[derive(Clone, Default)]
pub(crate) struct TextRules {
    pub(crate) constant: Option<String>,
    pub(crate) len: Option<u64>,
    pub(crate) chars: Size,
    pub(crate) bytes: Size,
    pub(crate) pattern: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) suffix: Option<String>,
    pub(crate) contains: Option<String>,
    pub(crate) allowed: Vec<String>,
    pub(crate) refused: Vec<String>,
    pub(crate) form: Option<Form>,
    /// Values for documentation; nothing is checked by them.
    pub(crate) examples: Vec<String>,
}

impl FieldRules {
    /// The rules of a field; none where the pool declares no such option.
    ///
    /// # Errors
    /// Names the rule that is not in the supported subset.
    pub(crate) fn of(field: &FieldDescriptor) -> Result<Self, String> {
        match extension(field.parent_pool(), "buf.validate.field", &field.options()) {
            Some(rules) => Self::read(&rules),
            None => Ok(Self::default()),
        }
    }

    fn read(message: &DynamicMessage) -> Result<Self, String> {
        let mut rules = Self::default();
        for (field, value) in message.fields() {
            match (field.name(), value) {
                ("required", Value::Bool(required)) => rules.required = *required,
                ("ignore", Value::EnumNumber(number)) => {
                    rules.ignore = match number {
                        0 => Ignore::Never,
                        1 => Ignore::IfZero,
                        3 => Ignore::Always,
                        other => return Err(format!("ignore {other} is not supported")),
                    };
                }
                (name, Value::Message(inner)) => {
                    rules.by_type = Some(TypeRules::read(name, inner)?);
                }
                (name, _) => return Err(unsupported(name)),
            }
        }
        Ok(rules)
    }
}

/// Whether a member of the oneof must be set.
pub(crate) fn is_required(oneof: &OneofDescriptor) -> bool {
    extension(oneof.parent_pool(), "buf.validate.oneof", &oneof.options()).is_some_and(|rules| {
        rules.get_field_by_name("required").is_some_and(|value| value.as_bool() == Some(true))
    })
}

/// The message that an option holds, where the pool knows the option and the element sets it.
fn extension(
    pool: &DescriptorPool,
    name: &str,
    options: &DynamicMessage,
) -> Option<DynamicMessage> {
    let extension = pool.get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

fn unsupported(name: &str) -> String {
    format!("the rule {name} is not supported")
}

impl TypeRules {
    fn read(name: &str, message: &DynamicMessage) -> Result<Self, String> {
        const INTEGERS: [&str; 10] = [
            "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
            "sfixed32", "sfixed64",
        ];
        if let Some(name) = INTEGERS.into_iter().find(|integer| *integer == name) {
            return Ok(Self { name, rules: Constraint::Integer(interval(message, integer)?) });
        }
        let (name, rules) = match name {
            "float" => ("float", Constraint::Float(interval(message, float)?)),
            "double" => ("double", Constraint::Float(interval(message, float)?)),
            "bool" => ("bool", Constraint::Bool(read_bool(message)?)),
            "string" => ("string", Constraint::Text(Box::new(TextRules::read(message)?))),
            "bytes" => ("bytes", Constraint::Bytes(read_bytes(message)?)),
            "enum" => ("enum", read_enum(message)?),
            "repeated" => ("repeated", read_list(message)?),
            "map" => ("map", read_map(message)?),
            "duration" => ("duration", Constraint::Time(interval(message, time)?)),
            "timestamp" => ("timestamp", Constraint::Time(interval(message, time)?)),
            other => return Err(unsupported(other)),
        };
        Ok(Self { name, rules })
    }

    /// Whether the rules are those of the kind.
    pub(crate) fn fits(&self, kind: &Kind) -> bool {
        let expected = match kind {
            Kind::Double => "double",
            Kind::Float => "float",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Uint32 => "uint32",
            Kind::Uint64 => "uint64",
            Kind::Sint32 => "sint32",
            Kind::Sint64 => "sint64",
            Kind::Fixed32 => "fixed32",
            Kind::Fixed64 => "fixed64",
            Kind::Sfixed32 => "sfixed32",
            Kind::Sfixed64 => "sfixed64",
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Enum(_) => "enum",
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Duration" => "duration",
                "google.protobuf.Timestamp" => "timestamp",
                _ => return false,
            },
        };
        self.name == expected
    }
}

fn interval<T>(
    message: &DynamicMessage,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Interval<T>, String> {
    let mut interval = Interval::default();
    for (field, value) in message.fields() {
        let one = || read(value).ok_or_else(|| unsupported(field.name()));
        let many = || -> Option<Vec<T>> { value.as_list()?.iter().map(&read).collect() };
        match field.name() {
            "const" => interval.constant = Some(one()?),
            "lt" => interval.upper = Some(Bound { value: one()?, inclusive: false }),
            "lte" => interval.upper = Some(Bound { value: one()?, inclusive: true }),
            "gt" => interval.lower = Some(Bound { value: one()?, inclusive: false }),
            "gte" => interval.lower = Some(Bound { value: one()?, inclusive: true }),
            "in" => interval.allowed = many().ok_or_else(|| unsupported("in"))?,
            "not_in" => interval.refused = many().ok_or_else(|| unsupported("not_in"))?,
            // Lives in EnumRules beside the rest, and is read there.
            "defined_only" => {}
            other => return Err(unsupported(other)),
        }
    }
    Ok(interval)
}

fn integer(value: &Value) -> Option<i128> {
    match *value {
        Value::I32(number) | Value::EnumNumber(number) => Some(number.into()),
        Value::I64(number) => Some(number.into()),
        Value::U32(number) => Some(number.into()),
        Value::U64(number) => Some(number.into()),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_f32().map(f64::from))
}

fn time(value: &Value) -> Option<(i64, i32)> {
    let message = value.as_message()?;
    let seconds = message.get_field_by_name("seconds")?.as_i64()?;
    let nanos = message.get_field_by_name("nanos")?.as_i32()?;
    Some((seconds, nanos))
}

fn read_bool(message: &DynamicMessage) -> Result<Option<bool>, String> {
    let mut constant = None;
    for (field, value) in message.fields() {
        match (field.name(), value) {
            ("const", Value::Bool(value)) => constant = Some(*value),
            (other, _) => return Err(unsupported(other)),
        }
    }
    Ok(constant)
}

fn read_bytes(message: &DynamicMessage) -> Result<Size, String> {
    let mut size = Size::default();
    for (field, value) in message.fields() {
        match field.name() {
            "min_len" => size.min = value.as_u64(),
            "max_len" => size.max = value.as_u64(),
            other => return Err(unsupported(other)),
        }
    }
    Ok(size)
}

fn read_enum(message: &DynamicMessage) -> Result<Constraint, String> {
    let defined_only = message.get_field_by_name("defined_only");
    Ok(Constraint::Enum {
        defined_only: defined_only.is_some_and(|value| value.as_bool() == Some(true)),
        numbers: interval(message, integer)?,
    })
}

fn read_list(message: &DynamicMessage) -> Result<Constraint, String> {
    let (mut size, mut unique, mut items) = (Size::default(), false, Box::default());
    for (field, value) in message.fields() {
        match (field.name(), value) {
            ("min_items", value) => size.min = value.as_u64(),
            ("max_items", value) => size.max = value.as_u64(),
            ("unique", Value::Bool(value)) => unique = *value,
            ("items", Value::Message(inner)) => items = Box::new(FieldRules::read(inner)?),
            (other, _) => return Err(unsupported(other)),
        }
    }
    Ok(Constraint::List { size, unique, items })
}

fn read_map(message: &DynamicMessage) -> Result<Constraint, String> {
    let (mut size, mut keys, mut values) = (Size::default(), Box::default(), Box::default());
    for (field, value) in message.fields() {
        match (field.name(), value) {
            ("min_pairs", value) => size.min = value.as_u64(),
            ("max_pairs", value) => size.max = value.as_u64(),
            ("keys", Value::Message(inner)) => keys = Box::new(FieldRules::read(inner)?),
            ("values", Value::Message(inner)) => values = Box::new(FieldRules::read(inner)?),
            (other, _) => return Err(unsupported(other)),
        }
    }
    Ok(Constraint::Map { size, keys, values })
}

impl TextRules {
    fn read(message: &DynamicMessage) -> Result<Self, String> {
        let mut rules = Self::default();
        for (field, value) in message.fields() {
            let text = || value.as_str().map(str::to_owned);
            let texts = || -> Vec<String> {
                let items = value.as_list().unwrap_or_default();
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            };
            match field.name() {
                "const" => rules.constant = text(),
                "len" => rules.len = value.as_u64(),
                "min_len" => rules.chars.min = value.as_u64(),
                "max_len" => rules.chars.max = value.as_u64(),
                "min_bytes" => rules.bytes.min = value.as_u64(),
                "max_bytes" => rules.bytes.max = value.as_u64(),
                "pattern" => rules.pattern = text(),
                "prefix" => rules.prefix = text(),
                "suffix" => rules.suffix = text(),
                "contains" => rules.contains = text(),
                "in" => rules.allowed = texts(),
                "not_in" => rules.refused = texts(),
                "example" => rules.examples = texts(),
                name => {
                    let form = Form::from_rule(name).ok_or_else(|| unsupported(name))?;
                    rules.form = (value.as_bool() == Some(true)).then_some(form);
                }
            }
        }
        Ok(rules)
    }
}
