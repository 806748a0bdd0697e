//! The protobuf wire format: tags, varints and lengths, both ways. It knows nothing of messages and
//! fields.

/// Groups are skipped as unknown fields; a group inside a group this deep is refused.
const GROUP_DEPTH_MAX: u32 = 100;

/// Bytes that are no valid message of their type, with the reason as a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(pub(crate) &'static str);

/// How a value is laid out, the low three bits of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    LengthDelimited = 2,
    StartGroup = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_seven_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_seven_bits(value));
}

pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: WireType) {
    put_varint(out, u64::from(number) << 3 | wire_type as u64);
}

pub(crate) fn put_length_delimited(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Leaves room for a length of one byte, and answers where the value after it starts. Most messages
/// are shorter than 128 bytes; [`end_length`] moves the others.
pub(crate) fn begin_length(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of everything since [`begin_length`] in front of it.
pub(crate) fn end_length(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = low_seven_bits(length as u64);
        return;
    }
    // The length takes its place behind the value, and the value then moves after it.
    out[start - 1] = low_seven_bits(length as u64) | 0x80;
    let end = out.len();
    put_varint(out, length as u64 >> 7);
    let added = out.len() - end;
    out[start..].rotate_right(added);
}

fn low_seven_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// A reader of one message, or of the values of one packed field.
#[derive(Clone)]
pub(crate) struct Cursor<'w> {
    rest: &'w [u8],
}

impl<'w> Cursor<'w> {
    pub(crate) fn new(wire: &'w [u8]) -> Self {
        Self { rest: wire }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The number and wire type of the next field.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), Corrupt> {
        let tag = u32::try_from(self.varint()?).map_err(|_| Corrupt("a tag is too large"))?;
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::LengthDelimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(Corrupt("a tag has no known wire type")),
        };
        match tag >> 3 {
            0 => Err(Corrupt("a field has the number 0")),
            number => Ok((number, wire_type)),
        }
    }

    /// The bytes of the next value: those of a varint as they stand, a length-delimited value
    /// without its length, and nothing of a group, which is only skipped.
    #[inline]
    pub(crate) fn payload(
        &mut self,
        number: u32,
        wire_type: WireType,
    ) -> Result<&'w [u8], Corrupt> {
        match wire_type {
            WireType::Varint => {
                let before = self.rest;
                self.varint()?;
                Ok(&before[..before.len() - self.rest.len()])
            }
            WireType::Fixed64 => self.take(8),
            WireType::Fixed32 => self.take(4),
            WireType::LengthDelimited => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                self.take(length)
            }
            WireType::StartGroup => self.skip_group(number, 1).map(|()| &[][..]),
            WireType::EndGroup => Err(Corrupt("a group ends that never began")),
        }
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Corrupt> {
        // Most are tags and lengths of one byte.
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            if index == 9 && byte > 1 {
                return Err(Corrupt("a varint is longer than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Corrupt("the message is cut off"))
    }

    pub(crate) fn fixed32(&mut self) -> Result<[u8; 4], Corrupt> {
        let (bytes, rest) =
            self.rest.split_first_chunk().ok_or(Corrupt("the message is cut off"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn fixed64(&mut self) -> Result<[u8; 8], Corrupt> {
        let (bytes, rest) =
            self.rest.split_first_chunk().ok_or(Corrupt("the message is cut off"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'w [u8], Corrupt> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(Corrupt("the message is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn skip_group(&mut self, number: u32, depth: u32) -> Result<(), Corrupt> {
        if depth > GROUP_DEPTH_MAX {
            return Err(Corrupt("groups are nested too deeply"));
        }
        loop {
            match self.tag()? {
                (inner, WireType::StartGroup) => self.skip_group(inner, depth + 1)?,
                (inner, WireType::EndGroup) if inner == number => return Ok(()),
                (inner, wire_type) => {
                    self.payload(inner, wire_type)?;
                }
            }
        }
    }
}

/// Text and bytes of a message that has them as its fields 1 and 2, such as `google.protobuf.Any`,
/// `google.rpc.ErrorInfo` and `google.api.HttpBody`.
pub(crate) fn text_and_bytes(wire: &[u8]) -> Result<(&str, &[u8]), Corrupt> {
    let (mut text, mut bytes) = (&[][..], &[][..]);
    let mut cursor = Cursor::new(wire);
    while !cursor.is_empty() {
        let (number, wire_type) = cursor.tag()?;
        let payload = cursor.payload(number, wire_type)?;
        match (number, wire_type) {
            (1, WireType::LengthDelimited) => text = payload,
            (2, WireType::LengthDelimited) => bytes = payload,
            _ => {}
        }
    }
    let text = str::from_utf8(text).map_err(|_| Corrupt("a text is not UTF-8"))?;
    Ok((text, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_two_bytes_moves_the_value_behind_it() {
        let mut out = vec![7];
        let start = begin_length(&mut out);
        out.extend_from_slice(&[9; 300]);
        end_length(&mut out, start);
        assert_eq!(out[..3], [7, 0xac, 0x02]);
        assert_eq!(out[3..], [9; 300]);
    }

    #[test]
    fn groups_are_skipped_and_unbalanced_ones_refused() {
        let mut balanced = Cursor::new(&[0x08, 0x01, 0x0c]);
        assert_eq!(balanced.payload(1, WireType::StartGroup), Ok(&[][..]));
        assert!(balanced.is_empty());
        let endless = [0x0b; 10_000];
        assert!(Cursor::new(&endless).payload(1, WireType::StartGroup).is_err());
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_refused() {
        assert_eq!(
            Cursor::new(&[0xff; 10]).varint(),
            Err(Corrupt("a varint is longer than 64 bits"))
        );
        assert_eq!(Cursor::new(&[0x80]).varint(), Err(Corrupt("the message is cut off")));
    }
}
