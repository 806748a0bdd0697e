//! An authenticator app: what it shows at which time.

use std::time::SystemTime;

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

/// How long a code is good, in seconds.
pub const STEP: i64 = 30;

/// What an app shows that was set up with this secret, so many seconds after the beginning of 1970 (RFC 6238).
pub fn code(secret: &str, seconds: i64) -> String {
    let seed = BASE32_NOPAD.decode(secret.as_bytes()).expect("base 32");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed);
    let tag = hmac::sign(&key, &seconds.div_euclid(STEP).to_be_bytes());
    let tag = tag.as_ref();
    let place = usize::from(tag[19] & 15);
    let bytes = [tag[place] & 127, tag[place + 1], tag[place + 2], tag[place + 3]];
    format!("{:06}", u32::from_be_bytes(bytes) % 1_000_000)
}

/// A code that is not this one, nor that of another step with any likelihood.
pub fn wrong(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 123_457) % 1_000_000)
}

/// So many seconds are since the beginning of 1970, by the clock of the machine.
#[expect(clippy::disallowed_methods, reason = "a server in a process of its own goes by it")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("a time after 1970").as_secs().cast_signed()
}
