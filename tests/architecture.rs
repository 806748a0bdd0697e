//! The architecture as a test: who may name whom, and what every file must look like. ARCHITECTURE.md says why.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "architecture/source.rs"]
mod source;

use source::{Source, dependencies, sources};

/// A layer: a folder or file below src/, the layers that it may name, and for the layers that must know of no driver
/// the only crates.
struct Layer {
    name: &'static str,
    layers: &'static [&'static str],
    crates: Option<&'static [&'static str]>,
}

/// Who may name whom, from the inside to the outside. What a row does not list, its layer may not name.
const LAYERS: [Layer; 15] = [
    Layer {
        name: "domain",
        layers: &[],
        crates: Some(&["ipnet", "secrecy", "serde", "thiserror", "time", "uuid"]),
    },
    Layer {
        name: "port",
        layers: &["domain"],
        crates: Some(&["async_trait", "bytes", "futures", "secrecy", "serde", "time", "uuid"]),
    },
    Layer {
        name: "service",
        layers: &["domain", "port"],
        crates: Some(&[
            "async_trait",
            "base64",
            "crc",
            "futures",
            "secrecy",
            "serde",
            "serde_json",
            "time",
            "tokio_util",
            "uuid",
        ]),
    },
    Layer { name: "config", layers: &[], crates: None },
    Layer { name: "contract", layers: &[], crates: None },
    Layer { name: "telemetry", layers: &["config", "domain"], crates: None },
    Layer { name: "adapter", layers: &["domain", "port"], crates: None },
    Layer { name: "rpc", layers: &["contract", "domain", "service"], crates: None },
    Layer { name: "policy", layers: &["domain", "port", "telemetry"], crates: None },
    Layer {
        name: "edge",
        layers: &["config", "contract", "domain", "policy", "port", "service", "telemetry"],
        crates: None,
    },
    Layer { name: "worker", layers: &["domain", "port", "service", "telemetry"], crates: None },
    Layer { name: "app", layers: ALL_BUT_COMMAND, crates: None },
    Layer { name: "command", layers: ALL_BUT_COMMAND, crates: None },
    Layer { name: "lib", layers: &[], crates: None },
    Layer { name: "main", layers: &[], crates: None },
];

/// The composition root and the command line put everything together; nobody names them.
const ALL_BUT_COMMAND: &[&str] = &[
    "adapter",
    "app",
    "config",
    "contract",
    "domain",
    "edge",
    "policy",
    "port",
    "rpc",
    "service",
    "telemetry",
    "worker",
];

/// Crates with one home: what else could be done with them would be done there, too.
const HOMES: [(&str, &[&str]); 25] = [
    ("argon2", &["adapter"]),
    ("async_nats", &["adapter"]),
    ("aws_lc_rs", &["adapter", "config"]),
    ("axum", &["edge"]),
    ("bb8_redis", &["adapter"]),
    ("cardinality_estimator", &["adapter"]),
    ("clap", &["command", "config", "main"]),
    ("cookie", &["rpc"]),
    ("dashmap", &["adapter"]),
    ("data_encoding", &["adapter"]),
    ("governor", &["adapter"]),
    ("hyper", &["edge"]),
    ("hyper_rustls", &["adapter"]),
    ("hyper_util", &["adapter", "edge"]),
    ("jsonwebtoken", &["adapter"]),
    ("lettre", &["adapter"]),
    ("moka", &["adapter"]),
    ("oauth2", &["adapter"]),
    ("prost", &["rpc"]),
    ("qrcode", &["adapter"]),
    ("redis", &["adapter"]),
    ("sqlx", &["adapter"]),
    ("tokio_rustls", &["edge"]),
    ("tonic", &["app", "edge", "policy", "rpc"]),
    ("tower_http", &["edge"]),
];

/// The longest file, in lines, that need not explain itself.
const LINES_MAX: usize = 400;

/// How a longer one begins to.
const EXPLANATION: &str = "//! Long because";

#[test]
fn every_folder_and_file_below_src_is_a_layer_of_the_table() {
    let unknown: Vec<_> = sources("src")
        .into_iter()
        .filter(|source| !LAYERS.iter().any(|layer| layer.name == source.layer()))
        .map(|source| source.path)
        .collect();
    assert_eq!(unknown, [""; 0], "not in the table of tests/architecture.rs and ARCHITECTURE.md");
}

#[test]
fn the_document_shows_the_same_table() {
    let document = include_str!("../ARCHITECTURE.md");
    for layer in LAYERS.iter().filter(|layer| !["lib", "main"].contains(&layer.name)) {
        let mut rows = document.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let names = cells.next()?;
            names.split(", ").any(|name| name == layer.name).then_some(cells.next()?)
        });
        let shown = match rows.next() {
            Some("–") => Vec::new(),
            Some("everything") => ALL_BUT_COMMAND.to_vec(),
            Some(names) => names.split(", ").collect(),
            None => panic!("ARCHITECTURE.md has no row of `{}`", layer.name),
        };
        assert_eq!(shown, layer.layers, "the row of `{}` in ARCHITECTURE.md", layer.name);
    }
}

#[test]
fn a_layer_names_only_the_layers_that_it_may() {
    refuse(|source, layer| {
        let may = |name: &String| name == layer.name || layer.layers.contains(&name.as_str());
        let named = source.layers_named().into_iter().filter(|name| !may(name));
        named.map(|name| format!("{} names the layer `{name}`", source.path)).collect()
    });
}

#[test]
fn no_path_climbs_out_of_its_layer() {
    refuse(|source, _| {
        let climbs = source.climbs_out().into_iter();
        climbs.map(|line| format!("{} leaves its layer by `{line}`", source.path)).collect()
    });
}

#[test]
fn the_inner_layers_name_no_crate_that_is_a_driver() {
    let dependencies = dependencies();
    refuse(|source, layer| {
        let Some(crates) = layer.crates else { return Vec::new() };
        let named = source.crates_named(&dependencies).into_iter();
        let named = named.filter(|name| !crates.contains(&name.as_str()));
        named.map(|name| format!("{} names the crate `{name}`", source.path)).collect()
    });
}

#[test]
fn a_driver_is_named_only_where_it_lives() {
    let drivers: Vec<String> = HOMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    refuse(|source, layer| {
        let lives_here = |name: &str| {
            HOMES.iter().any(|(driver, homes)| *driver == name && homes.contains(&layer.name))
        };
        let named = source.crates_named(&drivers).into_iter().filter(|name| !lives_here(name));
        named.map(|name| format!("{} names the crate `{name}`", source.path)).collect()
    });
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    let silent: Vec<_> = every_source()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert_eq!(silent, [""; 0], "these have no `//!` sentence on their first line");
}

#[test]
fn a_long_file_says_why_it_is_long() {
    let silent: Vec<_> = every_source()
        .filter(|source| source.text.lines().count() > LINES_MAX)
        .filter(|source| !source.first_comment().any(|line| line.starts_with(EXPLANATION)))
        .map(|source| source.path)
        .collect();
    assert_eq!(silent, [""; 0], "these pass {LINES_MAX} lines without a line `{EXPLANATION} ...`");
}

#[test]
fn names_are_found_however_they_are_written() {
    let text = "\
use std::fmt;

use super::super::app;
use crate::{
    domain::{Error, id::Id},
    edge::{self, routes},
    port::clock::Clock,
};
use tokio::{sync::Notify, time};

/// Not [`crate::worker`], which a comment names.
fn f(pool: sqlx::SqlitePool) -> crate::rpc::Answer {
    time::sleep(LONG); // crate::adapter
}

#[cfg(test)]
mod tests {
    use crate::telemetry;
}
";
    let source = Source::new("src/service/room.rs", text.to_owned());
    assert_eq!(source.layer(), "service");
    assert_eq!(Vec::from_iter(source.layers_named()), ["domain", "edge", "port", "rpc"]);
    assert_eq!(source.climbs_out(), ["use super::super::app;"]);
    let dependencies = ["axum", "sqlx", "time", "tokio"].map(str::to_owned);
    assert_eq!(Vec::from_iter(source.crates_named(&dependencies)), ["sqlx", "tokio"]);
}

fn every_source() -> impl Iterator<Item = Source> {
    sources("src").into_iter().chain(sources("gateway/src"))
}

/// Fails with all that a rule finds.
fn refuse(rule: impl Fn(&Source, &Layer) -> Vec<String>) {
    let mut found = Vec::new();
    for source in sources("src") {
        if let Some(layer) = LAYERS.iter().find(|layer| layer.name == source.layer()) {
            found.extend(rule(&source, layer));
        }
    }
    assert!(found.is_empty(), "ARCHITECTURE.md says who may name whom:\n  {}", found.join("\n  "));
}
