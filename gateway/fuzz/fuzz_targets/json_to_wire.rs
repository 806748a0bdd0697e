//! Any body is refused or understood, and what is understood means the same when it comes back as
//! the gateway shows it. The first byte chooses the route.

#![no_main]

use gateway_fuzz::LIBRARY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((route, json)) = input.split_first() else { return };
    let (method, uri) = match route % 4 {
        0 => ("PATCH", "/v1/shelves/1/books/2"),
        1 => ("POST", "/v1/shelves/1/books?bookId=x"),
        _ => ("POST", "/v1/kinds"),
    };
    // Where question and answer are of two types, nothing is answered.
    let reply = (uri != "/v1/kinds").then_some(&[][..]);
    let Some(answer) = LIBRARY.send(method, uri, json, reply) else { return };
    answer.assert_no_fault();
    if answer.status == 200 && uri == "/v1/kinds" {
        let again = LIBRARY.send("POST", uri, answer.text.as_bytes(), None);
        let again = again.expect("it was sent before");
        assert_eq!((again.status, again.text), (200, answer.text));
    }
});
