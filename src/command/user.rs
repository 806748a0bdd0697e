//! `veza user`: the roles of an account.

use clap::Subcommand;

use crate::{config::Config, domain::Error};

/// What can be done to an account.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Give somebody a role; running servers know within a second
    Grant(Assignment),
    /// Take a role away from somebody; running servers know within a second
    Revoke(Assignment),
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
    };
    let core = super::use_cases(config).await?;
    let assigned = core.roles.assign(&super::operator(), &name, &role, held).await;
    core.world.store.close().await;
    let assigned = assigned.map_err(|error| match error {
        Error::NotFound { resource: "user" } => {
            format!("nobody has the username or e-mail address {name}")
        }
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
