//! Redis servers of this test process alone.

use super::process::Process;

/// A running server, which can be made to fail.
pub struct Server(Process);

impl Server {
    /// Starts one.
    pub fn start() -> Self {
        Self(Process::start("Redis", include_str!("redis.sh"), &[]))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url_of("")
    }

    /// Its URL for somebody, as `user:password@`.
    pub fn url_of(&self, login: &str) -> String {
        format!("redis://{login}127.0.0.1:{}", self.0.port)
    }

    /// Has something happen to it: `crash`, `start` after that, `pause`, when connections stay open and nothing is answered,
    /// and `resume`.
    pub fn tell(&self, command: &str) {
        self.0.tell(command).unwrap();
    }

    /// Runs a command, with its arguments after spaces, as the default user.
    pub fn command<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        cmd.arg(words.collect::<Vec<_>>()).query(&mut connection).unwrap()
    }
}
