//! Identities: accounts at providers, such as Google, by which people sign in here.

use super::{
    Timestamp,
    id::Id,
    text::{Email, Username},
    user::User,
};

/// Who somebody is at a provider, linked with an account here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id.
    pub id: Id<Identity>,
    /// The name of the provider.
    pub provider: String,
    /// Whom it is about there: never given to anybody else, and never empty.
    pub subject: String,
    /// Who signs in by it.
    pub user_id: Id<User>,
    /// The e-mail address that the provider told last. It is shown, and decides nothing.
    pub email: Option<Email>,
    /// When it was linked.
    pub create_time: Timestamp,
    /// When somebody last signed in by it.
    pub last_use_time: Timestamp,
}

/// Whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Whom it is about: never empty.
    pub subject: String,
    /// Their e-mail address, if the provider told one.
    pub email: Option<Email>,
    /// Whether the provider knows that the address is theirs.
    pub is_email_verified: bool,
    /// What they are called there, if the provider told.
    pub name: Option<String>,
}

impl Assertion {
    /// The address, if it is known to be theirs.
    #[must_use]
    pub fn verified_email(&self) -> Option<&Email> {
        self.email.as_ref().filter(|_| self.is_email_verified)
    }

    /// What to call them here: of their name there, or of their address, what a username may have. `suffix` tells it from
    /// others of the kind.
    #[must_use]
    pub fn username(&self, suffix: &str) -> Username {
        let address = || self.email.as_ref().map(Email::folded_local_part);
        let name = self.name.clone().or_else(address).unwrap_or_default();
        let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let kept = name.chars().filter(fits).skip_while(|c| !c.is_ascii_alphabetic());
        let mut kept: String = kept.take(USERNAME_LENGTH_MAX - suffix.len()).collect();
        if kept.len() < USERNAME_LENGTH_MIN {
            "user".clone_into(&mut kept);
        }
        Username::trusted(kept + suffix)
    }
}

/// The fewest characters of a username.
const USERNAME_LENGTH_MIN: usize = 3;

/// The most characters of a username.
const USERNAME_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_made_of_what_there_is() {
        let username = |name: Option<&str>, email: Option<&str>, suffix: &str| {
            let assertion = Assertion {
                subject: "1".to_owned(),
                email: email.map(|email| Email::parse("email", email).unwrap()),
                is_email_verified: true,
                name: name.map(str::to_owned),
            };
            let username = assertion.username(suffix).to_string();
            assert_eq!(&*Username::parse("username", username.clone()).unwrap(), username);
            username
        };
        assert_eq!(username(Some("octo-cat"), None, ""), "octo-cat");
        assert_eq!(username(None, Some("Ann.Lee+x@example.com"), ""), "ann.leex");
        assert_eq!(username(Some("007 bond"), None, "-1234"), "bond-1234");
        for nothing in [None, Some(""), Some("李"), Some("al"), Some("42")] {
            assert_eq!(username(nothing, None, ""), "user", "{nothing:?}");
        }
        assert_eq!(username(Some(&"x".repeat(99)), None, "-1234").len(), 32);
    }
}
