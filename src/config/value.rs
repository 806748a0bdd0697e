//! The values of settings: how they are written, and what they may be.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    str::FromStr,
    time::Duration,
};

use clap::ValueEnum;

/// A setting that may be left out, or be empty, which is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T>(pub Option<T>);

impl<T: FromStr> FromStr for Setting<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(Some).map(Self) }
    }
}

/// Values separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        ValueEnum::from_str(text, false).map_err(|_| "write json or pretty".to_owned())
    }
}

/// SQLite's `synchronous` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// A commit survives a power cut.
    Full,
    /// A commit survives a crash of the process; the last ones may be lost in a power cut.
    Normal,
}

/// A duration such as `500ms`, `10s`, `5m`, `12h` or `30d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| USAGE.to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    };
    milliseconds
        .map(Duration::from_millis)
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or_else(|| USAGE.to_owned())
}

/// A duration as [`duration`] reads it, in the greatest unit that it is a whole number of.
pub(super) fn show(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let whole =
        units.iter().find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None if milliseconds == 0 => "0s".to_owned(),
        None => format!("{milliseconds}ms"),
    }
}

/// A duration that is not nothing.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(duration) }
}

/// An address to listen on; a host name stands for its first address.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| {
        format!("{error}; write an address and a port, as 127.0.0.1:8080 or [::]:8080")
    })?;
    addresses.next().ok_or_else(|| "the name has no address".to_owned())
}

/// How durations are written.
const USAGE: &str = "write a whole number and a unit, up to ten years: 500ms, 10s, 5m, 12h or 30d";

/// The longest duration that can be set.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2d"), Ok(Duration::from_hours(48)));
        for text in ["0s", "1500ms", "90s", "5m", "36h", "30d"] {
            assert_eq!(show(duration(text).unwrap()), text);
        }
        for bad in ["", "10", "s", "-1s", "1.5s", "18446744073709551615d", "4000d"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
