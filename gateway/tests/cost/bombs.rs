//! Request bodies that are all of one thing.

/// A body by its size, and what it is answered with.
pub struct Bomb {
    pub name: &'static str,
    pub uri: &'static str,
    pub body: fn(usize) -> String,
    pub reason: &'static str,
}

pub const KINDS: &str = "/v1/kinds";
const BOOK: &str = "/v1/shelves/1/books/2";

impl Bomb {
    pub fn method(&self) -> &'static str {
        if self.uri == BOOK { "PATCH" } else { "POST" }
    }
}

pub const BOMBS: &[Bomb] = &[
    Bomb {
        name: "arrays within arrays",
        uri: KINDS,
        body: |count| format!("{{\"value\":{}", "[".repeat(count)),
        reason: "MALFORMED_REQUEST",
    },
    Bomb {
        name: "structs within structs",
        uri: KINDS,
        body: |count| format!("{{\"object\":{}", "{\"a\":".repeat(count)),
        reason: "MALFORMED_REQUEST",
    },
    Bomb {
        name: "messages within messages",
        uri: KINDS,
        body: |count| "{\"kinds\":".repeat(count),
        reason: "MALFORMED_REQUEST",
    },
    Bomb {
        name: "unknown objects within an unknown one",
        uri: KINDS,
        body: |count| "{\"x\":".repeat(count),
        reason: "MALFORMED_REQUEST",
    },
    Bomb {
        name: "a string of escapes",
        uri: KINDS,
        body: |count| format!("{{\"stringValue\":\"{}\"}}", "\\u0041".repeat(count)),
        reason: "",
    },
    Bomb {
        name: "a key of escapes",
        uri: KINDS,
        body: |count| format!("{{\"{}\":1}}", "\\n".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "one field again and again",
        uri: KINDS,
        body: |count| format!("{{\"text\":\"\"{}}}", ",\"text\":\"\"".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "unknown fields",
        uri: KINDS,
        body: |count| {
            let members: Vec<_> = (0..count).map(|key| format!("\"{key}\":0")).collect();
            format!("{{{}}}", members.join(","))
        },
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "one key of a map again and again",
        uri: KINDS,
        body: |count| format!("{{\"object\":{{\"a\":0{}}}}}", ",\"a\":0".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "keys that weak hashes cannot tell apart",
        uri: KINDS,
        body: |count| {
            let pair = |bit: usize| if bit == 0 { "Aa" } else { "BB" };
            let key = |n: usize| (0..20).map(|at| pair(n >> at & 1)).collect::<String>();
            let members: Vec<_> = (0..count / 10).map(|n| format!("\"{}\":0", key(n))).collect();
            format!("{{\"object\":{{{}}}}}", members.join(","))
        },
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "a list without an end",
        uri: KINDS,
        body: |count| format!("{{\"list\":[{{}}{}]}}", ",{}".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "lists of lists",
        uri: KINDS,
        body: |count| {
            let inner = format!("[[]{}]", ",[]".repeat(998));
            format!("{{\"values\":[{inner}{}]}}", format!(",{inner}").repeat(count / 1000))
        },
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "wrong elements",
        uri: KINDS,
        body: |count| format!("{{\"numbers\":[\"\"{}]}}", ",\"\"".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "digits of an integer",
        uri: KINDS,
        body: |count| format!("{{\"int64Value\":{}}}", "9".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "digits of a double",
        uri: KINDS,
        body: |count| format!("{{\"doubleValue\":{}}}", "9".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "digits behind a point",
        uri: KINDS,
        body: |count| {
            format!(
                "{{\"doubleValue\":0.{},\"int32Value\":1.{}}}",
                "9".repeat(count),
                "0".repeat(count)
            )
        },
        reason: "",
    },
    Bomb {
        name: "digits of an exponent",
        uri: KINDS,
        body: |count| format!("{{\"int32Value\":1e{0},\"doubleValue\":1e{0}}}", "9".repeat(count)),
        reason: "INVALID_FIELDS",
    },
    Bomb {
        name: "base64",
        uri: KINDS,
        body: |count| format!("{{\"bytesValue\":\"{}\"}}", "AAAA".repeat(count)),
        reason: "",
    },
    Bomb {
        name: "paths of a mask",
        uri: KINDS,
        body: |count| format!("{{\"mask\":\"a{}\"}}", ",aB".repeat(count)),
        reason: "",
    },
    Bomb {
        name: "the mask of many keys below a long one",
        uri: BOOK,
        body: |count| {
            let keys: Vec<_> = (0..900).map(|key| format!("\"{key}\":0")).collect();
            format!("{{\"extra\":{{\"{}\":{{{}}}}}}}", "k".repeat(count), keys.join(","))
        },
        reason: "MALFORMED_REQUEST",
    },
    Bomb {
        name: "white space",
        uri: KINDS,
        body: |count| format!("{{{}}}", " \n".repeat(count)),
        reason: "",
    },
];
