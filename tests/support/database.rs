//! The databases that the server promises to work with.

use super::app::App;

/// A server on each database, for what has to be the same on all of them.
pub async fn on_every_database() -> Vec<App> {
    vec![App::start()]
}
