//! Follows the server that takes writes, where a URL names several: the pool connects to it, and forgets the one before.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool};
use tokio::time;

use super::servers::{Servers, is_read_only};

/// How often the server is asked whether it still takes writes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long its answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// When the pool was last turned to another server: connections from before lead to the one that it left.
#[derive(Clone, Default)]
pub struct Turn(Arc<Mutex<Option<Instant>>>);

impl Turn {
    /// Whether a connection of this age was made before.
    pub fn is_before(&self, age: Duration) -> bool {
        let turned = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turned.is_some_and(|turned| turned.elapsed() < age)
    }

    fn happen(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Keeps the pool at the server that takes writes until it is closed. `place` is where it is now.
pub async fn follow(pool: PgPool, servers: Servers, place: usize, turn: Turn) {
    let mut closed = pool.close_event();
    let mut follower = Follower { pool, servers, place, turn, connection: None };
    let work = async {
        loop {
            time::sleep(LOOK_EVERY).await;
            follower.look().await;
        }
    };
    // An error says that the pool is closed, which is the only end there is.
    let _: sqlx::Result<()> = closed.do_until(work).await;
}

struct Follower {
    pool: PgPool,
    servers: Servers,
    place: usize,
    turn: Turn,
    /// To the server at `place`.
    connection: Option<PgConnection>,
}

impl Follower {
    async fn look(&mut self) {
        // Taken out: one that fails is not used again.
        if let Some(mut connection) = self.connection.take()
            && let Ok(Ok(false)) = time::timeout(ANSWER_WITHIN, is_read_only(&mut connection)).await
        {
            self.connection = Some(connection);
            return;
        }
        // Nobody to turn to: calls are told UNAVAILABLE, and the next look is soon.
        let Some((place, connection)) = self.servers.find(self.place).await else { return };
        self.connection = Some(connection);
        if place == self.place {
            return;
        }
        tracing::warn!(
            from = self.servers.name(self.place),
            to = self.servers.name(place),
            event = "database_switched",
            "another database server takes the writes now"
        );
        self.place = place;
        self.pool.set_connect_options(self.servers.options(place));
        self.turn.happen();
    }
}
