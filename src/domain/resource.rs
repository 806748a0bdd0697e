//! What every stored resource has in common: its life, its version and its etag.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Result, Timestamp};

/// How long a deleted resource is kept before it is gone for good.
pub const PURGE_AFTER: Duration = Duration::from_hours(720);

/// The life and version of a stored resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub create_time: Timestamp,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub update_time: Timestamp,
    /// When it was deleted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub delete_time: Option<Timestamp>,
    /// When it will be gone for good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub purge_time: Option<Timestamp>,
}

impl Meta {
    /// The beginning of a life.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { version: 1, create_time: now, update_time: now, delete_time: None, purge_time: None }
    }

    /// Notes a change.
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.update_time = now;
    }

    /// Notes the deletion.
    pub fn delete(&mut self, now: Timestamp) {
        self.touch(now);
        self.delete_time = Some(now);
        self.purge_time = Some(now + PURGE_AFTER);
    }

    /// The name of this version, for clients.
    #[must_use]
    pub fn etag(&self) -> Etag {
        Etag(format!("v{}", self.version))
    }

    /// Refuses a change that was made from another version; no etag fits any version.
    pub fn check(&self, etag: Option<&Etag>) -> Result<()> {
        match etag {
            Some(etag) if *etag != self.etag() => Err(Error::StaleEtag),
            _ => Ok(()),
        }
    }
}

/// The opaque name of one version of a resource (AIP-154).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    /// What a client sent; empty is none.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }
}

impl From<Etag> for String {
    fn from(etag: Etag) -> Self {
        etag.0
    }
}
