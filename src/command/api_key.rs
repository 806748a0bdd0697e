//! `veza api-key`: the keys with which programs act for an account.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{explain, operator, print, show_time, use_cases, user::nobody};
use crate::{
    app::Core,
    config::{self, Config},
    domain::{
        Error,
        api_key::{ApiKey, Draft},
        id::Id,
        network::Network,
        permission::Permission,
        text::Text,
    },
    service::api_key::secret,
};

/// What can be done about API keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeys {
    /// Make a key that acts for an account, and print its secret, which nobody can see again
    #[command(after_help = "\
The secret alone goes to standard output, so that it can be kept without being seen:
  veza api-key create nightly --user ann --permission rooms.read > key && chmod 600 key
A program sends it as `authorization: Bearer vz_...`. Its owner is told of it by mail.")]
    Create {
        /// What it is called in lists and in the mail to its owner
        name: String,
        /// Whom it acts for, by username or e-mail address
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What it may be used for, as rooms.read; its owner must have it, and so it is at each use. Give it several times
        /// for several
        #[arg(long, required = true, value_name = "PERMISSION")]
        permission: Vec<String>,
        /// Where it may be used from, as 203.0.113.0/24; everywhere when not given. Give it several times for several
        #[arg(long, value_name = "NETWORK")]
        network: Vec<String>,
        /// After what time it expires, as 90d; never when not given
        #[arg(long, value_name = "DURATION", value_parser = config::duration)]
        expires_in: Option<Duration>,
    },
    /// Show the keys of an account, what they may be used for, and when they last were
    List {
        /// Whose, by username or e-mail address
        user: String,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Delete a key; running servers refuse it at once
    Delete {
        /// The id of the key, as the list shows it
        id: String,
    },
}

/// Does it.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(config: &Config, command: ApiKeys) -> Result<(), String> {
    let core = use_cases(config).await?;
    let done = match command {
        ApiKeys::Create { name, user, permission, network, expires_in } => {
            let draft = draft(&core, name, &permission, &network, expires_in);
            match draft {
                Ok(draft) => create(&core, &user, draft).await,
                Err(error) => Err(explain(error)),
            }
        }
        ApiKeys::List { user, json } => list(&core, &user, json).await,
        ApiKeys::Delete { id } => delete(&core, &id).await,
    };
    core.world.store.close().await;
    print(&done?)
}

fn draft(
    core: &Core,
    name: String,
    permissions: &[String],
    networks: &[String],
    expires_in: Option<Duration>,
) -> Result<Draft, Error> {
    let permission = |name: &String| {
        Permission::from_name(name).ok_or_else(|| {
            let known = Permission::ALL.map(Permission::name).join(", ");
            Error::invalid_field("--permission", format!("`{name}` is none; there are {known}"))
        })
    };
    let network = |network: &String| Network::parse("--network", network);
    Ok(Draft {
        display_name: Text::parse("name", name)?,
        permissions: permissions.iter().map(permission).collect::<Result<_, _>>()?,
        allowed_networks: networks.iter().map(network).collect::<Result<_, _>>()?,
        expire_time: expires_in.map(|expires_in| core.world.clock.now() + expires_in),
    })
}

/// Makes a key; its secret, while everything else that there is to say goes to standard error.
async fn create(core: &Core, user: &str, draft: Draft) -> Result<String, String> {
    let created = core.api_keys.create_for(&operator(), user, draft).await;
    let created = created.map_err(|error| match error {
        Error::NotFound { .. } => nobody(user),
        Error::PermissionDenied { permission } => format!(
            "{user} does not have the permission {permission}; `veza user grant` gives a role that has it"
        ),
        error => explain(error),
    })?;
    let said = format!("made the API key {}; its secret is shown this once:\n", created.key.id);
    io::stderr().write_all(said.as_bytes()).map_err(|error| error.to_string())?;
    Ok(format!("{}\n", created.secret.expose_secret()))
}

async fn list(core: &Core, user: &str, json: bool) -> Result<String, String> {
    let keys = core.api_keys.list_for(user).await.map_err(|error| match error {
        Error::NotFound { .. } => nobody(user),
        error => explain(error),
    })?;
    if json {
        let keys: Vec<_> = keys.iter().map(as_json).collect();
        return Ok(format!("{:#}\n", Value::from(keys)));
    }
    if keys.is_empty() {
        return Ok(format!("{user} has no API keys\n"));
    }
    Ok(keys.iter().map(line).collect())
}

async fn delete(core: &Core, id: &str) -> Result<String, String> {
    let id = Id::parse("id", id).map_err(explain)?;
    match core.api_keys.delete_any(&operator(), id).await {
        Ok(key) => Ok(format!("deleted the API key {} ({})\n", key.id, &*key.display_name)),
        Err(Error::NotFound { .. }) => Err(format!("there is no API key {id}")),
        Err(error) => Err(explain(error)),
    }
}

fn line(key: &ApiKey) -> String {
    let permissions: Vec<_> = key.permissions.iter().map(Permission::name).collect();
    let used = key
        .last_used_time
        .map_or("never used".to_owned(), |time| format!("last used {}", show_time(time)));
    let expires = key
        .expire_time
        .map_or("does not expire".to_owned(), |time| format!("expires {}", show_time(time)));
    let networks: Vec<_> = key.allowed_networks.iter().map(ToString::to_string).collect();
    let from = if networks.is_empty() {
        String::new()
    } else {
        format!(", from {} only", networks.join(" "))
    };
    format!(
        "{}  {}  {}: {}{from}; {used}, {expires}\n",
        key.id,
        secret::prefix(key.id),
        &*key.display_name,
        permissions.join(" "),
    )
}

fn as_json(key: &ApiKey) -> Value {
    let permissions: Vec<_> = key.permissions.iter().map(Permission::name).collect();
    let networks: Vec<_> = key.allowed_networks.iter().map(ToString::to_string).collect();
    json!({
        "id": key.id.to_string(),
        "prefix": secret::prefix(key.id),
        "displayName": &*key.display_name,
        "permissions": permissions,
        "allowedNetworks": networks,
        "createTime": show_time(key.create_time),
        "expireTime": key.expire_time.map(show_time),
        "lastUsedTime": key.last_used_time.map(show_time),
    })
}
