//! The values of settings: how they are written, and what they may be.

use std::{
    fmt::{self, Display},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use clap::ValueEnum;
use ipnet::IpNet;

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

/// A network, or the network that one address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let network =
            text.parse().or_else(|_| text.parse::<IpAddr>().map(|ip| ip.to_canonical().into()));
        network.map(Self).map_err(|_| {
            format!(
                "`{text}` is no network; write networks or addresses, as 10.0.0.0/8,fd00::/8,192.0.2.1"
            )
        })
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a choice; nothing where none was made.
pub(super) fn choice<T: ValueEnum>(value: Option<&T>) -> String {
    value
        .and_then(ValueEnum::to_possible_value)
        .map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Which log lines are written: levels, of everything or of a target, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The levels, from the fewest lines to the most.
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    /// The filter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogFilter {
    type Err = String;
    /// A word that is no level would be taken for a target, and silence all others.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_level =
            |word: &str| Self::LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        let is_target = |word: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
            !word.is_empty() && word.chars().all(fits)
        };
        let parts = text.split(',').map(str::trim);
        let wrong = parts.clone().find(|part| match part.split_once('=') {
            Some((target, level)) => !is_target(target) || !is_level(level),
            None => !is_level(part),
        });
        match wrong {
            None => Ok(Self(parts.collect::<Vec<_>>().join(","))),
            Some(wrong) => Err(format!(
                "`{wrong}` is no level; write {}, or one for each target, as info,veza=debug",
                Self::LEVELS.join(", ")
            )),
        }
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

/// A setting that may be left out, read by `read` when it is not.
pub(super) fn optional<T>(
    read: impl Fn(&str) -> Result<T, String> + Clone,
) -> impl Fn(&str) -> Result<Setting<T>, String> + Clone {
    move |text| if text.is_empty() { Ok(Setting(None)) } else { read(text).map(Some).map(Setting) }
}

/// A whole number of this range.
pub(super) fn whole<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| {
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        let usage = || format!("write a whole number from {} to {}", range.start(), range.end());
        number.ok_or_else(usage)
    }
}

/// A duration such as `500ms`, `10s`, `5m`, `12h` or `30d`.
///
/// # Errors
/// How to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
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

/// Items separated by commas.
pub(super) fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
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

/// The address of a collector, which speaks gRPC.
pub(super) fn collector(text: &str) -> Result<String, String> {
    let uri: Result<http::Uri, _> = text.parse();
    let fits = |uri: http::Uri| uri.scheme_str() == Some("http") && uri.authority().is_some();
    if uri.is_ok_and(fits) {
        return Ok(text.to_owned());
    }
    Err("write http://HOST:PORT, as http://127.0.0.1:4317".to_owned())
}

/// A number from 0 to 1.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "write a number from 0 to 1, as 0.01".to_owned())
}

/// How durations are written.
const USAGE: &str = "write a whole number and a unit, up to ten years: 500ms, 10s, 5m, 12h or 30d";

/// The longest duration that can be set.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_filter_has_levels_and_nothing_that_is_taken_for_one() {
        for good in ["info", "WARN", "off", "info,veza=debug", "error, sqlx::query=trace"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        for bad in ["verbose", "inf", "veza", "veza=verbose", "=info", "info,", "", "veza[x]=info"]
        {
            let Err(why) = bad.parse::<LogFilter>() else { panic!("{bad:?}") };
            assert!(why.contains("error, warn, info, debug, trace"), "{why}");
        }
    }

    #[test]
    fn an_address_is_the_network_of_itself() {
        let network = |text: &str| text.parse::<Network>().map(|network| network.to_string());
        assert_eq!(network("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        assert_eq!(network("192.0.2.1").unwrap(), "192.0.2.1/32");
        assert_eq!(network("fd00::1").unwrap(), "fd00::1/128");
        assert_eq!(network("::ffff:192.0.2.1").unwrap(), "192.0.2.1/32");
        for bad in ["", "everyone", "10.0.0.0/33", "10.0.0"] {
            assert!(network(bad).unwrap_err().contains("10.0.0.0/8"), "{bad:?}");
        }
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_with_the_range() {
        let read = whole(2_u32..=1000);
        assert_eq!((read("2"), read("1000")), (Ok(2), Ok(1000)));
        for bad in ["", "1", "1001", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(read(bad), Err("write a whole number from 2 to 1000".to_owned()), "{bad:?}");
        }
    }

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
