//! Values that every area has: times, and the life of resources.

use prost_types::Timestamp;

use super::proto::r#type::v1 as proto;
use crate::domain::{self, Error, Result, resource::Meta};

/// A time on the wire.
pub fn timestamp(time: domain::Timestamp) -> Timestamp {
    // A nanosecond of second is below a thousand million, which fits.
    Timestamp { seconds: time.unix_timestamp(), nanos: time.nanosecond().cast_signed() }
}

/// A time from the wire, truncated to the microseconds that are kept.
pub fn time_from(field: &str, time: Timestamp) -> Result<domain::Timestamp> {
    let nanoseconds = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    domain::Timestamp::from_unix_timestamp_nanos(nanoseconds / 1000 * 1000)
        .ok()
        .filter(|read| {
            (1..=9999).contains(&read.year()) && (0..1_000_000_000).contains(&time.nanos)
        })
        .ok_or_else(|| Error::invalid_field(field, "must be a time between the years 1 and 9999"))
}

/// The life of a resource.
pub fn meta(meta: &Meta) -> proto::Meta {
    proto::Meta {
        create_time: Some(timestamp(meta.create_time)),
        update_time: Some(timestamp(meta.update_time)),
        delete_time: meta.delete_time.map(timestamp),
        purge_time: meta.purge_time.map(timestamp),
        etag: meta.etag().into(),
    }
}
