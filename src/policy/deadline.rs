//! How long a call may take.

use std::time::Duration;

use http::HeaderMap;

use crate::domain::{Error, Result};

/// The time that a client asks for in `grpc-timeout`, at most `longest`; `longest` when it does not ask.
///
/// # Errors
/// `InvalidFields` when the header is not a timeout.
pub fn timeout(headers: &HeaderMap, longest: Duration) -> Result<Duration> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(longest) };
    let asked = value.to_str().ok().and_then(parse).ok_or_else(|| {
        Error::invalid_field(
            "grpc-timeout",
            "must be up to 8 digits and a unit of H, M, S, m, u or n",
        )
    })?;
    Ok(asked.min(longest))
}

/// Reads the timeout of the gRPC protocol over HTTP/2.
fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_06_a_client_may_ask_for_less_time_and_never_gets_more() {
        let longest = Duration::from_secs(5);
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().unwrap());
            timeout(&headers, longest)
        };
        assert_eq!(timeout(&HeaderMap::new(), longest).unwrap(), longest);
        assert_eq!(ask("250m").unwrap(), Duration::from_millis(250));
        assert_eq!(ask("99999999H").unwrap(), longest);
        for bad in ["", "5", "S", "-1S", "123456789S", "1.5S", "5s"] {
            assert!(ask(bad).is_err(), "{bad:?}");
        }
    }
}
