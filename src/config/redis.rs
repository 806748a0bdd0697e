//! Settings of Redis.

use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;

use super::{
    Line, redis_url,
    secret::without_password,
    value::{positive_duration, show, whole},
};

/// The longest prefix of keys, in bytes.
const PREFIX_BYTES_MAX: usize = 64;

/// How Redis is used; nothing of it counts while `REDIS_URL` is not set.
#[derive(Debug, Clone, Args)]
pub struct Redis {
    /// What every key in Redis begins with, so that several installations can share one
    #[arg(id = "redis_prefix", long = "redis-prefix", env = "REDIS_PREFIX",
          global = true, default_value = "veza", value_name = "NAME", value_parser = prefix)]
    pub prefix: String,

    /// The most connections to Redis: four for calls, and some for the rest
    #[arg(id = "redis_connections_max", long = "redis-connections-max", env = "REDIS_CONNECTIONS_MAX",
          global = true, default_value_t = 8, value_name = "N", value_parser = whole(6..=1_000_u32))]
    pub connections_max: u32,

    /// How long a command may take, the wait for a connection included; then Redis counts as down
    #[arg(id = "redis_timeout", long = "redis-timeout", env = "REDIS_TIMEOUT",
          global = true, default_value = "100ms", value_name = "DURATION", value_parser = positive_duration)]
    pub timeout: Duration,

    /// How long connecting and signing in to Redis may take
    #[arg(id = "redis_connect_timeout", long = "redis-connect-timeout", env = "REDIS_CONNECT_TIMEOUT",
          global = true, default_value = "2s", value_name = "DURATION", value_parser = positive_duration)]
    pub connect_timeout: Duration,
}

impl Redis {
    pub(super) fn lines(&self) -> Vec<Line> {
        let url = redis_url().map(|url| without_password(url.expose_secret()));
        vec![
            ("REDIS_URL", url.unwrap_or_default()),
            ("REDIS_PREFIX", self.prefix.clone()),
            ("REDIS_CONNECTIONS_MAX", self.connections_max.to_string()),
            ("REDIS_TIMEOUT", show(self.timeout)),
            ("REDIS_CONNECT_TIMEOUT", show(self.connect_timeout)),
        ]
    }
}

/// What stands for itself in keys and in the patterns of access rules.
fn prefix(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
    if (1..=PREFIX_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!("write 1 to {PREFIX_BYTES_MAX} letters, digits, and . _ - :"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stands_for_itself_in_keys_and_patterns() {
        for good in ["veza", "a", "prod:eu-1", "v1.2_x"] {
            assert_eq!(prefix(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a*", "[a]", "{a}", "ä", &"x".repeat(65)] {
            assert!(prefix(bad).is_err(), "{bad:?}");
        }
    }
}
