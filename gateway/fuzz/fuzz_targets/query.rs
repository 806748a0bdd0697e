//! Any query is refused or understood, and what is understood means the same as a body.

#![no_main]

use std::fmt::Write as _;

use gateway_fuzz::LIBRARY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &[u8]| {
    let mut uri = String::from("/v1/kinds?");
    for &byte in query {
        // What cannot stand in a URI is encoded, as every client does.
        if byte.is_ascii_graphic() && !b"\"#<>`{|}".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    let Some(answer) = LIBRARY.send("GET", &uri, b"", None) else { return };
    // A mask can name proto fields that JSON has no spelling for; the service sends it back.
    if answer.status == 500 && answer.text.contains("a path of a field mask has no JSON form") {
        return;
    }
    answer.assert_no_fault();
    if answer.status == 200 {
        let again = LIBRARY.send("POST", "/v1/kinds", answer.text.as_bytes(), None);
        let again = again.expect("a plain request");
        assert_eq!((again.status, again.text), (200, answer.text));
    }
});
