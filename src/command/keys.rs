//! `veza keys`: the keys that access tokens are signed with.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{explain, operator, print, show_time, use_cases};
use crate::{
    config::Config,
    domain::{Result as Outcome, Timestamp, key::SigningKey},
    service::keyring::{Keyring, NEVER, Pace, Rotation},
};

/// What can be done about keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show the keys whose tokens are taken, and which one signs
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Replace the key that signs; running servers go by it without a restart, and no good token is refused
    Rotate {
        /// For a key in strange hands: take the others out of use at once. Tokens signed with them are refused; sessions go
        /// on, because clients refresh their tokens
        #[arg(long)]
        now: bool,
    },
}

/// Does it.
pub async fn run(config: &Config, command: Keys) -> Result<(), String> {
    let core = use_cases(config).await?;
    let now = core.world.clock.now();
    let said = match command {
        Keys::List { json } => list(&core.keyring, now, json).await,
        Keys::Rotate { now: false } => {
            let rotated = core.keyring.rotate(&operator(), Pace::InTurn).await;
            rotated.map(|rotation| in_turn(&rotation))
        }
        Keys::Rotate { now: true } => {
            let rotated = core.keyring.rotate(&operator(), Pace::Now).await;
            rotated.map(|rotation| at_once(&rotation))
        }
    };
    core.world.store.close().await;
    print(&said.map_err(explain)?)
}

async fn list(keyring: &Keyring, now: Timestamp, json: bool) -> Outcome<String> {
    let keys = keyring.list().await?;
    let signing = Keyring::signing(&keys, now);
    let mut said = String::new();
    let mut objects = Vec::new();
    for key in &keys {
        let state = match Some(key.id) == signing {
            true => "signs",
            false if now < key.activate_time => "waits",
            false => "verifies",
        };
        if json {
            objects.push(as_json(key, state));
        } else {
            said += &line(key, state);
        }
    }
    if json {
        said = format!("{:#}\n", Value::from(objects));
    } else if keys.is_empty() {
        "there is no key yet; a server makes one when it starts\n".clone_into(&mut said);
    }
    Ok(said)
}

fn line(key: &SigningKey, state: &str) -> String {
    let until = if key.retire_time < NEVER {
        format!(", verifies until {}", show_time(key.retire_time))
    } else {
        String::new()
    };
    let (id, from) = (key.id, show_time(key.activate_time));
    format!("{id}  {state:<8}  signs from {from}{until}\n")
}

fn as_json(key: &SigningKey, state: &str) -> Value {
    let retire_time = (key.retire_time < NEVER).then(|| show_time(key.retire_time));
    json!({
        "kid": key.id.to_string(),
        "state": state,
        "createTime": show_time(key.create_time),
        "activateTime": show_time(key.activate_time),
        "retireTime": retire_time,
    })
}

fn in_turn(rotation: &Rotation) -> String {
    let (id, from) = (rotation.key.id, show_time(rotation.key.activate_time));
    match rotation {
        Rotation { made: false, .. } => {
            format!("nothing to do: the key {id} is published already and signs from {from}\n")
        }
        Rotation { replaced: 0, .. } => format!("made the first key, {id}; it signs from now on\n"),
        _ => format!(
            "made the key {id}; it is published now and signs from {from}. The one before verifies until the last token \
             that it has signed has expired\n"
        ),
    }
}

fn at_once(rotation: &Rotation) -> String {
    let (id, replaced) = (rotation.key.id, rotation.replaced);
    format!(
        "made the key {id}; it signs from now on. Keys taken out of use: {replaced}. Tokens that were signed with them are \
         refused, and clients refresh them. Services that verify by themselves take such tokens until they load the keys \
         again, which is within five minutes\n"
    )
}
