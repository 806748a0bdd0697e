//! The words of mails: what happened, and what to do when it was somebody else.

use secrecy::{ExposeSecret, SecretString};
use time::macros::format_description;

use super::{
    Circumstances, Links,
    page::{Block, Page},
};
use crate::domain::{Timestamp, device::plain, mail::Mail};

/// The page that says what a mail is about.
pub fn of(mail: &Mail, circumstances: &Circumstances, links: &Links) -> Page {
    let notice = |subject, what: &str| notice(subject, what, circumstances, links);
    match mail {
        Mail::VerifyEmail { token, expire_time } => verify_email(token, *expire_time, links),
        Mail::ResetPassword { token, expire_time } => {
            reset_password(token, *expire_time, circumstances, links)
        }
        Mail::AccountExists => account_exists(circumstances, links),
        Mail::NewDevice { .. } => notice(
            "New sign-in",
            "Somebody has signed in to your account on a device that was not used for it before.",
        ),
        Mail::RefreshTokenReused { device } => {
            let what = format!(
                "Credentials of your account that had been replaced were used once more. Somebody may have a copy of \
                 them, so we have signed out the device that they belong to: {}. You can sign in there again.",
                device.describe()
            );
            notice("A device was signed out", &what)
        }
        Mail::PasswordChanged => {
            notice("Your password was changed", "The password of your account was changed.")
        }
        Mail::EmailChanged => notice(
            "Your e-mail address was changed",
            "Your account now has another e-mail address, and this one no longer belongs to it.",
        ),
        Mail::SecondFactorEnabled => notice(
            "Two-factor authentication was turned on",
            "Signing in to your account now takes a code as well as your password.",
        ),
        Mail::SecondFactorDisabled => notice(
            "Two-factor authentication was turned off",
            "Signing in to your account now takes your password only.",
        ),
        Mail::RecoveryCodesRegenerated => notice(
            "New recovery codes",
            "Your account has new recovery codes, and those that you had before are void.",
        ),
        Mail::ProviderLinked { provider } => notice(
            "A way to sign in was added",
            &format!("An account at {provider} can now be used to sign in to yours."),
        ),
        Mail::ProviderUnlinked { provider } => notice(
            "A way to sign in was removed",
            &format!("Your account at {provider} can no longer be used to sign in to this one."),
        ),
        Mail::ApiKeyCreated { name } => notice(
            "New API key",
            &format!("An API key was made for your account: {}.", plain(name)),
        ),
        Mail::Test => Page {
            subject: "A test",
            blocks: vec![Block::Text(
                "This mail shows that the server can send mails. There is nothing to do.".into(),
            )],
        },
    }
}

fn verify_email(token: &SecretString, expire_time: Timestamp, links: &Links) -> Page {
    Page {
        subject: "Confirm your e-mail address",
        blocks: vec![
            Block::Text("Please confirm that this address is yours.".into()),
            Block::Link("Confirm the address", link(links, &links.email_verification, token)),
            valid_until(expire_time),
            Block::Text(
                "If you have not asked for this, leave it: nothing is confirmed without you."
                    .into(),
            ),
        ],
    }
}

fn reset_password(
    token: &SecretString,
    expire_time: Timestamp,
    circumstances: &Circumstances,
    links: &Links,
) -> Page {
    Page {
        subject: "Choose a new password",
        blocks: vec![
            Block::Text("Somebody, hopefully you, has asked for a new password.".into()),
            Block::Link("Choose a new password", link(links, &links.password_reset, token)),
            valid_until(expire_time),
            facts(circumstances),
            Block::Text(
                "If it was not you, leave it: your password stays as it is, and nobody else has \
                 this link."
                    .into(),
            ),
        ],
    }
}

fn account_exists(circumstances: &Circumstances, links: &Links) -> Page {
    Page {
        subject: "You have an account already",
        blocks: vec![
            Block::Text(
                "Somebody, hopefully you, wanted to sign up with this address. It has an account already, which stays \
                 as it is."
                    .into(),
            ),
            facts(circumstances),
            Block::Text(format!(
                "If it was you, go to {} and sign in, or choose a new password there. If it was not, leave it: nobody \
                 but you was told that there is an account.",
                links.public_url
            )),
        ],
    }
}

/// Something that happened to an account.
fn notice(subject: &'static str, what: &str, circumstances: &Circumstances, links: &Links) -> Page {
    Page {
        subject,
        blocks: vec![
            Block::Text(what.to_owned()),
            facts(circumstances),
            Block::Text(format!(
                "If that was you, there is nothing to do. If it was not, go to {} at once, choose a new password, and \
                 sign out the devices that you do not know.",
                links.public_url
            )),
        ],
    }
}

fn facts(circumstances: &Circumstances) -> Block {
    let mut facts =
        vec![("When", show(circumstances.time)), ("With", circumstances.device.clone())];
    if let Some(ip) = circumstances.ip {
        facts.push(("From", ip.to_string()));
    }
    Block::Facts(facts)
}

fn valid_until(expire_time: Timestamp) -> Block {
    Block::Text(format!("The link can be used once, until {}.", show(expire_time)))
}

/// A link with a token in its fragment.
fn link(links: &Links, path: &str, token: &SecretString) -> String {
    format!("{}{path}#token={}", links.public_url, token.expose_secret())
}

fn show(time: Timestamp) -> String {
    let format =
        format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    time.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::device::Device;

    const NOW: Timestamp = datetime!(2026-11-03 09:05:07 UTC);

    fn every_mail() -> Vec<Mail> {
        let (token, expire_time) = (SecretString::from("t0ken"), datetime!(2026-11-03 09:20 UTC));
        vec![
            Mail::VerifyEmail { token: token.clone(), expire_time },
            Mail::ResetPassword { token, expire_time },
            Mail::AccountExists,
            Mail::NewDevice { client_name: String::new() },
            Mail::RefreshTokenReused { device: Device::default() },
            Mail::PasswordChanged,
            Mail::EmailChanged,
            Mail::SecondFactorEnabled,
            Mail::SecondFactorDisabled,
            Mail::RecoveryCodesRegenerated,
            Mail::ProviderLinked { provider: "GitHub".to_owned() },
            Mail::ProviderUnlinked { provider: "GitHub".to_owned() },
            Mail::ApiKeyCreated { name: "deploy".into() },
            Mail::Test,
        ]
    }

    fn letter(mail: &Mail) -> crate::domain::mail::Letter {
        let links = Links {
            public_url: "https://app.example.com".into(),
            email_verification: "/verify".into(),
            password_reset: "/reset".into(),
        };
        let circumstances =
            Circumstances { time: NOW, ip: None, device: "Firefox on Linux".into() };
        of(mail, &circumstances, &links).letter("Ann", "Veza", &links)
    }

    #[test]
    fn authn_13_every_link_leads_to_the_public_url() {
        for mail in every_mail() {
            let letter = letter(&mail);
            for text in [&letter.text, &letter.html] {
                let links = text.split("https://").skip(1);
                assert!(links.clone().count() > 0, "{}: {text}", mail.kind());
                assert!(links.clone().all(|rest| rest.starts_with("app.example.com")), "{text}");
                assert!(!text.contains("http://"), "{text}");
            }
        }
    }

    #[test]
    fn tok_07_a_token_is_in_the_fragment_of_its_link_which_no_server_sees() {
        let [verify, reset, ..] = &every_mail()[..] else { panic!("no mails") };
        assert!(letter(verify).text.contains("\nhttps://app.example.com/verify#token=t0ken\n"));
        assert!(letter(reset).html.contains("href=\"https://app.example.com/reset#token=t0ken\""));
    }

    #[test]
    fn every_mail_says_why_it_came_and_a_notice_what_to_do() {
        for mail in every_mail() {
            let letter = letter(&mail);
            assert!(letter.text.starts_with("Hello Ann,\n\n"), "{}", letter.text);
            assert!(letter.text.contains("You get this mail because"), "{}", letter.text);
            assert!(letter.html.contains("You get this mail because"), "{}", letter.html);
            if mail.expire_time(NOW) > NOW + std::time::Duration::from_hours(1)
                && !matches!(mail, Mail::Test | Mail::AccountExists)
            {
                assert!(letter.text.contains("If it was not, go to"), "{}", letter.text);
                assert!(letter.text.contains("    When: 3 November 2026, 09:05 UTC\n"));
            }
        }
    }
}
