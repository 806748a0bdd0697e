//! What a hostile request or response can cost: how much memory at the peak, and how much work,
//! counted in the bytes that are allocated on the way. Nothing here looks at a clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bombs;
#[path = "../frame/mod.rs"]
mod frame;
mod support;

use allocation_counter::AllocationInfo;
use prost_reflect::prost::encoding::encode_varint;

use bombs::{BOMBS, KINDS};
use support::{gateway, send};

/// What a call costs whatever is sent: tables are made before, buffers and error texts are not.
const BASE_BYTES: usize = 64 << 10;
/// A message, its text and something that grows by doubling are about these.
const REQUEST_MULTIPLE: usize = 6;
/// Every parameter is remembered with the field that it filled.
const QUERY_MULTIPLE: usize = 16;
/// A value of two bytes becomes one of three in JSON, and its place takes twelve while the others
/// are looked for.
const RESPONSE_MULTIPLE: usize = 16;
/// A million of the smallest things of their kind, or one thing that is as large.
const COUNT: usize = 1_000_000;
/// Enough of what takes long to print.
const SOME: usize = 100_000;

#[test]
fn the_memory_that_a_body_takes_is_a_small_multiple_of_its_size() {
    let mut gateway = gateway(&[]);
    for bomb in BOMBS {
        let body = (bomb.body)(COUNT);
        let (status, reason, info) = send(&mut gateway, bomb.method(), bomb.uri, &body);
        let expected = if bomb.reason.is_empty() { 200 } else { 400 };
        assert_eq!((status, reason.as_str()), (expected, bomb.reason), "{}", bomb.name);
        assert_takes(bomb.name, info, REQUEST_MULTIPLE * body.len());
    }
}

#[test]
fn twice_the_body_is_no_more_than_twice_the_work() {
    let mut gateway = gateway(&[]);
    for bomb in BOMBS {
        let [once, twice] = [COUNT / 20, COUNT / 10].map(|count| {
            let (_, _, info) = send(&mut gateway, bomb.method(), bomb.uri, &(bomb.body)(count));
            (info.count_total, info.bytes_total)
        });
        assert!(twice.0 <= 2 * once.0 + 50, "{}: {once:?} and {twice:?}", bomb.name);
        assert!(twice.1 <= 2 * once.1 + BASE_BYTES as u64, "{}: {once:?} and {twice:?}", bomb.name);
    }
}

/// `Any` in `Any`, the type of each behind its value, where looking for it leads through all that
/// is inside. Every key inside is one that is read with an allocation.
#[test]
fn types_inside_of_types_are_looked_for_once() {
    let mut gateway = gateway(&[]);
    let mut allocations = |depth: usize| {
        let keys: Vec<_> = (0..900).map(|key| format!("\"\\u0061{key}\":0")).collect();
        let inner =
            format!("{{\"value\":{{{}}},\"@type\":\"x/google.protobuf.Struct\"}}", keys.join(","));
        let wrap = |value| format!("{{\"value\":{value},\"@type\":\"x/google.protobuf.Any\"}}");
        let body = format!("{{\"any\":{}}}", (0..depth).fold(inner, |value, _| wrap(value)));
        let (status, _, info) = send(&mut gateway, "POST", KINDS, &body);
        assert_eq!(status, 200);
        info.count_total
    };
    let (shallow, deep) = (allocations(1), allocations(20));
    assert!(deep <= shallow + 1000, "{shallow} and {deep}");
}

#[test]
fn a_body_without_mistakes_is_read_without_an_allocation_for_each_value() {
    let mut gateway = gateway(&[]);
    let element = r#"{"int64Value":"5","uint32Value":7,"doubleValue":1.5,"color":"COLOR_RED",
        "time":"2024-02-29T12:00:00.5Z","stringValue":"plain","kinds":{"boolValue":true}}"#;
    let body = format!("{{\"list\":[{}]}}", [element; 1000].join(","));
    let [empty, full] = ["{}", &body].map(|body| {
        let (status, _, info) = send(&mut gateway, "POST", KINDS, body);
        assert_eq!(status, 200);
        info.count_total
    });
    assert!(full <= empty + 10, "{full} and {empty}");
}

#[test]
fn the_memory_that_a_query_takes_is_a_multiple_of_its_size() {
    let mut gateway = gateway(&[]);
    // A URI is no longer than 64 KiB, whatever the limits.
    let numbered =
        |name: &str| (0..4000).map(|n| format!("{name}{n}=1&")).collect::<Vec<_>>().concat();
    for (name, query, reason) in [
        ("unknown parameters", numbered("k"), "INVALID_FIELDS"),
        ("parameters of one letter", "a&".repeat(30_000), "INVALID_FIELDS"),
        ("no parameters", "&".repeat(60_000), ""),
        ("one field again and again", "text=&".repeat(10_000), "INVALID_FIELDS"),
        ("a list without an end", "numbers=1&".repeat(6000), "INVALID_FIELDS"),
        (
            "the keys of a map",
            (0..900).map(|n| format!("names[{n}]=&")).collect::<Vec<_>>().concat(),
            "",
        ),
        ("one long value", format!("text={}", "%41".repeat(20_000)), ""),
        ("one long name", "k".repeat(60_000), "INVALID_FIELDS"),
        ("one long path", "kinds.".repeat(10_000), "INVALID_FIELDS"),
        (
            "deep fields",
            (0..150).map(|_| "kinds.".repeat(60) + "numbers=1&").collect::<Vec<_>>().concat(),
            "",
        ),
        ("json within", format!("value={}", "%5B".repeat(20_000)), "INVALID_FIELDS"),
    ] {
        let (status, given, info) = send(&mut gateway, "GET", &format!("{KINDS}?{query}"), "");
        let expected = if reason.is_empty() { 200 } else { 400 };
        assert_eq!((status, given.as_str()), (expected, reason), "{name}");
        assert_takes(name, info, QUERY_MULTIPLE * query.len());
    }
}

#[test]
fn the_memory_that_a_response_takes_is_a_small_multiple_of_its_size() {
    let field = |number: u32, payload: &[u8]| {
        let mut wire = Vec::new();
        encode_varint(u64::from(number << 3 | 2), &mut wire);
        encode_varint(payload.len() as u64, &mut wire);
        wire.extend_from_slice(payload);
        wire
    };
    let nested =
        |number: u32, depth: usize| (0..depth).fold(Vec::new(), |inner, _| field(number, &inner));
    let any = |wire: Vec<u8>| {
        let type_url = field(1, b"x/google.protobuf.Any");
        [type_url, field(2, &wire)].concat()
    };
    let entry = |key: u8| field(20, &[8, key & 0x7f]);
    for (name, wire, status) in [
        ("messages within messages", nested(21, 5000), 500),
        (
            "values within values",
            field(31, &(0..3000).fold(Vec::new(), |inner, _| field(1, &field(6, &inner)))),
            500,
        ),
        ("any within any", field(32, &(0..1000).fold(Vec::new(), |inner, _| any(inner))), 500),
        ("groups within groups", [0xfb, 0x7f].repeat(COUNT), 500),
        ("groups", [0xfb, 0x7f, 0xfc, 0x7f].repeat(SOME), 200),
        ("unpacked elements", [0x90, 1, 1].repeat(COUNT), 200),
        ("packed elements", field(18, &vec![1; COUNT]), 200),
        ("one scalar again and again", [0x18, 1].repeat(SOME), 200),
        ("members of a oneof in turns", [0xba, 1, 0, 0xc0, 1, 0].repeat(SOME), 200),
        ("fields out of order", [0x90, 1, 1, 0x18, 1].repeat(SOME), 200),
        ("pieces of one message", field(21, &[]).repeat(SOME), 200),
        ("entries of one key", field(20, &[]).repeat(SOME), 200),
        ("entries of many keys", (0..SOME).flat_map(|n| entry(n.to_le_bytes()[0])).collect(), 200),
        ("text that is not UTF-8", field(14, &vec![0xff; COUNT]), 500),
        ("text that must be escaped", field(14, &vec![1; COUNT]), 200),
        ("a length that is not there", vec![0x72, 0xff, 0xff, 0xff, 0xff, 0x07], 500),
    ] {
        let mut gateway = gateway(&wire);
        let (given, reason, info) = send(&mut gateway, "GET", KINDS, "");
        assert_eq!(given, status, "{name}");
        assert_eq!(reason == "INVALID_RESPONSE", status == 500, "{name}");
        assert_takes(name, info, RESPONSE_MULTIPLE * wire.len());
    }
}

fn assert_takes(name: &str, info: AllocationInfo, bytes_max: usize) {
    let bytes_max = (bytes_max + BASE_BYTES) as u64;
    let taken = info.bytes_max;
    assert!(taken <= bytes_max, "{name}: took {taken} bytes, and {bytes_max} are allowed");
}
