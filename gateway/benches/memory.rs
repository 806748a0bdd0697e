//! What calls cost in memory, and what hostile ones cost in time too: `cargo bench -p gateway --bench
//! memory`. All memory of the process is counted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "a benchmark reports to who runs it")]

mod directory;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/rest.rs"]
mod rest;

use std::error::Error;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use gateway::{Gateway, Limits};
use prost::Message;
use prost_reflect::DescriptorPool;

use directory::{
    CREATE, Directory, GET, GetUserRequest, LIST, ListUsersRequest, User, UserList, native, send,
};
use rest::{Frames, rest};

/// How large a hostile body is.
const HOSTILE_BYTES: usize = 1_000_000;
/// How long a path and query can be: `http::Uri` takes no longer one.
const URI_BYTES: usize = 65_534;
/// How often a hostile request is sent, for the median of its time.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let set = directory::descriptor_set(1)?;
    calls(&set)?;
    hostile(&set)
}

/// The allocations of one call, from the request to the last byte of its answer.
fn calls(set: &[u8]) -> Result<(), Box<dyn Error>> {
    let directory = Directory::new(&DescriptorPool::decode(set)?)?;
    let user = directory.user().clone();
    let mut service = directory.clone();
    let mut gateway = Gateway::builder(set).build(directory.clone())?;
    let body = Bytes::from_static(fixture::USER.as_bytes());
    let (none, path) = (Bytes::new(), format!("/v1/users/{}", user.id));
    let id = GetUserRequest { id: user.id.clone() };
    let many = ListUsersRequest { page_size: 50, ..ListUsersRequest::default() };
    let get = rest::frame(&id.encode_to_vec());
    let page = rest::frame(&many.encode_to_vec());
    let create = rest::frame(&user.encode_to_vec());

    println!("\n{:<30}{:>12}{:>12}", "allocations of a call", "count", "bytes");
    let report = |call: &str, way: &str, memory: AllocationInfo| {
        println!("  {call:<12}{way:<16}{:>12}{:>12}", memory.count_total, memory.bytes_total);
    };
    let call = "GET of one";
    report(call, "tonic client", measure(|| drop(native::<_, User>(&directory, GET, id))));
    report(call, "ready frames", measure(|| drop(send(&mut service, GET, &get))));
    report(call, "REST", measure(|| drop(rest(&mut gateway, &path, &none))));
    let (call, path) = ("GET of 50", "/v1/users?pageSize=50");
    report(call, "tonic client", measure(|| drop(native::<_, UserList>(&directory, LIST, many))));
    report(call, "ready frames", measure(|| drop(send(&mut service, LIST, &page))));
    report(call, "REST", measure(|| drop(rest(&mut gateway, path, &none))));
    let call = "POST of one";
    report(call, "tonic client", measure(|| drop(native::<_, User>(&directory, CREATE, user))));
    report(call, "ready frames", measure(|| drop(send(&mut service, CREATE, &create))));
    report(call, "REST", measure(|| drop(rest(&mut gateway, "/v1/users", &body))));
    Ok(())
}

/// Requests that are made to cost much.
fn hostile(set: &[u8]) -> Result<(), Box<dyn Error>> {
    let gateway = Gateway::builder(set).limits(Limits::default()).build(Frames::new(&[]))?;
    println!("\n{:<42}{:>8}{:>12}{:>16}{:>10}", "hostile", "status", "median", "peak", "of it");
    for (name, path, body) in attacks() {
        let (path, body) = (path, Bytes::from(body));
        let size = path.len().max(body.len()) as u64;
        let mut gateway = gateway.clone();
        let (mut status, mut peak_bytes) = (http::StatusCode::OK, 0);
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let memory = measure(|| status = rest(&mut gateway, &path, &body).0);
            times.push(began.elapsed());
            peak_bytes = memory.bytes_max;
        }
        times.sort();
        let milliseconds = times[ROUNDS / 2].as_secs_f64() * 1e3;
        let share = peak_bytes * 100 / size;
        let status = status.as_u16();
        println!("  {name:<40}{status:>8}{milliseconds:>9.3} ms{peak_bytes:>10} bytes{share:>8} %");
    }
    Ok(())
}

/// Name, path and body of each.
fn attacks() -> Vec<(&'static str, String, String)> {
    let annotation = |name, body| (name, "/v1/annotations".to_owned(), body);
    let many = |before: &str, part: &str, after: &str| {
        let count = (HOSTILE_BYTES - before.len() - after.len()) / part.len();
        format!("{before}{}{after}", part.repeat(count))
    };
    let keys = |before: &str| {
        let keys: Vec<_> = (0..HOSTILE_BYTES / 14).map(|n| format!(r#""k{n:07}":"""#)).collect();
        format!("{before}{}}}}}", keys.join(","))
    };
    let typed = r#""@type":"type.googleapis.com/bench.directory.v1.Annotation""#;
    // Each type is behind all that is inside, and the innermost message is wrong.
    let late_types = {
        let (open, close) = (r#"{"detail":"#.repeat(60), format!(",{typed}}}").repeat(60));
        let labels =
            many(r#"{"weight":"","labels":{"#, r#""a":"","#, &format!(r#""b":""}}{close}"#));
        format!("{open}{}", &labels)
    };
    vec![
        annotation("arrays in arrays", many(r#"{"value":"#, "[", "")),
        annotation("messages in messages", many("", r#"{"parts":["#, "")),
        annotation("values in values", many(r#"{"value":"#, r#"{"a":"#, "")),
        annotation("one key again and again", many("{", r#""name":"a","#, r#""name":"a"}"#)),
        annotation("other keys of a map", keys(r#"{"labels":{"#)),
        annotation("other keys of a value", keys(r#"{"value":{"#)),
        annotation("digits of an integer", many(r#"{"weight":"#, "1", "}")),
        annotation("digits of a float", many(r#"{"value":"#, "1", "}")),
        annotation("zeros behind a point", many(r#"{"weight":1."#, "0", "1}")),
        annotation("a field that there is not", many(r#"{""#, "a", r#"":1}"#)),
        annotation("a string without an end", many(r#"{"name":""#, "a", "")),
        annotation("escapes, the last one wrong", many(r#"{"name":""#, r"\u0061", r#"\x"}"#)),
        annotation("types behind what they are of", late_types),
        ("a query", many("/v1/users?filter=", "a", "")[..URI_BYTES].to_owned(), String::new()),
    ]
}
