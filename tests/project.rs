//! The files beside the code: they must say of it what is so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

const EXAMPLE: &str = include_str!("../.env.example");
const COMPOSITION: &str = include_str!("../docker-compose.yml");

#[test]
fn the_example_has_every_setting_and_no_other() {
    let known: BTreeSet<_> = effective(&BTreeMap::new()).into_keys().collect();
    let shown: BTreeSet<_> = example().into_keys().collect();
    assert_eq!(shown, known);
}

#[test]
fn the_example_has_every_setting_once_with_a_sentence_above() {
    let mut before = "";
    let mut seen = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if let Some((name, _)) = setting(line) {
            assert!(before.starts_with("# "), "{name} has no sentence above it");
            assert!(before.ends_with('.'), "the sentence above {name} has no end");
            assert!(seen.insert(name), "{name} stands twice");
        }
        before = line;
    }
}

#[test]
fn the_values_of_the_example_are_the_defaults() {
    let given = example().into_iter().filter(|(_, value)| !value.is_empty()).collect();
    assert_eq!(effective(&given), effective(&BTreeMap::new()));
}

#[test]
fn the_composition_sets_nothing_that_is_no_setting() {
    let known: BTreeSet<_> = effective(&BTreeMap::new()).into_keys().collect();
    let servers = COMPOSITION.split_once("\n  veza:\n").unwrap().1;
    let set = servers.lines().skip_while(|line| line.trim() != "environment:").skip(1);
    let set = set.take_while(|line| line.starts_with("      "));
    let names: Vec<_> = set.filter(|line| !line.contains('#')).map(str::trim).collect();
    assert!(names.iter().any(|line| line.starts_with("DATABASE_URL:")), "{names:?}");
    for line in names {
        let (name, _) = line.split_once(':').unwrap();
        assert!(known.contains(name), "{name}");
    }
}

/// The settings of the example, whose lines are commented out.
fn example() -> BTreeMap<String, String> {
    let settings = EXAMPLE.lines().filter_map(setting);
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The name and the value of a line such as `#NAME=value`.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_').then_some((name, value))
}

/// What `veza config` prints in an environment of these settings alone.
fn effective(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_veza"))
        .arg("config")
        .env_clear()
        .envs(environment)
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_once('=').unwrap()).map(owned).collect()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
