//! Secrets: read from the environment, from `.env` or from files, never from the command line.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::{Config, Error};

/// The fewest bytes of `JWT_SECRET`: 256 bits (NIST SP 800-107 asks for at least 112).
pub(super) const SECRET_BYTES_MIN: usize = 32;

/// The secrets, and the settings that may hold one.
#[derive(Clone)]
pub struct Secrets {
    /// `DATABASE_URL`.
    pub database_url: SecretString,
    /// `DATABASE_LISTEN_URL`: the same database without a pooler in between.
    pub database_listen_url: Option<SecretString>,
    /// `JWT_SECRET`, from which every key is derived.
    pub jwt_secret: SecretString,
    /// `REDIS_URL`; without it budgets are counted in memory.
    pub redis_url: Option<SecretString>,
    /// `NATS_URL`; without it events stay within the process.
    pub nats_url: Option<SecretString>,
    /// `SMTP_URL`; without it mails go to the log.
    pub smtp_url: Option<SecretString>,
}

impl Secrets {
    /// What a command needs that only talks to the database.
    #[must_use]
    pub fn of_database() -> Self {
        Self {
            database_url: database_url(),
            database_listen_url: database_listen_url(),
            jwt_secret: SecretString::default(),
            redis_url: None,
            nats_url: None,
            smtp_url: None,
        }
    }
}

/// Reads `.env` from this folder or one above it, and returns the names that stand in it. What the environment has
/// already wins.
///
/// # Errors
/// A sentence when the file is there but cannot be read.
pub fn load_dotenv() -> Result<Vec<String>, String> {
    let names = dotenvy::dotenv_iter()
        .and_then(|lines| lines.map(|line| line.map(|(name, _)| name)).collect::<Result<_, _>>());
    match names.and_then(|names| dotenvy::dotenv().map(|_| names)) {
        Ok(names) => Ok(names),
        Err(error) if error.not_found() => Ok(Vec::new()),
        // The error would quote the line, which may hold a secret.
        Err(dotenvy::Error::LineParse(_, at)) => Err(format!(
            ".env has a line that cannot be read, at its column {at}: write NAME=value"
        )),
        Err(error) => Err(format!(".env: {error}")),
    }
}

/// `DATABASE_URL`, or the embedded database.
#[must_use]
pub fn database_url() -> SecretString {
    environment("DATABASE_URL").unwrap_or_else(|| "sqlite:veza.db".to_owned()).into()
}

/// `DATABASE_LISTEN_URL`, where it is set.
#[must_use]
pub fn database_listen_url() -> Option<SecretString> {
    environment("DATABASE_LISTEN_URL").map(Into::into)
}

/// `REDIS_URL`, where it is set.
#[must_use]
pub fn redis_url() -> Option<SecretString> {
    environment("REDIS_URL").map(Into::into)
}

/// `NATS_URL`, where it is set.
#[must_use]
pub fn nats_url() -> Option<SecretString> {
    environment("NATS_URL").map(Into::into)
}

/// `SMTP_URL`, where it is set.
#[must_use]
pub fn smtp_url() -> Option<SecretString> {
    environment("SMTP_URL").map(Into::into)
}

impl Config {
    /// Finds the secrets: in the environment, in files, or, for an embedded database, in a file beside it that is made at
    /// the first start and readable by its owner only.
    ///
    /// # Errors
    /// [`Error`], each with what to do.
    pub fn secrets(&self) -> Result<Secrets, Error> {
        let database_url = database_url();
        let jwt_secret = match (self.given_secret()?, embedded_path(database_url.expose_secret())) {
            (Some(secret), _) => secret,
            (None, Some(database)) => embedded_secret(&database)?,
            (None, None) => return Err(Error::SecretMissing),
        };
        Ok(Secrets {
            database_url,
            database_listen_url: database_listen_url(),
            jwt_secret: jwt_secret.into(),
            redis_url: redis_url(),
            nats_url: nats_url(),
            smtp_url: smtp_url(),
        })
    }

    /// Whether [`Self::secrets`] would find them; makes none.
    ///
    /// # Errors
    /// [`Error`], each with what to do.
    pub fn check_secrets(&self) -> Result<(), Error> {
        let embedded = || embedded_path(database_url().expose_secret());
        match self.given_secret()?.is_none().then(embedded) {
            None => Ok(()),
            Some(None) => Err(Error::SecretMissing),
            Some(Some(database)) => {
                let path = beside(&database);
                if path.exists() { read_secret("DATABASE_URL", &path).map(drop) } else { Ok(()) }
            }
        }
    }

    /// The secret of the environment or of the file that is set.
    fn given_secret(&self) -> Result<Option<String>, Error> {
        match (environment("JWT_SECRET"), &self.jwt_secret_file.0) {
            (Some(secret), _) => long_enough("JWT_SECRET".into(), secret).map(Some),
            (None, Some(path)) => read_secret("JWT_SECRET_FILE", path).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(super) fn environment(name: &str) -> Option<String> {
    // What is not text must not count as absent: another secret would be made in its place.
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(|value| value.into_string().unwrap_or_else(|value| value.to_string_lossy().into()))
}

/// Whether a variable is set to nothing.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(super) fn is_empty(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// The file of an embedded database.
pub(super) fn embedded_path(database_url: &str) -> Option<PathBuf> {
    let path = database_url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    Some(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

/// The secret in a file, which follows from a setting.
fn read_secret(setting: &'static str, path: &Path) -> Result<String, Error> {
    let from = format!("{setting}: the file {}", path.display());
    long_enough(from, read_text(setting, path)?)
}

/// What stands in a file, which follows from a setting, without the end of its line.
pub(super) fn read_text(setting: &'static str, path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        setting,
        path: path.to_owned(),
        used: "read",
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn long_enough(from: String, secret: String) -> Result<String, Error> {
    match secret.len() {
        SECRET_BYTES_MIN.. => Ok(secret),
        bytes => Err(Error::SecretShort { from, bytes }),
    }
}

/// Where the secret of an embedded database is kept.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".secret");
    PathBuf::from(name)
}

/// The secret beside an embedded database, made if it is not there.
fn embedded_secret(database: &Path) -> Result<String, Error> {
    let path = beside(database);
    let failed =
        |source| Error::File { setting: "DATABASE_URL", path: path.clone(), used: "made", source };
    let mut bytes = [0_u8; 48];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| failed(std::io::Error::other("no randomness")))?;
    let secret = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    match create_private(&path, &secret) {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read_secret("DATABASE_URL", &path)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes a new file that only its owner can read.
fn create_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A database URL that can be shown.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password may hold whatever somebody forgot to encode: all before the last @ is the login.
    let (login, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => {
            let (user, password) = login.split_once([':', '?']).unwrap_or((login, ""));
            let password = if password.is_empty() { "" } else { ":<hidden>" };
            (format!("{user}{password}@"), rest)
        }
        None => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let query = match query {
        "" => String::new(),
        query if query.contains("password") => "?<hidden>".to_owned(),
        query => format!("?{query}"),
    };
    format!("{scheme}://{login}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_shown_without_its_password() {
        let shown = without_password("postgres://ann:s3cr@et@db.example:5432/veza?password=x");
        assert_eq!(shown, "postgres://ann:<hidden>@db.example:5432/veza?<hidden>");
        for (url, shown) in [
            ("redis://:s3cret@cache.example/1", "redis://:<hidden>@cache.example/1"),
            ("rediss://ann:s3?cr/et@cache.example", "rediss://ann:<hidden>@cache.example"),
            (
                "postgres://db.example/veza?password=s3@cret",
                "postgres://db.example/veza:<hidden>@cret",
            ),
        ] {
            assert_eq!(without_password(url), shown);
        }
        for open in ["sqlite:veza.db", "postgres://ann@db.example/veza?sslmode=require"] {
            assert_eq!(without_password(open), open);
        }
    }

    #[test]
    fn the_embedded_secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("veza.db");
        let first = embedded_secret(&database).unwrap();
        assert_eq!(embedded_secret(&database).unwrap(), first);
        assert!(first.len() >= SECRET_BYTES_MIN);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = folder.path().join("veza.db.secret");
            let mode = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
