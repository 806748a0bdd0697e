//! Timestamps and durations between their JSON text and seconds with nanoseconds.

use super::number::put_integer;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Ten thousand years.
const DURATION_SECONDS_MAX: u64 = 315_576_000_000;
const NANOS_PER_SECOND: u32 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01, where the civil calendar is counted from, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

/// The content of a `google.protobuf.Timestamp` or `Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seconds {
    pub(crate) seconds: i64,
    pub(crate) nanos: i32,
}

/// Reads an RFC 3339 time of any offset, between the years 1 and 9999.
pub(crate) fn timestamp(text: &str) -> Option<Seconds> {
    let (date_and_clock, rest) = text.as_bytes().split_first_chunk()?;
    #[rustfmt::skip]
    let &[y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2] =
        date_and_clock
    else {
        return None;
    };
    let (year, month, day) =
        (100 * pair([y1, y2])? + pair([y3, y4])?, pair([mo1, mo2])?, pair([d1, d2])?);
    let (hour, minute, second) = (pair([h1, h2])?, pair([m1, m2])?, pair([s1, s2])?);
    let valid = year >= 1
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let (nanos, offset) = match rest {
        [b'.', rest @ ..] => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (decimals, offset) = rest.split_at(length);
            (nanos(decimals)?, offset)
        }
        offset => (0, offset),
    };
    let local =
        days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let seconds = local - offset_seconds(offset)?;
    (valid && TIMESTAMP_SECONDS.contains(&seconds)).then_some(Seconds { seconds, nanos })
}

/// Reads seconds with up to nine decimals and an `s` behind, within ten thousand years.
pub(crate) fn duration(text: &str) -> Option<Seconds> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, nanos) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, nanos(fraction.as_bytes())?),
        None => (text, 0),
    };
    let seconds = digits(whole.as_bytes()).filter(|_| whole.len() <= 12)?;
    (seconds.unsigned_abs() <= DURATION_SECONDS_MAX)
        .then(|| Seconds { seconds: sign * seconds, nanos: if sign < 0 { -nanos } else { nanos } })
}

/// Writes an RFC 3339 time in UTC. `None` when it is out of range.
pub(crate) fn put_timestamp(out: &mut Vec<u8>, value: Seconds) -> Option<()> {
    let nanos = u32::try_from(value.nanos).ok().filter(|&nanos| nanos < NANOS_PER_SECOND)?;
    if !TIMESTAMP_SECONDS.contains(&value.seconds) {
        return None;
    }
    let second_of_day = value.seconds.rem_euclid(SECONDS_PER_DAY);
    let (year, month, day) = civil_from_days(value.seconds.div_euclid(SECONDS_PER_DAY));
    let mut text = *b"\"0000-00-00T00:00:00";
    for (place, number) in [
        (1, year / 100),
        (3, year % 100),
        (6, month),
        (9, day),
        (12, second_of_day / 3600),
        (15, second_of_day / 60 % 60),
        (18, second_of_day % 60),
    ] {
        let [low, ..] = number.to_le_bytes();
        text[place] += low / 10;
        text[place + 1] += low % 10;
    }
    out.extend_from_slice(&text);
    put_nanos(out, nanos);
    out.extend_from_slice(b"Z\"");
    Some(())
}

/// Writes seconds with an `s` behind. `None` when they are out of range or of two signs.
pub(crate) fn put_duration(out: &mut Vec<u8>, value: Seconds) -> Option<()> {
    let Seconds { seconds, nanos } = value;
    let mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    let in_range =
        seconds.unsigned_abs() <= DURATION_SECONDS_MAX && nanos.unsigned_abs() < NANOS_PER_SECOND;
    if mixed || !in_range {
        return None;
    }
    out.push(b'"');
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    put_integer(out, seconds.unsigned_abs());
    put_nanos(out, nanos.unsigned_abs());
    out.extend_from_slice(b"s\"");
    Some(())
}

/// `Z`, or hours and minutes with their sign.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    let &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text else {
        return (text == b"Z").then_some(0);
    };
    let (hours, minutes) = (pair([h1, h2])?, pair([m1, m2])?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    Some(if sign == b'-' { -seconds } else { seconds })
}

/// A number of two digits.
fn pair([tens, ones]: [u8; 2]) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(10 * tens + ones))
}

/// A number of at least one digit, and at most eighteen.
fn digits(text: &[u8]) -> Option<i64> {
    let plausible = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    plausible.then(|| text.iter().fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0')))
}

/// The decimals of a second, one to nine of them.
fn nanos(decimals: &[u8]) -> Option<i32> {
    let missing = 9_u32.checked_sub(u32::try_from(decimals.len()).ok()?)?;
    i32::try_from(digits(decimals)? * 10_i64.pow(missing)).ok()
}

/// None, three, six or nine decimals: as many as are needed.
fn put_nanos(out: &mut Vec<u8>, nanos: u32) {
    let (mut rest, width) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    let mut text = *b".000000000";
    for digit in text[1..=width].iter_mut().rev() {
        let [low, ..] = (rest % 10).to_le_bytes();
        *digit += low;
        rest /= 10;
    }
    out.extend_from_slice(&text[..=width]);
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date in the proleptic Gregorian calendar. Years begin in March here, so
/// that the leap day comes last and months have a regular length.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH
}

/// The other way round: year, month and day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_calendar_reads_back_the_same() {
        let range = (TIMESTAMP_SECONDS.start() / SECONDS_PER_DAY)
            ..=(TIMESTAMP_SECONDS.end() / SECONDS_PER_DAY);
        for days in range {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in(year, month)).contains(&day), "{year}-{month}-{day}");
        }
    }
}
