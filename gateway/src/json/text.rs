//! Strings and bytes as JSON text, and bytes back from it.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine, alphabet, prelude::BASE64_STANDARD};

/// Padding may be missing, and the bits after the last byte may be anything, as other implementations have it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Writes a string in quotes, escaping no more than JSON demands.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        put_escape(out, byte);
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
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
