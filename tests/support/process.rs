//! A server that Veza depends on, run by a script in a temporary folder and on a port of its own, for this test process
//! alone.

use std::{
    io::{BufReader, Read},
    net::TcpListener,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A running server.
pub struct Process {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// The script stops the server and removes its folder when this is closed, which the operating system does however
    /// this process ends.
    _alive: ChildStdin,
    _script: Child,
}

impl Process {
    /// Runs a script, whose first argument is the port, until it says that its server is ready.
    ///
    /// # Panics
    /// When it says something else; the message has what it said.
    pub fn start(name: &str, script: &str) -> Self {
        // Somebody else may take the free port before the server does.
        let mut complaint = String::new();
        for _ in 0..3 {
            match Self::try_start(name, script) {
                Ok(server) => return server,
                Err(error) => complaint = error,
            }
        }
        panic!("{name} does not start: {complaint}");
    }

    fn try_start(name: &str, script: &str) -> Result<Self, String> {
        let port = free_port();
        let mut script = Command::new("sh")
            .args(["-c", script, name, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let alive = script.stdin.take().unwrap();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        let mut said = Vec::new();
        // The script says `ready`, or why not and ends.
        while !said.ends_with(b"ready\n") {
            let mut byte = [0];
            if output.read(&mut byte).unwrap() == 0 {
                script.wait().unwrap();
                return Err(String::from_utf8_lossy(&said).into_owned());
            }
            said.extend(byte);
        }
        Ok(Self { port, _alive: alive, _script: script })
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
