//! Reads the records of protobuf's wire format from a slice, without copying and without a schema.

/// Groups within groups that are followed; a sender that nests deeper is refused.
const GROUP_DEPTH_MAX: usize = 64;

/// Why bytes are no protobuf message.
pub(super) type Malformed = &'static str;

/// The payload of one record, by wire type.
#[derive(Clone, Copy)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Len(&'a [u8]),
    Group(&'a [u8]),
    Fixed32(u32),
}

/// A position in a slice of records, or of packed values.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field number and payload, or none at the end.
    pub(super) fn record(&mut self) -> Result<Option<(u32, Wire<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.key()?;
        let wire = match wire_type {
            3 => Wire::Group(self.group(number)?),
            4 => return Err("a group ends that did not begin"),
            _ => self.payload(wire_type)?,
        };
        Ok(Some((number, wire)))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            if index == 9 && byte > 1 {
                return Err("a varint does not fit 64 bits");
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err("a varint is cut off")
    }

    pub(super) fn fixed32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or("a 32-bit value is cut off")?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or("a 64-bit value is cut off")?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn key(&mut self) -> Result<(u32, u8), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| "a field number is too large")?;
        let number = key >> 3;
        if number == 0 {
            return Err("a field number is 0");
        }
        Ok((number, (key & 7) as u8))
    }

    fn payload(&mut self, wire_type: u8) -> Result<Wire<'a>, Malformed> {
        match wire_type {
            0 => self.varint().map(Wire::Varint),
            1 => self.fixed64().map(Wire::Fixed64),
            2 => self.delimited().map(Wire::Len),
            5 => self.fixed32().map(Wire::Fixed32),
            _ => Err("a wire type is unknown"),
        }
    }

    fn delimited(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| "a length is too large")?;
        let (bytes, rest) =
            self.rest.split_at_checked(length).ok_or("a length goes past the end")?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The content of the group whose start was just read. A loop over a stack of fixed size: hostile nesting must
    /// cost neither the thread's stack nor a second scan.
    fn group(&mut self, number: u32) -> Result<&'a [u8], Malformed> {
        let start = self.rest;
        let mut open = [0; GROUP_DEPTH_MAX];
        open[0] = number;
        let mut depth = 1;
        while depth > 0 {
            let end = self.rest;
            let (number, wire_type) = self.key().map_err(|_| "a group is cut off")?;
            match wire_type {
                3 => {
                    *open.get_mut(depth).ok_or("groups are nested too deeply")? = number;
                    depth += 1;
                }
                4 if open[depth - 1] == number => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(&start[..start.len() - end.len()]);
                    }
                }
                4 => return Err("a group ends that did not begin"),
                _ => drop(self.payload(wire_type)?),
            }
        }
        Err("a group is cut off")
    }
}
