//! Numbers between JSON text and machine types: exact for integers however they are written,
//! correctly rounded for floats, and never out of range.

/// As many digits as the longest integer of 64 bits has.
const DIGITS_MAX: usize = 20;
/// As many digits as always fit 64 bits.
const PLAIN_DIGITS_MAX: usize = 18;

/// The length of the JSON number that a text begins with.
pub(crate) fn literal_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits_from = |start: usize| {
        bytes.get(start..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match bytes.get(at) {
        Some(b'0') => 1,
        Some(b'1'..=b'9') => digits_from(at),
        _ => return None,
    };
    if bytes.get(at) == Some(&b'.') {
        let digits = digits_from(at + 1);
        at += 1 + Some(digits).filter(|&digits| digits > 0)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let digits = digits_from(at);
        at += Some(digits).filter(|&digits| digits > 0)?;
    }
    Some(at)
}

/// The integer a number stands for, also when it is written as `1e5` or `1.0`. `None` when the text
/// is no number, has a fraction, or has more digits than any integer type.
pub(crate) fn integer(text: &str) -> Option<i128> {
    plain_integer(text).or_else(|| integer_of_any_form(text))
}

/// The integer that a text of a few digits stands for, which almost all integers are.
fn plain_integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits, [b'0'..=b'9'] | [b'1'..=b'9', ..]) || digits.len() > PLAIN_DIGITS_MAX {
        return None;
    }
    let mut magnitude = 0_i64;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        magnitude = 10 * magnitude + i64::from(value);
    }
    Some(i128::from(if negative { -magnitude } else { magnitude }))
}

fn integer_of_any_form(text: &str) -> Option<i128> {
    if literal_length(text)? != text.len() {
        return None;
    }
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = whole.bytes().chain(fraction.bytes());
    if digits.clone().all(|digit| digit == b'0') {
        return Some(0);
    }
    // An exponent that does not fit is out of any range, or leaves a fraction.
    let shift = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let dropped = usize::try_from(shift.min(0).unsigned_abs()).ok()?;
    let zeros = usize::try_from(shift.max(0)).ok()?;
    let kept = (whole.len() + fraction.len()).checked_sub(dropped)?;
    if digits.clone().skip(kept).any(|digit| digit != b'0') {
        return None;
    }
    let significant = digits.take(kept).skip_while(|&digit| digit == b'0');
    if significant.clone().count().checked_add(zeros)? > DIGITS_MAX {
        return None;
    }
    let value = |digit: u8| i128::from(digit - b'0');
    let digits = significant.chain(std::iter::repeat_n(b'0', zeros));
    let magnitude = digits.fold(0, |sum, digit| 10 * sum + value(digit));
    Some(if negative { -magnitude } else { magnitude })
}

/// The double a number stands for. `None` when the text is no number or too large for one.
pub(crate) fn double(text: &str) -> Option<f64> {
    float_literal(text)?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The float a number stands for, rounded once. `None` when the text is no number or too large for
/// one.
pub(crate) fn float(text: &str) -> Option<f32> {
    float_literal(text)?.parse().ok().filter(|value: &f32| value.is_finite())
}

/// The value of a name that proto3 JSON gives to a float that JSON numbers cannot hold.
pub(crate) fn named_float(text: &str) -> Option<f32> {
    match text {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => None,
    }
}

pub(crate) fn put_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(crate) fn put_quoted_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.push(b'"');
    put_integer(out, value);
    out.push(b'"');
}

/// A finite float as the shortest number that reads back the same, another one by its name.
pub(crate) fn put_float(out: &mut Vec<u8>, value: impl zmij::Float + Into<f64> + Copy) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if wide.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if wide > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

/// `str::parse` also takes `inf`, `1.` and the like, which are no JSON numbers.
fn float_literal(text: &str) -> Option<&str> {
    (literal_length(text)? == text.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_may_be_written_as_a_float_but_is_never_rounded() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-7", Some(-7)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("-1000000000000000000", Some(-1_000_000_000_000_000_000)),
            ("-0.0", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("100000.000", Some(100_000)),
            ("1e5", Some(100_000)),
            ("1.5e1", Some(15)),
            ("1500e-2", Some(15)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("-9.223372036854775808e18", Some(i128::from(i64::MIN))),
            ("0.5", None),
            ("1e-1", None),
            ("1e536870000", None),
            ("1e-536870000", None),
            ("1e99999999999999999999", None),
            ("+1", None),
            ("01", None),
            ("-01", None),
            ("-", None),
            ("1a", None),
            ("", None),
            ("1.", None),
            (" 1", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn a_float_too_large_is_refused_and_not_made_infinite() {
        assert_eq!(double("1.89769e+308"), None);
        assert_eq!(float("3.502823e+38"), None);
        assert_eq!(float("3.4028235e38"), Some(f32::MAX));
        assert_eq!(double("inf"), None);
    }
}
