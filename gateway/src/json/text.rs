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
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        put_escape(out, byte);
        rest = after;
    }
    out.push(b'"');
}

/// How many bytes stand in a JSON string as themselves, before the first that is a quote, a
/// backslash or a control character. Looks at eight at a time.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let plain = 8 * words.iter().take_while(|word| is_plain(u64::from_le_bytes(**word))).count();
    let special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    bytes[plain..].iter().position(special).map_or(bytes.len(), |position| plain + position)
}

/// Whether none of eight bytes is special. A subtraction borrows into the high bit of a byte that
/// is smaller, and a byte that equals another is zero once they are combined by exclusive or.
fn is_plain(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equals(b'"') | equals(b'\\')) & HIGH_BITS == 0
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
