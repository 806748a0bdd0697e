//! Notices what other processes write to an SQLite file: a command that runs beside the server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::SqlitePool;
use tokio::time;

use crate::port::coherence::{Following, Freshness, Memory};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Follows what others write. `writer` is the connection through which this process writes everything: on it alone does
/// the version that SQLite keeps change by what others have committed, and by nothing else.
pub fn follow(writer: SqlitePool, memory: Arc<dyn Memory>) -> Following {
    let work = async move {
        let mut known = None;
        loop {
            let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
            // Whatever keeps it from answering keeps the calls from it as well, and they say so.
            if let Ok(version) = version.fetch_one(&writer).await
                && known.replace(version).is_some_and(|before| before != version)
            {
                memory.forget_everything();
            }
            time::sleep(LOOK_EVERY).await;
        }
    };
    Following { freshness: Arc::new(Alone), work: Box::pin(work) }
}

/// The one server of a file: whatever is acknowledged to anyone, it has done itself.
struct Alone;

#[async_trait]
impl Freshness for Alone {
    async fn confirm(&self) -> bool {
        true
    }
}
