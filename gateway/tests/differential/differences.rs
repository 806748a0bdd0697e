//! Where the gateway and the reference read one value differently, each with the reason. Every
//! other value of [`VALUES`] they take for the same, or refuse both.

/// A kind of field with values that are read differently.
pub struct Difference {
    pub kinds: &'static [&'static [&'static str]],
    pub values: &'static [&'static str],
    pub outcome: Outcome,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    GatewayReads,
    ReferenceReads,
    BothReadAnother,
}

pub const SIGNED: &[&str] = &["int32", "sint32", "sfixed32", "google.protobuf.Int32Value"];
pub const SIGNED_LONG: &[&str] = &["int64", "sint64", "sfixed64", "google.protobuf.Int64Value"];
pub const UNSIGNED: &[&str] = &["uint32", "fixed32", "google.protobuf.UInt32Value"];
pub const UNSIGNED_LONG: &[&str] = &["uint64", "fixed64", "google.protobuf.UInt64Value"];
pub const FLOATS: &[&str] = &["float", "google.protobuf.FloatValue"];
pub const DOUBLES: &[&str] = &["double", "google.protobuf.DoubleValue"];
pub const OTHERS: &[&str] = &[
    "bool",
    "string",
    "bytes",
    "Color",
    "Inner",
    "google.protobuf.Any",
    "google.protobuf.BoolValue",
    "google.protobuf.BytesValue",
    "google.protobuf.Duration",
    "google.protobuf.Empty",
    "google.protobuf.FieldMask",
    "google.protobuf.ListValue",
    "google.protobuf.NullValue",
    "google.protobuf.StringValue",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.Value",
];

/// Values that lie at some edge of some kind.
#[rustfmt::skip]
pub const VALUES: &[&str] = &[
    "null", "true", "false",
    "0", "-0", "1", "-1", "7", "1.0", "-0.0", "0.1", "1.5", "1e2", "100e-2", "1e-2", "0e400",
    "1e-400", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
    "9007199254740993.0", "9223372036854775807", "9223372036854775808", "9223372036854775808.0",
    "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "1e38", "3.5e38", "1e308", "1e309",
    r#""""#, r#"" ""#, r#""abc""#, r#""true""#, r#""null""#, r#""\u0000""#, r#""\ud83d\ude01""#,
    r#""\ud800""#, r#""é""#,
    r#""0""#, r#""-0""#, r#""1""#, r#""-1""#, r#""+1""#, r#""01""#, r#""1.""#, r#"".5""#,
    r#""1.0""#, r#""1.5""#, r#""1e2""#, r#"" 1""#, r#""1 ""#, r#""0x1""#, r#""1_0""#, r#""2147483648""#,
    r#""9223372036854775808""#, r#""1e39""#, r#""1e309""#,
    r#""NaN""#, r#""nan""#, r#""-NaN""#, r#""Infinity""#, r#""-Infinity""#, r#""+Infinity""#,
    r#""inf""#, r#""infinity""#,
    r#""a_b""#, r#""a.b""#, r#""aB.c1""#, r#""a,b""#, r#""a,,b""#, r#"",""#, r#""*""#, r#""a b""#,
    r#""YQ==""#, r#""YQ""#, r#""YQ=""#, r#""YR""#, r#""Y""#, r#""Y Q""#, r#""-_8""#, r#""+/8=""#,
    r#""+_8""#,
    r#""1s""#, r#""1.5s""#, r#""-0.5s""#, r#""-1.000000001s""#, r#""s""#, r#""-s""#, r#"".5s""#,
    r#""1.s""#, r#""--1s""#, r#""+1s""#, r#""1S""#, r#""1 s""#, r#""1e2s""#, r#""1.0000000001s""#,
    r#""315576000000s""#, r#""315576000000.5s""#, r#""315576000001s""#, r#""0000000000001s""#,
    r#""99999999999999999999s""#,
    r#""2024-02-29T00:00:00Z""#, r#""2023-02-29T00:00:00Z""#, r#""2024-13-01T00:00:00Z""#,
    r#""2024-01-00T00:00:00Z""#, r#""2024-1-1T00:00:00Z""#, r#""2024-01-01T24:00:00Z""#,
    r#""2024-06-30T23:59:60Z""#, r#""2024-01-01t00:00:00z""#, r#""2024-01-01 00:00:00Z""#,
    r#""2024-01-01T00:00:00""#, r#""2024-01-01T00:00:00Zx""#, r#""2024-01-01T00:00:00.Z""#,
    r#""2024-01-01T00:00:00.5Z""#, r#""2024-01-01T00:00:00.1234567891Z""#,
    r#""2024-01-01T00:00:00-23:59""#, r#""2024-01-01T00:00:00+24:00""#,
    r#""2024-01-01T00:00:00+00:60""#, r#""2024-01-01T00:00:00+0100""#,
    r#""9999-12-31T23:59:59Z""#, r#""9999-12-31T23:59:59-01:00""#, r#""0001-01-01T00:00:00Z""#,
    r#""0001-01-01T00:00:00+01:00""#, r#""0000-01-01T00:00:00Z""#,
    r#""RED""#, r#""CRIMSON""#, r#""red""#, r#""NULL_VALUE""#,
    "[]", "[null]", "[1]", "[[]]", "{}", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":1,"a":2}"#,
    r#"{"":1}"#, r#"{"value":1}"#, r#"{"seconds":1}"#, r#"{"fields":{}}"#, r#"{"paths":["a"]}"#,
    r#"{"@type":"x/test.Inner","a":1}"#, r#"{"a":1,"@type":"x/test.Inner"}"#,
    r#"{"@type":"x/test.Inner","b":1}"#, r#"{"@type":"x/test.Nobody"}"#, r#"{"@type":1}"#,
    r#"{"@type":""}"#, r#"{"@type":"test.Inner"}"#, r#"{"@type":"/test.Inner"}"#,
    r#"{"@type":"x/google.protobuf.Empty"}"#, r#"{"@type":"x/google.protobuf.Empty","value":{}}"#,
    r#"{"@type":"x/google.protobuf.Duration"}"#,
    r#"{"@type":"x/google.protobuf.Value","value":null}"#,
    r#"{"value":"1s","@type":"x/google.protobuf.Duration"}"#,
    r#"{"@type":"x/google.protobuf.Duration","value":"1s","a":1}"#,
];

pub const DIFFERENCES: &[Difference] = &[
    // An integer may be written as a float, in quotes as without.
    Difference {
        kinds: &[SIGNED, SIGNED_LONG, UNSIGNED, UNSIGNED_LONG],
        values: &[r#""1.0""#, r#""1e2""#],
        outcome: Outcome::GatewayReads,
    },
    Difference {
        kinds: &[&["Color"]],
        values: &["-0", "1.0", "-0.0", "1e2", "100e-2", "0e400"],
        outcome: Outcome::GatewayReads,
    },
    Difference {
        kinds: &[UNSIGNED, UNSIGNED_LONG],
        values: &[r#""-0""#],
        outcome: Outcome::GatewayReads,
    },
    // What JSON does not write as a number is none in quotes either. Rust reads more.
    Difference {
        kinds: &[SIGNED, SIGNED_LONG, UNSIGNED, UNSIGNED_LONG, FLOATS, DOUBLES],
        values: &[r#""+1""#, r#""01""#],
        outcome: Outcome::ReferenceReads,
    },
    Difference {
        kinds: &[FLOATS, DOUBLES],
        values: &[
            r#""1.""#,
            r#"".5""#,
            r#""nan""#,
            r#""-NaN""#,
            r#""+Infinity""#,
            r#""inf""#,
            r#""infinity""#,
        ],
        outcome: Outcome::ReferenceReads,
    },
    // A number is never rounded to an integer, nor to infinity; the reference reads a double first.
    Difference {
        kinds: &[SIGNED, SIGNED_LONG, UNSIGNED, UNSIGNED_LONG],
        values: &["1e-400"],
        outcome: Outcome::ReferenceReads,
    },
    Difference {
        kinds: &[SIGNED_LONG],
        values: &["9223372036854775808.0", "-9223372036854775809"],
        outcome: Outcome::ReferenceReads,
    },
    Difference {
        kinds: &[UNSIGNED_LONG],
        values: &["18446744073709551616"],
        outcome: Outcome::ReferenceReads,
    },
    Difference {
        kinds: &[SIGNED_LONG, UNSIGNED_LONG],
        values: &["9007199254740993.0"],
        outcome: Outcome::BothReadAnother,
    },
    Difference {
        kinds: &[FLOATS, DOUBLES],
        values: &[r#""1e309""#],
        outcome: Outcome::ReferenceReads,
    },
    Difference { kinds: &[FLOATS], values: &[r#""1e39""#], outcome: Outcome::ReferenceReads },
    // `NullValue` is an open enum, whose numbers are read like those of any other.
    Difference {
        kinds: &[&["google.protobuf.NullValue"]],
        values: &[
            "0",
            "-0",
            "1",
            "-1",
            "7",
            "1.0",
            "-0.0",
            "1e2",
            "100e-2",
            "0e400",
            "2147483647",
            "-2147483648",
        ],
        outcome: Outcome::GatewayReads,
    },
    // An `Any` of nothing, and an `Empty` in one as other implementations write it.
    Difference {
        kinds: &[&["google.protobuf.Any"]],
        values: &["{}", r#"{"@type":"x/google.protobuf.Empty"}"#],
        outcome: Outcome::GatewayReads,
    },
    // A member that is given twice is a mistake, not a choice of the last.
    Difference {
        kinds: &[&["Inner", "google.protobuf.Struct", "google.protobuf.Value"]],
        values: &[r#"{"a":1,"a":2}"#],
        outcome: Outcome::ReferenceReads,
    },
    // Neither a tenth decimal nor a leap second has a place in the message.
    Difference {
        kinds: &[&["google.protobuf.Duration"]],
        values: &[r#""1.0000000001s""#, r#""0000000000001s""#],
        outcome: Outcome::ReferenceReads,
    },
    Difference {
        kinds: &[&["google.protobuf.Timestamp"]],
        values: &[r#""2024-06-30T23:59:60Z""#, r#""2024-01-01T00:00:00.1234567891Z""#],
        outcome: Outcome::ReferenceReads,
    },
];

/// What the reference takes for the paths of a field mask, where the gateway wants names: all text
/// without an underscore.
pub fn is_mask_of_the_reference(kind: &str, value: &str) -> bool {
    let is_name = |path: &str| {
        !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b".*".contains(&b))
    };
    let text: String = serde_json::from_str(value).unwrap_or_default();
    kind == "google.protobuf.FieldMask"
        && !text.is_empty()
        && !text.contains('_')
        && !text.split(',').all(is_name)
}
