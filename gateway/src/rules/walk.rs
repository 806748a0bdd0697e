//! One walk over the wire bytes of a message, following the tables and collecting what is refused.

use super::{
    Failure, Violation,
    check::{Check, Value},
    gather,
    options::Ignore,
    path::Path,
    record::{self, Payload},
    table::{Field, List, Shape, Subject, Table},
};
use crate::{
    error::VIOLATIONS_MAX,
    wire::{Corrupt, Cursor},
};

/// Messages within messages.
const DEPTH_MAX: usize = 64;
/// Fields of a message whose state is kept on the stack.
const SLOTS_INLINE: usize = 16;

/// Checks the bytes of the message whose table is at `root`.
pub(super) fn check(
    tables: &[Table],
    repeated_max: usize,
    root: usize,
    bytes: &[u8],
) -> Result<(), Failure> {
    let mut walk = Walk { tables, repeated_max, violations: Vec::new() };
    let node = Node {
        table: &tables[root],
        parts: &[bytes],
        path: &Path::ROOT,
        depth: 0,
        limits_only: false,
    };
    walk.message(&node).map_err(|corrupt| Failure::Malformed(corrupt.0))?;
    if walk.violations.is_empty() { Ok(()) } else { Err(Failure::Violations(walk.violations)) }
}

struct Walk<'t> {
    tables: &'t [Table],
    repeated_max: usize,
    violations: Vec<Violation>,
}

/// A message to check. A message that was sent in pieces is the concatenation of its parts.
pub(super) struct Node<'n> {
    pub(super) table: &'n Table,
    pub(super) parts: &'n [&'n [u8]],
    path: &'n Path<'n>,
    depth: usize,
    /// Inside a field whose rules are ignored: only what is refused everywhere is looked for.
    limits_only: bool,
}

/// What was seen of one field.
#[derive(Clone, Copy)]
pub(super) struct Slot<'n> {
    /// The last value of a single field; the last part of a message.
    value: Option<Value<'n>>,
    /// How many values a single field had, or items or entries the others.
    pub(super) count: usize,
    /// The ordinal of the record since which the field has been set.
    pub(super) first: usize,
}

impl Slot<'_> {
    const EMPTY: Self = Self { value: None, count: 0, first: 0 };
}

impl Walk<'_> {
    fn message(&mut self, node: &Node) -> Result<(), Corrupt> {
        let fields = &node.table.fields;
        let mut inline = [Slot::EMPTY; SLOTS_INLINE];
        let mut heap = Vec::new();
        let slots = if fields.len() <= SLOTS_INLINE {
            &mut inline[..fields.len()]
        } else {
            heap.resize(fields.len(), Slot::EMPTY);
            &mut heap[..]
        };
        self.scan(node, slots)?;
        let pieces = gather::pieces(node, slots, self.repeated_max)?;
        for (index, (field, slot)) in fields.iter().zip(&*slots).enumerate() {
            let path = node.path.field(&field.name);
            if let Some(list) = &field.list {
                self.list(node, field, list, slot.count, &path)?;
                continue;
            }
            let is_message = matches!(field.value.shape, Shape::Message { .. });
            if is_message && slot.count > self.repeated_max {
                let description = format!("must be sent in at most {} pieces", self.repeated_max);
                self.refuse(&path, "message.max_pieces", &description);
                continue;
            }
            let start = pieces.partition_point(|piece| piece.0 < index);
            let own = pieces[start..].iter().take_while(|piece| piece.0 == index);
            let parts: Vec<&[u8]> = own.map(|piece| piece.1).collect();
            if parts.is_empty() {
                self.single(node, field, slot, &path)?;
            } else {
                self.nested(node, &field.value, &parts, &path)?;
            }
        }
        if !node.limits_only {
            self.oneofs(node, slots);
        }
        Ok(())
    }

    /// Reads every record once: elements are checked as they come, single values kept until the last has come.
    fn scan<'n>(&mut self, node: &Node<'n>, slots: &mut [Slot<'n>]) -> Result<(), Corrupt> {
        let fields = &node.table.fields;
        let mut ordinal = 0;
        for part in node.parts {
            let mut cursor = Cursor::new(part);
            while let Some((number, payload)) = record::next(&mut cursor)? {
                ordinal += 1;
                let Some(index) = node.table.position(number) else { continue };
                let field = &fields[index];
                if field.list.is_some() {
                    self.elements(node, field, payload, &mut slots[index].count)?;
                    continue;
                }
                let Some(value) = field.value.shape.read(payload)? else { continue };
                if slots[index].count == 0 {
                    // The member of a oneof that comes last unsets the others.
                    let others = fields.iter().zip(&mut *slots);
                    for (other, slot) in others.filter(|_| field.oneof.is_some()) {
                        if other.oneof == field.oneof {
                            *slot = Slot::EMPTY;
                        }
                    }
                    slots[index].first = ordinal;
                }
                slots[index].count += 1;
                slots[index].value = Some(value);
            }
        }
        Ok(())
    }

    /// Checks the items of one record of a repeated field, or one entry of a map.
    fn elements(
        &mut self,
        node: &Node,
        field: &Field,
        payload: Payload,
        count: &mut usize,
    ) -> Result<(), Corrupt> {
        let shape = field.value.shape;
        match payload {
            Payload::Bytes(bytes) if shape.is_packable() => {
                let mut cursor = Cursor::new(bytes);
                while !cursor.is_empty() {
                    let value = shape.read_packed(&mut cursor)?;
                    self.element(node, field, *count, value)?;
                    *count += 1;
                }
            }
            _ => {
                if let Some(value) = shape.read(payload)? {
                    self.element(node, field, *count, value)?;
                    *count += 1;
                }
            }
        }
        Ok(())
    }

    fn element(
        &mut self,
        node: &Node,
        field: &Field,
        index: usize,
        value: Value,
    ) -> Result<(), Corrupt> {
        // Past the limit the elements are only counted: the field is refused for their number.
        if index >= self.repeated_max {
            return Ok(());
        }
        let parent = node.path.field(&field.name);
        let list = field.list.as_ref();
        let path = match (list.and_then(|list| list.key), value) {
            (Some(key), Value::Bytes(entry)) => parent.entry(entry, key),
            _ => parent.index(index),
        };
        let always = list.is_some_and(|list| list.ignore == Ignore::Always);
        let limits_only = node.limits_only || always;
        let node = Node { limits_only, ..*node };
        if let (Shape::Message { .. }, Value::Bytes(bytes)) = (field.value.shape, value) {
            return self.nested(&node, &field.value, &[bytes], &path);
        }
        self.scalar(&node, &field.value, value, &path);
        Ok(())
    }

    /// Checks a field that is neither repeated nor a map, and was not sent in pieces.
    fn single(
        &mut self,
        node: &Node,
        field: &Field,
        slot: &Slot,
        path: &Path,
    ) -> Result<(), Corrupt> {
        let subject = &field.value;
        match (subject.shape, slot.value) {
            (_, None) if field.presence => {
                if subject.required && subject.ignore != Ignore::Always && !node.limits_only {
                    self.refuse_unset(path);
                }
            }
            (Shape::Message { .. }, Some(Value::Bytes(bytes))) => {
                self.nested(node, subject, &[bytes], path)?;
            }
            (Shape::Message { .. }, _) => self.nested(node, subject, &[], path)?,
            (shape, value) => {
                let value = value.unwrap_or(shape.zero());
                if field.presence || !subject.required || !value.is_zero() {
                    self.scalar(node, subject, value, path);
                } else if subject.ignore != Ignore::Always && !node.limits_only {
                    self.refuse_unset(path);
                }
            }
        }
        Ok(())
    }

    /// Checks a repeated field or a map as a whole.
    fn list(
        &mut self,
        node: &Node,
        field: &Field,
        list: &List,
        count: usize,
        path: &Path,
    ) -> Result<(), Corrupt> {
        if count > self.repeated_max {
            let (rule, noun) = if list.key.is_some() {
                ("map.max_pairs", "pairs")
            } else {
                ("repeated.max_items", "items")
            };
            let description = format!("must have at most {} {noun}", self.repeated_max);
            self.refuse(path, rule, &description);
            return Ok(());
        }
        if node.limits_only || list.ignore == Ignore::Always {
            return Ok(());
        }
        if count == 0 && list.required {
            self.refuse_unset(path);
            return Ok(());
        }
        if count == 0 && list.ignore == Ignore::IfZero {
            return Ok(());
        }
        let key = list.key;
        let mut distinct = count;
        if count > 1 && (list.unique || (key.is_some() && !list.checks.is_empty())) {
            distinct = gather::distinct(node.parts, field, key)?;
        }
        let size = if key.is_some() { distinct } else { count };
        if !self.refuse_failed(&list.checks, &Value::Uint(size as u64), path)
            && list.unique
            && distinct < count
        {
            self.refuse(path, "repeated.unique", "must not have an item twice");
        }
        Ok(())
    }

    /// Checks a message that is set.
    fn nested(
        &mut self,
        node: &Node,
        subject: &Subject,
        parts: &[&[u8]],
        path: &Path,
    ) -> Result<(), Corrupt> {
        let Shape::Message { table, .. } = subject.shape else { return Ok(()) };
        let limits_only = node.limits_only || subject.ignore == Ignore::Always;
        if !limits_only && !subject.checks.is_empty() {
            self.refuse_failed(&subject.checks, &gather::time(parts)?, path);
        }
        let table = &self.tables[table];
        if table.inert {
            return Ok(());
        }
        if node.depth == DEPTH_MAX {
            let description = format!("must not be nested deeper than {DEPTH_MAX} messages");
            self.refuse(path, "message.max_depth", &description);
            return Ok(());
        }
        self.message(&Node { table, parts, path, depth: node.depth + 1, limits_only })
    }

    fn scalar(&mut self, node: &Node, subject: &Subject, value: Value, path: &Path) {
        if let Value::Text(text) = value
            && text.as_bytes().contains(&0)
        {
            return self.refuse(path, "string.no_nul", "must not contain a NUL character");
        }
        let skipped = match subject.ignore {
            Ignore::Always => true,
            Ignore::IfZero => value.is_zero(),
            Ignore::Never => false,
        };
        if !skipped && !node.limits_only {
            self.refuse_failed(&subject.checks, &value, path);
        }
    }

    fn oneofs(&mut self, node: &Node, slots: &[Slot]) {
        for (index, oneof) in node.table.oneofs.iter().enumerate() {
            let Some(description) = &oneof.required else { continue };
            let mut members = node.table.fields.iter().zip(slots);
            if !members.any(|(field, slot)| field.oneof == Some(index) && slot.count > 0) {
                self.refuse(&node.path.field(&oneof.name), "required", description);
            }
        }
    }

    /// Refuses the value for the first check that fails; whether there was one.
    fn refuse_failed(&mut self, checks: &[Check], value: &Value, path: &Path) -> bool {
        let failed = checks.iter().find(|check| !check.passes(value));
        if let Some(check) = failed {
            self.refuse(path, &check.rule, &check.description);
        }
        failed.is_some()
    }

    fn refuse_unset(&mut self, path: &Path) {
        self.refuse(path, "required", "must be set");
    }

    fn refuse(&mut self, path: &Path, rule: &str, description: &str) {
        if self.violations.len() < VIOLATIONS_MAX {
            let (rule, description) = (rule.to_owned(), description.to_owned());
            self.violations.push(Violation { field: path.to_string(), rule, description });
        }
    }
}
