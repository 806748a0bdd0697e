//! Authenticator apps by aws-lc, with what an app is set up with as base 32, link and picture.

use std::ops::RangeInclusive;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE32_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{QrCode, render::svg};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    domain::{Error, Result, second_factor::STEP},
    port::totp::{Setup, Totp},
};

/// How many different codes there are: those of six digits.
const CODES: u32 = 1_000_000;

/// How wide and high the picture is at least, in pixels.
const PICTURE_PIXELS_MIN: u32 = 240;

/// Makes and compares codes, for accounts of one issuer.
pub struct Apps {
    /// Where the accounts are, as apps show it.
    pub issuer: String,
}

impl Totp for Apps {
    fn find_step(
        &self,
        seed: &[u8],
        code: &SecretString,
        mut steps: RangeInclusive<i64>,
    ) -> Option<i64> {
        let code = code.expose_secret().as_bytes();
        steps.find(|step| {
            let right = code_at(seed, *step);
            constant_time::verify_slices_are_equal(right.as_bytes(), code).is_ok()
        })
    }

    fn setup(&self, seed: &[u8], account: &str) -> Result<Setup> {
        let secret = BASE32_NOPAD.encode(seed);
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, account) = (encode(&self.issuer), encode(account));
        let uri = format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={}",
            STEP.as_secs()
        );
        let picture = QrCode::new(&uri).map_err(Error::internal)?;
        let mut picture = picture.render::<svg::Color<'_>>();
        let picture = picture.min_dimensions(PICTURE_PIXELS_MIN, PICTURE_PIXELS_MIN).build();
        Ok(Setup { secret: secret.into(), uri: uri.into(), qr_svg: picture.into() })
    }
}

/// The code of a step: the counter of RFC 4226 is the step of RFC 6238.
fn code_at(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    format!("{:06}", truncated(tag.as_ref()) % CODES)
}

/// Four bytes of a tag, from the place on that its last half byte says, without the highest bit (RFC 4226, section 5.3).
fn truncated(tag: &[u8]) -> u32 {
    let place = tag.last().map_or(0, |last| usize::from(last & 0x0f));
    let bytes = tag.iter().skip(place).take(4);
    bytes.fold(0, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the examples in the RFCs.
    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn authn_06_codes_are_those_of_rfc_4226_appendix_d_and_rfc_6238_appendix_b() {
        let hotp = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (step, expected) in (0..).zip(hotp) {
            assert_eq!(code_at(SEED, step), expected);
        }
        // The last six digits of the eight that are listed for SHA-1.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000_i64, "353130"),
        ] {
            assert_eq!(code_at(SEED, seconds / 30), expected, "{seconds}");
        }
    }

    #[test]
    fn authn_06_a_code_is_found_among_the_steps_that_are_given_and_nowhere_else() {
        let apps = Apps { issuer: "Veza".into() };
        for (code, steps, found) in [
            ("359152", 1..=3, Some(2)),
            ("359152", 3..=5, None),
            ("59152", 1..=3, None),
            ("", 1..=3, None),
        ] {
            assert_eq!(apps.find_step(SEED, &code.into(), steps), found, "{code}");
        }
    }

    #[test]
    fn an_app_is_set_up_by_what_is_typed_opened_or_photographed() {
        let apps = Apps { issuer: "Veza & Co".into() };
        let setup = apps.setup(SEED, "ann").unwrap();
        assert_eq!(setup.secret.expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            setup.uri.expose_secret(),
            "otpauth://totp/Veza%20%26%20Co:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Veza%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
        let picture = setup.qr_svg.expose_secret();
        assert!(picture.contains("<svg ") && picture.ends_with("</svg>"), "{picture}");
    }
}
