//! Strings and bytes as JSON text, and bytes back from it.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine, alphabet, prelude::BASE64_STANDARD};

/// Padding may be missing, and the bits after the last byte may be anything, as other
/// implementations have it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Writes a string in quotes, escaping no more than JSON demands.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_characters(out, text.as_bytes());
    out.push(b'"');
}

/// Writes bytes that should be UTF-8 as [`put_string`] does. `None` when they are not.
pub(super) fn put_utf8(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.push(b'"');
    // Most text is ASCII without anything to escape, which takes one look to see.
    let (ascii, others) = bytes.split_at(length_before(bytes, |word| word | special(word)));
    out.extend_from_slice(ascii);
    if !others.is_empty() {
        put_characters(out, str::from_utf8(others).ok()?.as_bytes());
    }
    out.push(b'"');
    Some(())
}

fn put_characters(out: &mut Vec<u8>, mut rest: &[u8]) {
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        put_escape(out, byte);
        rest = after;
    }
}

/// How many bytes stand in a JSON string as themselves, before the first that is a quote, a
/// backslash or a control character.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    length_before(bytes, special)
}

/// How many bytes stand before the first of those that `find` marks. It gets eight at a time, the
/// first of them lowest, and marks a byte by its high bit; what it says of those above a marked one
/// is not looked at.
#[inline]
fn length_before(bytes: &[u8], find: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let found = find(u64::from_le_bytes(*word)) & HIGH_BITS;
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let mut last = [b' '; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let found = find(u64::from_le_bytes(last)) & HIGH_BITS;
    length + rest.len().min((found.trailing_zeros() / 8) as usize)
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);

/// Marks quotes, backslashes and control characters. A subtraction borrows into the high bit of a
/// byte that is smaller, and a byte that equals another is zero once they are combined by exclusive
/// or. A borrow can spoil only the bytes above.
#[inline]
fn special(word: u64) -> u64 {
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | equals(b'"') | equals(b'\\')
}

/// Writes bytes as padded base64 in quotes.
pub(crate) fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    put_string(out, &BASE64_STANDARD.encode(bytes));
}

/// Reads base64 of either alphabet, with or without padding.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    let url_safe = text.bytes().any(|b| b == b'-' || b == b'_');
    if url_safe { URL_SAFE.decode(text) } else { STANDARD.decode(text) }
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xf));
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEXADECIMAL[high], HEXADECIMAL[low]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_whether_or_not_its_bytes_were_known_to_be_utf_8() {
        for text in ["", "plain", "a \"quote\" later", "twelve ASCII, then é and \n", "漢字\u{1}"]
        {
            let (mut known, mut unknown) = (Vec::new(), Vec::new());
            put_string(&mut known, text);
            assert_eq!(put_utf8(&mut unknown, text.as_bytes()), Some(()));
            assert_eq!(known, unknown);
        }
        assert_eq!(put_utf8(&mut Vec::new(), b"eight or more bytes, then \xff"), None);
        assert_eq!(put_utf8(&mut Vec::new(), b"\n\xc3"), None);
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for length in 0..40 {
            assert_eq!(plain_length(&vec![b'a'; length]), length);
            assert_eq!(plain_length(&vec![0xff; length]), length);
            for place in 0..length {
                for special in [0, 0x1f, b'"', b'\\'] {
                    let mut bytes = vec![b' '; length];
                    bytes[place] = special;
                    assert_eq!(plain_length(&bytes), place);
                }
            }
        }
    }
}
