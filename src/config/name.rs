//! The names of settings: which there are, and which count as set.

use clap::builder::Resettable;

use super::secret::is_empty;

/// Settings without a flag.
const FLAGLESS: [&str; 9] = [
    "DATABASE_LISTEN_URL",
    "DATABASE_URL",
    "JWT_SECRET",
    "NATS_URL",
    "OAUTH_GITHUB_CLIENT_SECRET",
    "OAUTH_GOOGLE_CLIENT_SECRET",
    "OAUTH_OIDC_CLIENT_SECRET",
    "REDIS_URL",
    "SMTP_URL",
];

/// Treats a setting that is set to nothing as one that is not set: templates leave such variables behind.
#[must_use]
pub fn forget_empty(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| match arg.get_env().map(is_empty) {
        Some(true) => arg.env(Resettable::Reset),
        _ => arg,
    })
}

/// The names that are no setting.
#[must_use]
pub fn unknown_settings(command: &clap::Command, mut names: Vec<String>) -> Vec<String> {
    let flags: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_env).collect();
    names.retain(|name| !FLAGLESS.contains(&&**name) && flags.iter().all(|flag| *flag != &**name));
    names
}
