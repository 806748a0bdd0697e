//! A server that Veza depends on, run by a script in a temporary folder and on a port of its own, for this test process
//! alone.

use std::{
    hash::{BuildHasher, RandomState},
    io::{BufReader, Read, Write},
    net::TcpListener,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

/// What every script begins with.
const COMMON: &str = include_str!("process.sh");

/// Ports that the system gives to nobody who does not ask for them: a client that tries to reach a server that is down
/// never gets the port of that server as its own.
const PORTS: std::ops::Range<u64> = 12_000..32_000;

/// A running server.
pub struct Process {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    script: Mutex<Script>,
}

struct Script {
    child: Child,
    /// The script stops the server and removes its folder when this is closed, which the operating system does however
    /// this process ends.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Runs a script, with arguments of its own, and starts its server.
    ///
    /// # Panics
    /// When the server does not start; the message has what it said.
    pub fn start(name: &str, script: &str, arguments: &[&str]) -> Self {
        // Somebody else may take the free port before the server does.
        let mut complaint = String::new();
        for _ in 0..3 {
            let server = Self::run(name, script, arguments);
            match server.tell("start") {
                Ok(()) => return server,
                Err(error) => complaint = error,
            }
        }
        panic!("{name} does not start: {complaint}");
    }

    /// Has the script do something: `start`, `crash`, `pause`, `resume`, or what is peculiar to it. Returns when it is
    /// done, or what was said when it failed.
    pub fn tell(&self, command: &str) -> Result<(), String> {
        let mut script = self.script.lock().unwrap();
        // A script that has ended says why instead of an answer.
        let _ = writeln!(script.commands.as_mut().unwrap(), "{command}");
        let mut said = Vec::new();
        while !said.ends_with(b"ready\n") {
            let mut byte = [0];
            if script.answers.read(&mut byte).unwrap() == 0 {
                script.child.wait().unwrap();
                return Err(String::from_utf8_lossy(&said).into_owned());
            }
            said.extend(byte);
        }
        Ok(())
    }

    fn run(name: &str, script: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut child = Command::new("sh")
            .args(["-c", &[COMMON, script].concat(), name, &port.to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { port, script: Mutex::new(Script { child, commands, answers }) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Ok(script) = self.script.get_mut() else { return };
        drop(script.commands.take());
        let _ = script.child.wait();
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let random = RandomState::new();
    let candidates = (0..1000_u32).map(|attempt| {
        let number = random.hash_one(attempt) % (PORTS.end - PORTS.start);
        u16::try_from(PORTS.start + number).unwrap()
    });
    let mut free = candidates.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}
