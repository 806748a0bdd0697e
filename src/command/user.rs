//! `veza user`: the roles of an account, its failed sign-ins, and its second factor.

use clap::Subcommand;

use crate::{config::Config, domain::Error};

/// What can be done to an account.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Give somebody a role; running servers know within a second
    Grant(Assignment),
    /// Take a role away from somebody; running servers know within a second
    Revoke(Assignment),
    /// Turn off the second factor of somebody who has lost their app and their recovery codes, after making sure that it is
    /// they who ask; they are told by mail
    DisableMfa {
        /// The username or e-mail address
        name: String,
    },
    /// Forget the failed sign-ins of somebody, so that new devices of theirs are let try again
    Unlock {
        /// The username or e-mail address
        name: String,
    },
}

/// Who, and which role.
#[derive(Debug, clap::Args)]
pub struct Assignment {
    /// The username or e-mail address
    name: String,
    /// The role: admin, moderator, user, auditor or service
    role: String,
}

/// Does it; what there is to say.
pub async fn change(config: &Config, user: User) -> Result<String, String> {
    let (Assignment { name, role }, held) = match user {
        User::Grant(assignment) => (assignment, true),
        User::Revoke(assignment) => (assignment, false),
        User::Unlock { name } => return unlock(config, &name).await,
        User::DisableMfa { name } => return disable_mfa(config, &name).await,
    };
    let core = super::use_cases(config).await?;
    let assigned = core.roles.assign(&super::operator(), &name, &role, held).await;
    core.world.store.close().await;
    let assigned = assigned.map_err(|error| match error {
        Error::NotFound { resource: "user" } => nobody(&name),
        Error::NotFound { .. } => format!(
            "there is no role {role}; the built-in ones are admin, moderator, user, auditor and service"
        ),
        error => super::explain(error),
    })?;
    let username = &*assigned.user.username;
    Ok(match (held, assigned.changed) {
        (true, true) => format!("{username} now has the role {role}"),
        (true, false) => format!("{username} has the role {role} already"),
        (false, true) => format!("{username} no longer has the role {role}"),
        (false, false) => format!("{username} does not have the role {role}"),
    })
}

async fn unlock(config: &Config, name: &str) -> Result<String, String> {
    let core = super::use_cases(config).await?;
    let unlocked = core.guard.unlock(&super::operator(), name).await;
    core.world.store.close().await;
    match unlocked {
        Ok(user) => Ok(format!("the failed sign-ins of {} are forgotten", &*user.username)),
        Err(Error::NotFound { .. }) => Err(nobody(name)),
        Err(error) => Err(super::explain(error)),
    }
}

async fn disable_mfa(config: &Config, name: &str) -> Result<String, String> {
    let core = super::use_cases(config).await?;
    let disabled = core.auth.disable_mfa_of(&super::operator(), name).await;
    core.world.store.close().await;
    let disabled = disabled.map_err(|error| match error {
        Error::NotFound { .. } => nobody(name),
        error => super::explain(error),
    })?;
    let username = &*disabled.user.username;
    Ok(match (disabled.was_enabled, disabled.has_short_password) {
        (false, _) => format!("{username} has no second factor"),
        (true, false) => format!("{username} signs in with the password alone from now on"),
        (true, true) => format!(
            "{username} signs in with the password alone from now on; it is shorter than PASSWORD_LENGTH_MIN says, so have them change it"
        ),
    })
}

pub(super) fn nobody(name: &str) -> String {
    format!("nobody has the username or e-mail address {name}")
}
