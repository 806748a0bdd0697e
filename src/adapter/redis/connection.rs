//! One connection to Redis, and what a server must be to be worth one.

use std::{collections::HashMap, error::Error, fmt, sync::Arc, time::Duration};

use bb8_redis::bb8::{ManageConnection, RunError};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, Value,
    aio::MultiplexedConnection, cmd,
};
use tokio::time;

use super::breaker::Breaker;

/// The oldest Redis that will do.
const MAJOR_MIN: u32 = 7;

/// Makes connections for the pool. The one that bb8-redis has for it knows no broken connections, and takes any server.
pub struct Connector {
    pub client: Client,
    pub timeout: Duration,
    pub breaker: Arc<Breaker>,
}

/// A connection of the pool.
pub struct Connection {
    pub redis: MultiplexedConnection,
    /// How often the breaker had changed when it was made.
    pub since: u64,
    /// Set while it is used, and after a failure: whoever gives up waiting leaves an answer behind that nobody wants.
    pub broken: bool,
}

/// Why Redis was not of use.
#[derive(Debug)]
pub enum Failure {
    /// It did not answer in time.
    Silent,
    /// It, or the connection to it, refused.
    Refused(RedisError),
    /// It is not what is needed: a sentence with what to do.
    Unfit(String),
}

impl Connector {
    async fn try_connect(&self) -> Result<Connection, Failure> {
        let since = self.breaker.changes();
        // `connect` bounds all of it.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let mut redis = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let greeting = match cmd("HELLO").query_async::<Value>(&mut redis).await {
            Ok(greeting) => HashMap::<String, Value>::from_redis_value(greeting)
                .map_err(|error| Failure::Refused(error.into()))?,
            // Redis 5 has no HELLO.
            Err(error) if error.to_string().contains("unknown command") => HashMap::new(),
            Err(error) => return Err(error.into()),
        };
        admit(&greeting)?;
        Ok(Connection { redis, since, broken: false })
    }
}

impl ManageConnection for Connector {
    type Connection = Connection;
    type Error = Failure;

    async fn connect(&self) -> Result<Connection, Failure> {
        match time::timeout(self.timeout, self.try_connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(Failure::Silent),
        }
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), Failure> {
        Ok(cmd("PING").query_async(&mut connection.redis).await?)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.broken
    }
}

/// Whether the server that greets like this will do.
fn admit(greeting: &HashMap<String, Value>) -> Result<(), Failure> {
    let field = |name: &str| match greeting.get(name) {
        Some(Value::BulkString(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Value::SimpleString(text)) => text.clone(),
        _ => String::new(),
    };
    let version = field("version");
    let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0_u32);
    if major < MAJOR_MIN {
        let version = if version.is_empty() { "before 6" } else { &version };
        return Err(Failure::Unfit(format!(
            "the server is Redis {version}; name one of version {MAJOR_MIN} or later"
        )));
    }
    if field("mode") == "cluster" {
        return Err(Failure::Unfit(
            "the server is a node of a Redis Cluster; name a single server, or a primary with replicas"
                .to_owned(),
        ));
    }
    match field("role").as_str() {
        "master" => Ok(()),
        _ => Err(Failure::Unfit(
            "the server is a replica, which cannot be written to; name the primary".to_owned(),
        )),
    }
}

impl Failure {
    /// What an operator has to set right; none for what passes by itself.
    pub fn mistake(&self) -> Option<String> {
        match self {
            Self::Unfit(why) => Some(why.clone()),
            Self::Refused(error)
                if error.kind() == ErrorKind::AuthenticationFailed
                    || matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) =>
            {
                Some(
                    "the server refuses the user and password; write redis://USER:PASSWORD@HOST, or \
                     redis://:PASSWORD@HOST for the default user, with %XX for what has a meaning in URLs"
                        .to_owned(),
                )
            }
            Self::Refused(error) if error.code() == Some("NOPERM") => Some(format!(
                "the user may not do what is needed ({error}); docs/operations.md has the rules of access"
            )),
            Self::Refused(error) if error.kind() == ErrorKind::InvalidClientConfig => {
                Some(format!("it cannot be used: {error}"))
            }
            Self::Silent | Self::Refused(_) => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistake() {
            Some(mistake) => f.write_str(&mistake),
            None => match self {
                Self::Refused(error) => error.fmt(f),
                _ => f.write_str("no answer in time"),
            },
        }
    }
}

impl Error for Failure {}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Refused(error)
    }
}

impl From<RunError<Self>> for Failure {
    fn from(error: RunError<Self>) -> Self {
        match error {
            RunError::User(failure) => failure,
            RunError::TimedOut => Self::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeted(version: &str, mode: &str, role: &str) -> Result<(), String> {
        let fields = [("version", version), ("mode", mode), ("role", role)];
        let greeting = fields.map(|(name, value)| (name.into(), Value::BulkString(value.into())));
        admit(&greeting.into()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn only_a_primary_of_a_version_that_is_not_too_old_will_do() {
        assert_eq!(greeted("7.0.0", "standalone", "master"), Ok(()));
        assert_eq!(greeted("8.2.1", "sentinel", "master"), Ok(()));
        for (version, mode, role, word) in [
            ("6.2.14", "standalone", "master", "Redis 6.2.14"),
            ("", "standalone", "master", "before 6"),
            ("7.2.4", "cluster", "master", "Cluster"),
            ("7.2.4", "standalone", "replica", "replica"),
        ] {
            let why = greeted(version, mode, role).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
