//! A real server: the binary in a process of its own, on a private port, with a private database.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use super::log::Log;

/// How long a command of the binary may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A secret of the length that the server asks for.
const JWT_SECRET: &str = "a secret that only tests know, 48 bytes or longer";

/// What a server is told by its environment, and where it keeps its files. Clones share the files.
#[derive(Clone)]
pub struct Environment {
    /// What is run: the binary, or what ends in running it.
    pub program: PathBuf,
    variables: Vec<(String, String)>,
    folder: Arc<TempDir>,
}

impl Environment {
    /// An environment with an empty SQLite database and limits that tests never meet by accident.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let database = format!("sqlite:{}", folder.path().join("veza.db").display());
        let program = env!("CARGO_BIN_EXE_veza").into();
        let environment = Self { program, variables: Vec::new(), folder: Arc::new(folder) };
        environment
            .set("LISTEN_ADDR", "127.0.0.1:0")
            .set("DATABASE_URL", &database)
            .set("JWT_SECRET", JWT_SECRET)
            .set("LOG_FORMAT", "json")
            .set("LOG_LEVEL", "info")
            .set("RATE_LIMIT_PER_MINUTE", "1000000")
            .set("SIGN_IN_RATE_LIMIT_PER_MINUTE", "1000000")
            .set("SIGN_IN_FAILURES_PER_HOUR", "1000000")
            // Where mails are counted, none is wanted that every account gets.
            .set("EMAIL_VERIFICATION", "off")
    }

    /// Sets a variable, or replaces it.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self = self.unset(name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// The value of a variable; empty where it is not set.
    pub fn get(&self, name: &str) -> &str {
        let variable = self.variables.iter().find(|(known, _)| known == name);
        variable.map_or("", |(_, value)| value)
    }

    /// The folder that the server runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the binary to its end, with `input` on its standard input; one that has no end is killed.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads no input may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let process = Pid::from_child(&child);
        let (running, end) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(process, Signal::KILL);
            }
        });
        let output = child.wait_with_output().expect("the end of the command");
        drop(running);
        watch.join().expect("no panic while a command is watched");
        output
    }

    /// Starts a server and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead; the message has what it printed.
    pub fn start(self) -> Server {
        self.start_beside(Log::default(), Log::default())
    }

    /// Starts a server that prints to these logs, to which others may print as well.
    fn start_beside(self, log: Log, errors: Log) -> Server {
        let mut process = self.command(&[]).stdin(Stdio::null()).spawn().expect("the binary");
        log.follow(process.stdout.take().expect("a pipe"));
        errors.follow(process.stderr.take().expect("a pipe"));
        let wanted: SocketAddr = self.get("LISTEN_ADDR").parse().expect("an address");
        let listening = |line: &serde_json::Value| {
            let address = (line["event"] == "listening").then(|| line["address"].as_str())??;
            address.parse().ok().filter(|found| wanted.port() == 0 || *found == wanted)
        };
        let Some(address) = log.find(listening) else {
            let _ = process.kill();
            let status = process.wait();
            panic!("the server did not start: {status:?}\n{}{}", log.text(), errors.text());
        };
        let process = Mutex::new(process);
        Server { address, process, log, errors, environment: self, replicas: Vec::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            // Where a build that counts which lines are run writes it: see scripts/coverage.sh.
            .envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE"))
            .current_dir(self.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// What a process needs of the machine's memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// The most it has needed so far.
    pub peak: u64,
}

/// A running server. It is stopped, and its files are removed, when it goes out of scope.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it prints.
    pub log: Log,
    /// What it was started with.
    pub environment: Environment,
    /// Others that stand beside it, and print to the same log.
    pub replicas: Vec<Self>,
    errors: Log,
    process: Mutex<Child>,
}

impl Server {
    /// Starts a server beside this one, on an address that is known before.
    pub fn add_replica(&mut self, environment: Environment) {
        let replica = environment.start_beside(self.log.clone(), self.errors.clone());
        self.replicas.push(replica);
    }

    /// Asks the server to stop, and those beside it, and waits for their end; one that does not end in time is killed.
    pub fn stop(&self) -> ExitStatus {
        let all = || self.replicas.iter().chain([self]);
        all().for_each(|server| server.signal(Signal::TERM));
        // The log ends with the last of them.
        if !self.log.wait_for_end() {
            all().for_each(|server| server.signal(Signal::KILL));
        }
        for replica in &self.replicas {
            replica.wait();
        }
        self.wait()
    }

    /// Sends a signal, unless the server has ended.
    pub fn signal(&self, signal: Signal) {
        let mut process = self.process.lock().expect("no panic while a server is stopped");
        if let Ok(None) = process.try_wait() {
            // It may end by itself at this moment.
            let _ = kill_process(Pid::from_child(&process), signal);
        }
    }

    fn wait(&self) -> ExitStatus {
        let mut process = self.process.lock().expect("no panic while a server is stopped");
        process.wait().expect("the end of the server")
    }

    /// What the server needs of the machine's memory (Linux).
    pub fn memory(&self) -> Memory {
        let id = self.process.lock().expect("no panic while a server is stopped").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kibibytes << 10
        };
        Memory { resident: bytes("VmRSS:"), peak: bytes("VmHWM:") }
    }

    /// Leaves the server so many file descriptors more than it has open now (Linux).
    pub fn limit_open_files(&self, more: u64) {
        let id = self.process.lock().expect("no panic while a server is stopped").id();
        let open = std::fs::read_dir(format!("/proc/{id}/fd")).expect("a process");
        let limit = Some(open.count() as u64 + more);
        self.limit(Resource::Nofile, Rlimit { current: limit, maximum: limit });
    }

    /// Limits what the server may have of something (Linux).
    pub fn limit(&self, resource: Resource, limit: Rlimit) {
        let process = self.process.lock().expect("no panic while a server is stopped");
        prlimit(Some(Pid::from_child(&process)), resource, limit).expect("a process");
    }

    /// Everything the server has printed, on both of its outputs.
    pub fn output(&self) -> String {
        self.log.text() + &self.errors.text()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
