//! What the field rules refuse, and what they let pass.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{env::temp_dir, fs, process, sync::LazyLock};

use gateway::rules::{Failure, Rules, Violation};
use prost_reflect::{DescriptorPool, DynamicMessage, prost::Message};
use protox::Compiler;

const PROTO: &str = "tests/proto";
const SHARED_PROTO: &str = "../proto";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut compiler = Compiler::new([PROTO, SHARED_PROTO]).unwrap();
    compiler.include_imports(true).open_file("rules.proto").unwrap();
    compiler.descriptor_pool()
});

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(&POOL).unwrap());

/// The wire bytes of a message written in protobuf's text format.
fn wire(message: &str, text: &str) -> Vec<u8> {
    let message = POOL.get_message_by_name(message).unwrap();
    DynamicMessage::parse_text_format(message, text).unwrap().encode_to_vec()
}

fn check_wire(message: &str, wire: &[u8]) -> Result<(), Failure> {
    RULES.check(message, wire)
}

/// The violations as `field rule`, each.
fn broken(message: &str, wire: &[u8]) -> Vec<String> {
    match check_wire(message, wire) {
        Ok(()) => Vec::new(),
        Err(Failure::Violations(violations)) => violations
            .iter()
            .map(|Violation { field, rule, .. }| format!("{field} {rule}"))
            .collect(),
        Err(Failure::Malformed(reason)) => vec![format!("malformed: {reason}")],
    }
}

#[track_caller]
fn assert_passes(message: &str, text: &str) {
    assert_eq!(broken(message, &wire(message, text)), Vec::<String>::new(), "{text}");
}

#[track_caller]
fn assert_breaks(message: &str, text: &str, expected: &[&str]) {
    assert_eq!(broken(message, &wire(message, text)), expected, "{text}");
}

/// One length-delimited record.
fn record(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut record = vec![number << 3 | 2, u8::try_from(payload.len()).unwrap()];
    record.extend(payload);
    record
}

#[test]
fn strings_keep_their_rules() {
    for text in [
        "",
        "constant: 'yes' exact: 'äö' chars: 'äöü' bytes: 'ä' pattern: 'abc' parts: 'a-z'",
        "chosen: 'two' barred: 'boot' email: 'ann@example.com' uri: 'https://x/y'",
        "uuid: '0190a6e0-1234-7abc-8def-0123456789ab' ignored: 'short'",
    ] {
        assert_passes("rules.Texts", text);
    }
    for (text, expected) in [
        ("constant: 'no'", "constant string.const"),
        ("exact: 'a'", "exact string.len"),
        ("chars: 'ä'", "chars string.min_len"),
        ("chars: 'abcd'", "chars string.max_len"),
        ("bytes: 'a'", "bytes string.min_bytes"),
        ("bytes: 'ää'", "bytes string.max_bytes"),
        ("pattern: 'a1'", "pattern string.pattern"),
        ("parts: '-z'", "parts string.prefix"),
        ("parts: 'a-'", "parts string.suffix"),
        ("parts: 'az'", "parts string.contains"),
        ("chosen: 'three'", "chosen string.in"),
        ("barred: 'root'", "barred string.not_in"),
        ("email: 'ann'", "email string.email"),
        ("uuid: '0190'", "uuid string.uuid"),
        ("uri: '/relative'", "uri string.uri"),
    ] {
        assert_breaks("rules.Texts", text, &[expected]);
    }
}

#[test]
fn numbers_keep_their_rules() {
    for text in [
        "",
        "within: -1 outside: 10 chosen: 7 barred: 18446744073709551614 ratio: 0.99",
        "within: 10 weight: 2.5 colour: 5 painted: 99 raw: 'ab' maybe: 1",
        "outside: -9223372036854775808",
    ] {
        assert_passes("rules.Numbers", text);
    }
    for (text, expected) in [
        ("within: -2", "within int32.gte_lte"),
        ("within: 11", "within int32.gte_lte"),
        ("outside: 5", "outside int64.gt_lt_exclusive"),
        ("chosen: 8", "chosen uint32.in"),
        ("barred: 18446744073709551615", "barred uint64.not_in"),
        ("ratio: 1", "ratio double.gte_lt"),
        ("ratio: nan", "ratio double.gte_lt"),
        ("weight: 2.6", "weight float.lte"),
        ("agreed: true", "agreed bool.const"),
        ("colour: 2", "colour enum.defined_only"),
        ("painted: COLOUR_RED", "painted enum.not_in"),
        ("raw: 'abc'", "raw bytes.max_len"),
        ("maybe: 0", "maybe int32.gt"),
    ] {
        assert_breaks("rules.Numbers", text, &[expected]);
    }
}

#[test]
fn required_fields_must_be_set() {
    assert_passes("rules.Presence", "name: 'a' count: 0 inner {} items: '' message {}");
    assert_breaks(
        "rules.Presence",
        "",
        &["name required", "count required", "inner required", "items required", "choice required"],
    );
}

#[test]
fn elements_keep_their_rules_and_are_named() {
    assert_passes(
        "rules.Many",
        "tags: 'ab' tags: 'cd' numbers: [1, 2] limits { key: 'a' value: 0 } by_number { key: 3 }",
    );
    for (text, expected) in [
        ("tags: 'ab' tags: 'c'", "tags[1] string.min_len"),
        ("tags: 'aa' tags: 'bb' tags: 'cc' tags: 'dd'", "tags repeated.max_items"),
        ("tags: 'aa' tags: 'bb' tags: 'aa'", "tags repeated.unique"),
        ("numbers: [3, 0]", "numbers[1] int32.gt"),
        ("numbers: [3, 4, 3]", "numbers repeated.unique"),
        ("inners {} inners { inner { name: 'long' } }", "inners[1].inner.name string.max_len"),
        ("limits { key: 'long' value: 1 }", "limits[\"long\"] string.max_len"),
        ("limits { key: 'a' value: -1 }", "limits[\"a\"] int32.gte"),
        ("by_number { key: 3 value { size: 10 } }", "by_number[3].size int32.lte"),
    ] {
        assert_breaks("rules.Many", text, &[expected]);
    }
    let three = "limits { key: 'a' } limits { key: 'b' } limits { key: 'c' }";
    assert_breaks("rules.Many", three, &["limits map.max_pairs"]);
}

#[test]
fn an_ignored_field_is_still_kept_within_the_limits() {
    assert_passes("rules.Many", "ignored { name: 'long' size: 10 }");
    assert_breaks("rules.Many", "ignored { name: 'a\\000' }", &["ignored[0].name string.no_nul"]);
    assert_breaks("rules.Texts", "ignored: '\\000'", &["ignored string.no_nul"]);
}

#[test]
fn a_key_that_comes_twice_counts_once() {
    let entry = |key: &[u8]| record(4, &record(1, key));
    let twice = [entry(b"a"), entry(b"b"), entry(b"a")].concat();
    assert_eq!(check_wire("rules.Many", &twice), Ok(()));
}

#[test]
fn durations_timestamps_and_wrappers_keep_their_rules() {
    assert_passes("rules.Times", "slow { seconds: 1 nanos: 500000000 } nickname { value: 'ab' }");
    assert_breaks(
        "rules.Times",
        "slow { seconds: 1 nanos: 500000001 }",
        &["slow duration.gte_lte"],
    );
    assert_breaks("rules.Times", "slow { nanos: -1 }", &["slow duration.gte_lte"]);
    assert_breaks("rules.Times", "since { seconds: 1700000000 }", &["since timestamp.gt"]);
    assert_breaks("rules.Times", "nickname { value: 'a' }", &["nickname string.min_len"]);
    assert_breaks("rules.Times", "nickname {}", &["nickname string.min_len"]);
}

#[test]
fn a_violation_tells_people_what_is_allowed() {
    let described = |message: &str, text: &str| match check_wire(message, &wire(message, text)) {
        Err(Failure::Violations(violations)) => violations[0].description.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(described("rules.Texts", "chars: 'a'"), "must have at least 2 characters");
    assert_eq!(described("rules.Texts", "email: 'a'"), "must be an e-mail address");
    assert_eq!(described("rules.Texts", "chosen: 'a'"), "must be one of \"\", \"one\", \"two\"");
    assert_eq!(described("rules.Numbers", "within: 11"), "must be at least -1 and at most 10");
    assert_eq!(described("rules.Numbers", "outside: 5"), "must be greater than 9 or less than 1");
    assert_eq!(described("rules.Numbers", "painted: 1"), "must be none of COLOUR_RED");
    assert_eq!(
        described("rules.Times", "slow { seconds: 2 }"),
        "must be at least 0s and at most 1.5s"
    );
    assert_eq!(
        described("rules.Presence", "name: 'a' count: 0 inner {} items: ''"),
        "must have one of `text`, `message`"
    );
    assert_eq!(described("rules.Times", "since {}"), "must be greater than 2023-11-14T22:13:20Z");
}

#[test]
fn the_last_value_on_the_wire_counts() {
    let (long, short) = (record(1, b"long"), record(1, b"ab"));
    assert_eq!(check_wire("rules.Inner", &[&long[..], &short].concat()), Ok(()));
    assert_eq!(broken("rules.Inner", &[&short[..], &long].concat()), ["name string.max_len"]);
}

#[test]
fn a_message_sent_in_pieces_is_checked_as_a_whole() {
    let piece = |fields: &str| record(3, &wire("rules.Inner", fields));
    let fixed_later = [piece("name: 'long'"), piece("size: 2"), piece("name: 'ab'")].concat();
    assert_eq!(check_wire("rules.Inner", &fixed_later), Ok(()));
    let kept = [piece("name: 'long'"), piece("size: 2")].concat();
    assert_eq!(broken("rules.Inner", &kept), ["inner.name string.max_len"]);
    let many = piece("").repeat(1001);
    assert_eq!(broken("rules.Inner", &many), ["inner message.max_pieces"]);
    let deep = [piece("inner { size: 10 }"), piece("inner { name: 'ab' }")].concat();
    assert_eq!(broken("rules.Inner", &deep), ["inner.inner.size int32.lte"]);
}

#[test]
fn the_last_member_of_a_oneof_unsets_the_others() {
    let text = wire("rules.One", "text: 'long'");
    let inner = wire("rules.One", "inner { name: 'long' }");
    let number = wire("rules.One", "number: 1");
    let empty = wire("rules.One", "inner {}");
    assert_eq!(broken("rules.One", &[&inner[..], &text].concat()), ["text string.max_len"]);
    assert_eq!(check_wire("rules.One", &[&text[..], &number].concat()), Ok(()));
    assert_eq!(check_wire("rules.One", &[&inner[..], &number, &empty, &empty].concat()), Ok(()));
    assert_eq!(broken("rules.One", &[&inner[..], &empty].concat()), ["inner.name string.max_len"]);
}

#[test]
fn a_nul_character_is_refused_everywhere() {
    assert_breaks("rules.Many", "limits { key: 'a\\000' }", &["limits[\"a\\0\"] string.no_nul"]);
    assert_breaks(
        "rules.Free",
        "data { fields { key: 'k' value { list_value { values { string_value: '\\000' } } } } }",
        &["data.fields[\"k\"].list_value.values[0].string_value string.no_nul"],
    );
}

#[test]
fn a_repeated_field_has_a_limit() {
    let packed = |count: usize| {
        let mut wire = vec![6 << 3 | 2];
        prost::encoding::encode_varint(count as u64, &mut wire);
        wire.resize(wire.len() + count, 1);
        wire
    };
    assert_eq!(check_wire("rules.Many", &packed(1000)), Ok(()));
    assert_eq!(broken("rules.Many", &packed(1001)), ["plain repeated.max_items"]);
    assert_eq!(broken("rules.Many", &record(3, b"").repeat(1001)), ["inners repeated.max_items"]);
    let strict = Rules::new(&POOL).unwrap().with_repeated_max(2);
    assert!(strict.check("rules.Many", &packed(3)).is_err());
}

#[test]
fn messages_nest_64_deep_and_no_deeper() {
    let nested = |depth: usize| {
        (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| {
            let mut wire = vec![3 << 3 | 2];
            prost::encoding::encode_varint(inner.len() as u64, &mut wire);
            wire.extend(inner);
            wire
        })
    };
    assert_eq!(check_wire("rules.Inner", &nested(64)), Ok(()));
    assert!(broken("rules.Inner", &nested(65))[0].ends_with("inner message.max_depth"));
    assert!(broken("rules.Inner", &nested(100_000))[0].ends_with("inner message.max_depth"));
}

#[test]
fn bytes_that_are_no_message_are_malformed() {
    for (wire, reason) in [
        (&[10, 5, 1][..], "the message is cut off"),
        (&[0x80], "the message is cut off"),
        (&[16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], "a varint is longer than 64 bits"),
        (&[10, 1, 0xff], "a string is not valid UTF-8"),
        (&[2, 0], "a field has the number 0"),
        (&[15], "a tag has no known wire type"),
        (&[12], "a group ends that never began"),
        (&[0x5b, 0x63], "the message is cut off"),
        (&[13, 1, 2], "the message is cut off"),
    ] {
        assert_eq!(check_wire("rules.Inner", wire), Err(Failure::Malformed(reason)), "{wire:?}");
    }
    assert!(matches!(check_wire("rules.Missing", &[]), Err(Failure::Malformed(_))));
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    let group = [0xf3, 0x01, 10, 1, 0, 0xfb, 0x01, 0xfc, 0x01, 0xf4, 0x01];
    assert_eq!(check_wire("rules.Inner", &group), Ok(()));
    let mut deep = [0xf3, 0x01].repeat(1000);
    deep.extend([0xf4, 0x01].repeat(1000));
    assert_eq!(
        check_wire("rules.Inner", &deep),
        Err(Failure::Malformed("groups are nested too deeply"))
    );
}

#[test]
fn a_message_with_nothing_to_check_is_left_to_the_decoder() {
    assert_eq!(check_wire("rules.Plain", &[0xff]), Ok(()));
}

#[test]
fn there_are_at_most_20_violations() {
    let wire = record(3, &record(1, b"long")).repeat(500);
    assert_eq!(broken("rules.Many", &wire).len(), 20);
}

#[test]
fn random_bytes_never_panic() {
    let names = ["Texts", "Numbers", "Presence", "Inner", "Many", "Times", "One", "Free"];
    // Numerical Recipes' generator: enough to vary, and the same in every run.
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for round in 0..5_000 {
        let length = usize::from(next() % 64);
        // Half of the rounds use small bytes, which are tags and lengths more often.
        let mask = if round % 2 == 0 { 0xff } else { 0x1f };
        let wire: Vec<u8> = (0..length).map(|_| next() & mask).collect();
        for name in names {
            let _ = RULES.check(&format!("rules.{name}"), &wire);
        }
    }
}

#[test]
fn a_valid_message_cut_or_changed_anywhere_never_panics() {
    let text =
        "tags: 'ab' numbers: [1, 2] inners { inner { name: 'x' } } limits { key: 'a' value: 1 }";
    let wire = wire("rules.Many", text);
    for at in 0..wire.len() {
        let _ = RULES.check("rules.Many", &wire[..at]);
        for byte in 0..=255 {
            let mut changed = wire.clone();
            changed[at] = byte;
            let _ = RULES.check("rules.Many", &changed);
        }
    }
}

/// Why the rules of `message Bad { <field> }` cannot be compiled.
fn compile_error(field: &str) -> String {
    let folder = temp_dir().join(format!("rules-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let source = format!(
        "syntax = \"proto3\"; package bad; import \"buf/validate/validate.proto\"; message Bad {{ {field} }}"
    );
    fs::write(folder.join("bad.proto"), source).unwrap();
    let mut compiler = Compiler::new([folder.as_path(), SHARED_PROTO.as_ref()]).unwrap();
    compiler.include_imports(true).open_file("bad.proto").unwrap();
    fs::remove_dir_all(folder).unwrap();
    Rules::new(&compiler.descriptor_pool()).err().unwrap().to_string()
}

#[test]
fn rules_that_cannot_be_enforced_stop_the_start() {
    for (field, expected) in [
        ("int32 a = 1 [(buf.validate.field).string.min_len = 1];", "string rules do not fit"),
        ("repeated int32 a = 1 [(buf.validate.field).int32.gt = 1];", "int32 rules do not fit"),
        ("int32 a = 1 [(buf.validate.field).repeated.min_items = 1];", "repeated rules do not fit"),
        (
            "repeated Bad a = 1 [(buf.validate.field).repeated.unique = true];",
            "does not fit messages",
        ),
        ("string a = 1 [(buf.validate.field).string.pattern = \"[\"];", "does not compile"),
    ] {
        let error = compile_error(field);
        assert!(error.starts_with("bad.Bad.a: ") && error.contains(expected), "{error}");
    }
}
