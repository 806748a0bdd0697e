//! Reads the domain's types out of a row.

use sqlx::Row as _;
use uuid::Uuid;

use super::{
    super::{Time, timestamp},
    Row,
};
use crate::domain::{Timestamp, id::Id, resource::Meta};

pub fn id<T>(row: &Row, column: &str) -> sqlx::Result<Id<T>> {
    row.try_get::<Uuid, _>(column).map(Id::from)
}

pub fn time(row: &Row, column: &str) -> sqlx::Result<Timestamp> {
    timestamp(row.try_get(column)?)
}

pub fn time_or_none(row: &Row, column: &str) -> sqlx::Result<Option<Timestamp>> {
    row.try_get::<Option<Time>, _>(column)?.map(timestamp).transpose()
}

/// A digest or a message authentication code.
pub fn digest(row: &Row, column: &str) -> sqlx::Result<[u8; 32]> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: "not 32 bytes".into(),
    })
}

/// A value that is stored by its name.
pub fn named<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> sqlx::Result<T> {
    let name: String = row.try_get(column)?;
    parse(&name).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: "a name that this build does not know".into(),
    })
}

pub fn meta(row: &Row) -> sqlx::Result<Meta> {
    Ok(Meta {
        version: row.try_get("version")?,
        create_time: time(row, "create_time")?,
        update_time: time(row, "update_time")?,
        delete_time: time_or_none(row, "delete_time")?,
        purge_time: time_or_none(row, "purge_time")?,
    })
}
