//! `veza admin`: the accounts that may do everything.

use std::io::{self, IsTerminal, Read};

use clap::Subcommand;

use super::{explain, operator, print, use_cases};
use crate::{
    config::Config,
    domain::text::{Email, Password, Text, Username},
    service::auth::Registration,
};

/// What can be done about administrators.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make an administrator; the password is asked for, or read from standard input
    Create {
        /// The name to sign in with
        #[arg(long)]
        username: String,
        /// The e-mail address to sign in with
        #[arg(long)]
        email: String,
        /// Read the password from standard input even at a terminal
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Does it.
pub async fn run(config: &Config, command: Admin) -> Result<(), String> {
    let Admin::Create { username, email, password_stdin } = command;
    let username = Username::parse("username", username).map_err(explain)?;
    let email = Email::parse("email", email).map_err(explain)?;
    let password = read_password(password_stdin).map_err(|error| error.to_string())?;
    let length_min = config.password_length_min.into();
    let names = [username.folded(), email.folded_local_part()];
    let password = Password::choose("password", password, length_min, &names).map_err(explain)?;

    let core = use_cases(config).await?;
    let registration = Registration { email, username, password, display_name: Text::default() };
    let user = core.auth.create_administrator(&operator(), registration).await.map_err(explain)?;
    core.world.store.close().await;
    print(&format!("made the administrator {} with the id {}\n", &*user.username, user.id))
}

fn read_password(from_stdin: bool) -> io::Result<String> {
    if from_stdin || !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().take(4096).read_to_string(&mut text)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? == password {
        return Ok(password);
    }
    Err(io::Error::other("the two passwords differ"))
}
