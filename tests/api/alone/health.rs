//! `veza health`: what a supervisor of containers asks, which has no other client at hand.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::server::{Environment, Server};

#[test]
fn a_live_server_is_healthy_and_ready() {
    let server = Environment::new().start();
    for arguments in [&["health"][..], &["health", "--ready"]] {
        let answer = ask(&server, arguments);
        assert!(answer.status.success(), "{answer:?}");
        let said: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert!(["ok", "ready"].contains(&said["status"].as_str().unwrap()), "{said}");
    }
}

#[test]
fn a_server_that_is_gone_fails_with_its_address() {
    let server = Environment::new().start();
    server.stop();
    let answer = ask(&server, &["health"]);
    assert_eq!(answer.status.code(), Some(1), "{answer:?}");
    let said = String::from_utf8(answer.stderr).unwrap();
    assert!(said.contains(&format!("{}/health: ", server.address)), "{said}");
}

#[test]
fn a_server_behind_tls_is_known_by_its_certificate() {
    let environment = Environment::new();
    let (cert, key) = make_certificate(&environment, "one");
    let server = environment.set("TLS_CERT", &cert).set("TLS_KEY", &key).start();
    let answer = ask(&server, &["health", "--ready"]);
    assert!(answer.status.success(), "{answer:?}");

    let (other, other_key) = make_certificate(&server.environment, "other");
    let of_another = server.environment.clone().set("TLS_CERT", &other).set("TLS_KEY", &other_key);
    let answer = of_another.set("LISTEN_ADDR", &server.address.to_string()).run(&["health"], "");
    assert!(!answer.status.success(), "{answer:?}");
    let said = String::from_utf8(answer.stderr).unwrap();
    assert!(said.contains("another certificate"), "{said}");
}

#[test]
fn the_port_of_operators_is_asked_where_there_is_one() {
    let server = Environment::new().set("OPS_LISTEN", "127.0.0.1:0").start();
    // Port 0 is another one for every process: nobody listens there.
    let answer = ask(&server, &["health"]);
    assert!(!answer.status.success(), "{answer:?}");
}

/// Runs a command in the environment of a server, which knows its address.
fn ask(server: &Server, arguments: &[&str]) -> Output {
    let environment = server.environment.clone();
    environment.set("LISTEN_ADDR", &server.address.to_string()).run(arguments, "")
}

/// Makes a certificate that signs itself, and returns the names of its file and that of its key.
fn make_certificate(environment: &Environment, name: &str) -> (String, String) {
    let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=veza.example"])
        .args(["-out", &cert, "-keyout", &key])
        .current_dir(environment.folder())
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    (cert, key)
}
