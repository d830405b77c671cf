//! The project's shape, as rules that can fail: who may depend on whom, and what no file may lack or hold.

#![expect(clippy::unwrap_used, reason = "a rule that cannot be checked has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crates of ours each crate may use. A crate that is not here has to be added, with thought.
const INSIDE: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("search", &["domain"]),
    // Edge and origin share only the domain.
    ("edge", &["domain", "search"]),
    ("origin", &["domain"]),
    ("sandbox", &["domain"]),
    ("importer", &["domain", "search"]),
    ("index-builder", &["domain", "search", "importer"]),
    ("stack", &[]),
    ("xtask", &["stack"]),
    ("tests", &["domain", "search", "stack"]),
    ("bench", &["domain", "search", "importer", "index-builder", "stack"]),
    ("sim", &["domain", "origin"]),
];

/// What the pure crates may use of others: nothing that reads a clock, a file or a socket.
const OUTSIDE: [(&str, &[&str]); 2] = [
    (
        "domain",
        &[
            "base64",
            "hex",
            "hmac",
            "rust_decimal",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "thiserror",
            "time",
            "uuid",
        ],
    ),
    (
        "search",
        &[
            "crc32fast",
            "getrandom",
            "hex",
            "rust_decimal",
            "serde",
            "serde_json",
            "sha2",
            "tantivy",
            "tantivy-fst",
            "thiserror",
            "time",
            "uuid",
        ],
    ),
];

/// Longer files have more than one subject.
const LINES_MAX: usize = 600;
/// Lists, which may be as long as what they list.
const LISTS: [&str; 1] = ["importer/src/seed/lines.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every crate of the workspace with the names of its ordinary and build dependencies.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            (name(package), all.filter(|used| used["kind"] != "dev").map(name).collect())
        })
        .collect()
}

/// Every Rust file of the workspace, by its path from the root.
fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let skipped = path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name == "target" || name == "node_modules" || name == "build" || name.starts_with('.')
            });
            if path.is_dir() && !skipped {
                collect(&path, files);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(&root(), &mut files);
    assert!(files.len() > 20, "there must be more than {} files", files.len());
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Fails with everything that is wrong, not just the first.
fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

#[test]
fn dependencies_point_inwards() {
    let crates = crates();
    let mut wrong = Vec::new();
    for (name, uses) in &crates {
        let Some((_, allowed)) = INSIDE.iter().find(|(known, _)| known == name) else {
            wrong.push(format!("{name} has no rule"));
            continue;
        };
        for used in uses.iter().filter(|used| crates.contains_key(*used)) {
            if !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert_none("who may depend on whom is in ARCHITECTURE.md; against it", &wrong);
}

#[test]
fn nothing_depends_on_tests_benchmarks_or_scripts() {
    for (name, uses) in crates() {
        for tool in ["tests", "bench", "sim", "xtask"] {
            assert!(!uses.contains(tool), "{name} uses {tool}");
        }
    }
}

#[test]
fn pure_crates_use_pure_crates() {
    let crates = crates();
    let mut wrong = Vec::new();
    for (name, allowed) in OUTSIDE {
        let outside = crates[name].iter().filter(|used| !crates.contains_key(*used));
        wrong
            .extend(outside.filter(|used| !allowed.contains(&used.as_str())).map(|used| format!("{name} uses {used}")));
    }
    assert_none("a pure crate uses what it may not", &wrong);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(name, _)| name).collect();
    assert_none("files that do not begin with //!", &silent);
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file is not its own finding.
    let leftovers = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!("), concat!("FIX", "ME")];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for leftover in leftovers.iter().filter(|leftover| line.contains(**leftover)) {
                wrong.push(format!("{name}:{}: {leftover}", number + 1));
            }
        }
    }
    assert_none("leftovers", &wrong);
}

#[test]
fn lints_are_expected_with_a_reason_or_not_silenced() {
    let silencer = concat!("#[", "allow(");
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains(silencer) || text.contains(&silencer.replace("#[", "#![")))
        .map(|(name, _)| name)
        .collect();
    assert_none("use #[expect(lint, reason = …)] in", &wrong);
}

#[test]
fn a_file_has_one_subject() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| text.lines().count() > LINES_MAX && !LISTS.contains(&name.as_str()))
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert_none("too long for one subject", &long);
}

#[test]
fn the_lock_file_of_npm_names_no_host() {
    let text = fs::read_to_string(root().join("package-lock.json")).unwrap();
    let hosts: Vec<String> = text
        .lines()
        .filter(|line| line.contains("\"resolved\"") && !line.contains("https://registry.npmjs.org/"))
        .map(|line| line.trim().to_owned())
        .collect();
    assert_none("registry hosts", &hosts);
}
