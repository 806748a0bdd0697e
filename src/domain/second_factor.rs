//! Second factors: what people show beside their password.

use std::{ops::RangeInclusive, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{Result, Timestamp, id::Id, user::User};

/// How many bytes the seed of an app has: the 160 bits of RFC 4226, section 4.
pub const SEED_BYTES: usize = 20;

/// How long a code of an app is good (RFC 6238, section 5.2).
pub const STEP: Duration = Duration::from_secs(30);

/// How many steps a clock may be off, in either direction.
const STEPS_OFF_MAX: i64 = 1;

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;

/// How many characters a recovery code has, of five bits each.
const RECOVERY_CODE_LENGTH: usize = 16;

/// How many characters of a recovery code are shown together.
const GROUP_LENGTH: usize = 4;

/// What recovery codes are made of: those that nobody takes for another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The second factor of an account, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose it is.
    pub user_id: Id<User>,
    /// The seed that the app shares with us, encrypted.
    pub sealed_seed: Vec<u8>,
    /// The step of the code that was taken last.
    pub last_step: i64,
    /// When it was set up.
    pub create_time: Timestamp,
    /// Since when it is asked for; none as long as nobody has shown that the app works.
    pub confirm_time: Option<Timestamp>,
    /// Whether the password is one that only an account with a second factor may have.
    pub has_short_password: bool,
}

/// What will do as a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A code of an app that knows the seed and the time (RFC 6238).
    Totp,
    /// One of the codes that were written down in case the app is lost; each is good once.
    RecoveryCode,
}

/// A code that somebody shows. It cannot be printed.
#[derive(Debug)]
pub enum Code {
    /// Of an app: six digits.
    Totp(SecretString),
    /// A recovery code.
    Recovery(RecoveryCode),
}

/// A recovery code, in the form in which it is shown.
#[derive(Debug, Clone)]
pub struct RecoveryCode(SecretString);

impl SecondFactor {
    /// The steps whose codes are taken: those around the present one, because clocks differ and typing takes a while, after the
    /// last one that was taken (RFC 6238, section 5.2).
    #[must_use]
    pub fn steps(&self, now: Timestamp) -> RangeInclusive<i64> {
        let present = now.unix_timestamp().div_euclid(STEP.as_secs().cast_signed());
        (present - STEPS_OFF_MAX).max(self.last_step + 1)..=present + STEPS_OFF_MAX
    }
}

impl RecoveryCode {
    /// As many as somebody gets, from bytes that nobody can guess, each of which makes a character.
    pub fn make_all(random: impl Fn() -> Result<[u8; 32]>) -> Result<Vec<Self>> {
        let make = |_| {
            let bytes = random()?.into_iter().take(RECOVERY_CODE_LENGTH);
            let characters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
            Ok(Self::show(&characters.collect::<Vec<_>>()))
        };
        (0..RECOVERY_CODES).map(make).collect()
    }

    /// What somebody has typed: without regard to case, to what stands between the characters, and to letters that look like
    /// digits.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let characters = text.chars().filter(char::is_ascii_alphanumeric);
        let characters = characters.map(|typed| match typed.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        });
        Self::show(&characters.collect::<Vec<_>>())
    }

    fn show(characters: &[char]) -> Self {
        let groups = characters.chunks(GROUP_LENGTH).map(|group| group.iter().collect::<String>());
        Self(groups.collect::<Vec<_>>().join("-").into())
    }

    /// The code, to be shown or compared.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authn_09_a_recovery_code_is_read_however_it_is_typed() {
        let codes =
            RecoveryCode::make_all(|| Ok(std::array::from_fn(|place| place.to_le_bytes()[0])));
        let codes = codes.unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert_eq!(codes[0].expose(), "0123-4567-89ab-cdef");
        for typed in ["0123-4567-89ab-cdef", "0123456789ABCDEF", " oI23 4567 89ab cdef "] {
            assert_eq!(RecoveryCode::typed(typed).expose(), codes[0].expose());
        }
        assert!(!format!("{codes:?}").contains("0123"));
    }
}
