//! The claim of one server on an SQLite file: what it keeps in memory is right only while no other server writes.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time;

use crate::domain::{Error, Result};

/// How long a server waits for the one before it to stop.
const PATIENCE: Duration = Duration::from_secs(25);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Held for as long as the server runs; the system gives it up when the process ends, however it ends.
pub struct Claim(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

/// Claims the database in this file.
pub(super) async fn take(database: &Path) -> Result<Claim> {
    let path = beside(database);
    let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", path.display()));
    let file = File::options().create(true).write(true).truncate(false).open(&path);
    let file = file.map_err(failed)?;
    let waited = time::timeout(PATIENCE, async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => time::sleep(LOOK_EVERY).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    });
    match waited.await {
        Ok(locked) => locked.map(|()| Claim(file)),
        Err(_) => Err(Error::internal(format!(
            "another server uses {}; stop it, or set DATABASE_URL to a PostgreSQL database, which many servers can share",
            database.display()
        ))),
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
