//! Reads Rust files as far as the architecture test needs: which layers and crates they name, outside of their tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One Rust file.
pub struct Source {
    /// Where it is, from the root of the project.
    pub path: String,
    /// What it says.
    pub text: String,
    code: String,
}

/// Every Rust file below a folder of the project, sorted.
pub fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources: Vec<_> = rust_files(&root.join(folder))
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap();
            Source::new(path, fs::read_to_string(&file).unwrap())
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The crates that Cargo.toml lets the server use, as code names them.
pub fn dependencies() -> Vec<String> {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    names.map(|name| name.replace('-', "_")).collect()
}

impl Source {
    /// A file of this text.
    pub fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), code: code(&text), text }
    }

    /// The folder or file below src/ that it belongs to.
    pub fn layer(&self) -> &str {
        self.modules()[0]
    }

    /// The layers that it names by `crate::`, one by one or in braces.
    pub fn layers_named(&self) -> BTreeSet<String> {
        let after = self.paths().filter(|(name, _)| *name == "crate").map(|(_, after)| after);
        after.flat_map(heads).filter(|head| head.starts_with(|c: char| c.is_lowercase())).collect()
    }

    /// The crates, of these, that it names.
    pub fn crates_named(&self, crates: &[String]) -> BTreeSet<String> {
        let names = self.paths().map(|(name, _)| name.to_owned());
        names.filter(|name| crates.contains(name) && !self.has_module(name)).collect()
    }

    /// The paths with more `super` than lead to the top of its layer.
    pub fn climbs_out(&self) -> Vec<&str> {
        let depth = self.modules().len() - 1;
        let climbs = |line: &str| line.matches("super::").count() > depth;
        self.code.lines().filter(|line| line.starts_with("use super::") && climbs(line)).collect()
    }

    /// The lines of the comment that it begins with.
    pub fn first_comment(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| line.starts_with("//!"))
    }

    fn modules(&self) -> Vec<&str> {
        let below = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        below.trim_end_matches("/mod").split('/').collect()
    }

    /// Whether a name is that of something imported, such as `tokio::time`, and not of the crate of the same name.
    fn has_module(&self, name: &str) -> bool {
        let ends_with = |word: &str| word == name;
        self.code
            .split(';')
            .filter_map(|statement| statement.split_once("use "))
            .filter(|(_, tree)| !tree.trim_start().starts_with(name))
            .flat_map(|(_, tree)| tree.split([',', '{', '}', ' ', '\n']))
            .any(|path| path.rsplit("::").next().is_some_and(ends_with))
    }

    /// Every name that a path begins with, and what follows its `::`.
    fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices("::").filter_map(move |(at, _)| {
            let before = &self.code[..at];
            let name = &before[before.trim_end_matches(is_part).len()..];
            let begins = !before[..before.len() - name.len()].ends_with("::");
            (begins && !name.is_empty()).then_some((name, &self.code[at + 2..]))
        })
    }
}

/// The first names of what follows `crate::`: of one path, or of every path in braces.
fn heads(after: &str) -> Vec<String> {
    let head = |path: &str| -> String {
        path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(tree) = after.strip_prefix('{') else { return vec![head(after)] };
    let (mut depth, mut heads, mut path) = (1, Vec::new(), String::new());
    for c in tree.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            heads.push(head(&path));
            path.clear();
        } else {
            path.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// A text without its comments and its tests, which may name what they need.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(code).collect()
}
