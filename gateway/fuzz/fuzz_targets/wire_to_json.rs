//! Any bytes that a service could send are shown or refused, and what is shown means the same when
//! it is sent back.

#![no_main]

use gateway_fuzz::LIBRARY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|wire: &[u8]| {
    let shown = LIBRARY.send("GET", "/v1/kinds", b"", Some(wire)).expect("a plain request");
    if shown.status != 200 {
        assert_eq!((shown.status, shown.reason().as_str()), (500, "INVALID_RESPONSE"));
        return;
    }
    shown.json();
    let again = LIBRARY.send("POST", "/v1/kinds", shown.text.as_bytes(), None);
    let again = again.expect("a plain request");
    // JSON needs more levels than the wire for the same.
    if again.status == 400 && again.text.contains("nests") {
        return;
    }
    assert_eq!((again.status, again.text), (200, shown.text));
});
