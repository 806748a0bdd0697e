//! Checked strings: parsed once where a call comes in, trusted everywhere after.

use std::{fmt, ops::Deref};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Error, Result, password};

/// A text of `MIN` to `MAX` characters (Unicode code points) without NUL. One that is not empty has something to see. One
/// that may not have `LINES` stays where it is shown: it breaks no line, moves no cursor and turns no text round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize, const LINES: bool = true>(String);

/// A name: a text on one line.
pub type Name<const MIN: usize, const MAX: usize> = Text<MIN, MAX, false>;

impl<const MIN: usize, const MAX: usize, const LINES: bool> Text<MIN, MAX, LINES> {
    /// Checks what a client sent in `field`.
    pub fn parse(field: &str, text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let length = text.chars().count();
        let allowed = if length > MAX && MIN == 0 {
            format!("must have at most {MAX} characters")
        } else if !(MIN..=MAX).contains(&length) {
            format!("must have {MIN} to {MAX} characters")
        } else if text.contains('\0') {
            "must not contain a NUL character".to_owned()
        } else if !LINES && text.contains(is_unruly) {
            "must be on one line, without control characters".to_owned()
        } else if length > 0 && text.chars().all(is_blank) {
            "must not be blank".to_owned()
        } else {
            return Ok(Self(text));
        };
        Err(Error::invalid_field(field, allowed))
    }

    /// A text that was checked before it was stored.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }
}

impl<const MIN: usize, const MAX: usize, const LINES: bool> Deref for Text<MIN, MAX, LINES> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// Whether nothing is seen of a character: spaces, controls, and what Unicode has for joining, filling and direction.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
}

/// Whether a character does something to what stands beside it: a new line, a command to a terminal, another direction
/// (Unicode Technical Report 36, section 2.5). The marks that Hebrew and Arabic need are none.
fn is_unruly(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The name of an account: unique without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Checks what a client sent in `field`: 3 to 32 ASCII letters, digits, `.`, `-` or `_`, a letter first.
    pub fn parse(field: &str, text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let letter_first = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if letter_first && (3..=32).contains(&text.len()) && text.chars().all(allowed) {
            return Ok(Self(text));
        }
        Err(Error::invalid_field(
            field,
            "must be 3 to 32 letters, digits, dots, dashes or underscores, beginning with a letter",
        ))
    }

    /// A name that was checked before it was stored.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The form that is unique.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl Deref for Username {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: unique without regard to case. Never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Checks what a client sent in `field`: one `@` between a local part and a domain, at most 254 bytes (RFC 5321).
    pub fn parse(field: &str, text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let plausible = text.len() <= 254
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
            && text.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            });
        if plausible {
            return Ok(Self(text));
        }
        Err(Error::invalid_field(field, "must be an e-mail address, as `ann@example.com`"))
    }

    /// An address that was checked before it was stored.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is unique.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }

    /// What stands before the `@`, in the form that is compared.
    #[must_use]
    pub fn folded_local_part(&self) -> String {
        fold(self.0.split('@').next().unwrap_or_default())
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// The form of a name or address that is compared.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A password, used exactly as it was given: never trimmed, cut or normalised. It cannot be printed.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// The longest password, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 256;

    /// Checks a new password: at least `length_min` characters, at most [`Self::BYTES_MAX`] bytes, and not one that is easy to
    /// guess for somebody who knows these folded names.
    pub fn choose(field: &str, text: String, length_min: usize, names: &[String]) -> Result<Self> {
        if text.chars().count() < length_min {
            return Err(Self::too_short(field, length_min));
        }
        if text.len() > Self::BYTES_MAX {
            let allowed = format!("must have at most {} bytes", Self::BYTES_MAX);
            return Err(Error::invalid_field(field, allowed));
        }
        if let Some(weakness) = password::find_weakness(&fold(&text), names, length_min) {
            return Err(Error::invalid_field(field, weakness.description()));
        }
        Ok(Self(text.into()))
    }

    /// The refusal of a new password in `field` that has too few characters.
    #[must_use]
    pub fn too_short(field: &str, length_min: usize) -> Error {
        Error::invalid_field(field, format!("must have at least {length_min} characters"))
    }

    /// How many characters it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.expose_secret().chars().count()
    }

    /// A password to compare with the one that was chosen.
    #[must_use]
    pub fn attempt(text: String) -> Self {
        Self(text.into())
    }

    /// The bytes to hash.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_in_characters_not_bytes() {
        assert!(Text::<1, 3>::parse("name", "äöü").is_ok());
        assert!(Text::<1, 3>::parse("name", "äöüß").is_err());
        assert!(Text::<0, 3>::parse("name", "a\0").is_err());
    }

    #[test]
    fn a_text_is_empty_or_shows_something() {
        for blank in [" ", "\t\n", "\u{a0}\u{3000}", "\u{200b}", "\u{2800}\u{3164} "] {
            assert!(Text::<0, 10>::parse("name", blank).is_err(), "{blank:?}");
        }
        for shown in ["", " a ", "\u{200f}א", "👩\u{200d}💻"] {
            assert_eq!(&*Text::<0, 10>::parse("name", shown).unwrap(), shown);
        }
    }

    #[test]
    fn a_name_is_one_line_and_does_nothing_to_what_stands_beside_it() {
        for unruly in ["a\r\nb", "a\tb", "\u{1b}[2J", "\u{9b}2J", "a\u{2028}b", "\u{202e}gpj.exe"] {
            assert!(Name::<1, 20>::parse("name", unruly).is_err(), "{unruly:?}");
            assert!(Text::<1, 20>::parse("bio", unruly).is_ok(), "{unruly:?}");
        }
        for shown in ["Ann", "\u{200f}א", "👩\u{200d}💻", "Ann's key (#2)"] {
            assert!(Name::<1, 20>::parse("name", shown).is_ok(), "{shown:?}");
        }
    }

    #[test]
    fn a_password_is_kept_unmodified_and_cannot_be_printed() {
        let password =
            Password::choose("password", "  sp aces  are kept ".into(), 15, &[]).unwrap();
        assert_eq!(password.expose(), b"  sp aces  are kept ");
        assert!(!format!("{password:?}").contains("aces"));
    }

    #[test]
    fn an_address_needs_both_sides_of_one_at_sign() {
        for bad in ["ann", "@b.c", "ann@", "a@b@c", "a b@c.d", "a\n@b.c"] {
            assert!(Email::parse("email", bad).is_err(), "{bad:?}");
        }
        assert_eq!(Email::parse("email", "Ann@Example.com").unwrap().folded(), "ann@example.com");
    }
}
