//! The laws of the house, kept by a test: who may depend on whom, how long a file may be, how it begins.
//!
//! The manifests are read by cargo itself (`cargo metadata`), so that every way to write a dependency counts: renamed,
//! for one platform only, inherited from the workspace. Sources are read as text.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace, and which of them it may depend on. A new arrow is a decision: make it here, knowingly.
///
/// Anything may use `testkit` in its tests.
const ARROWS: [(&str, &[&str]); 9] = [
    ("journal", &[]),
    ("formats", &[]),
    ("mend", &["formats"]),
    ("ship", &["journal"]),
    ("proxy", &["journal", "ship"]),
    ("watch", &["formats", "mend", "ship"]),
    ("seawall", &["journal", "formats", "mend", "ship", "proxy", "watch"]),
    ("testkit", &["journal"]),
    // Not shipped; its measurements drive real servers.
    ("xtask", &["testkit"]),
];

/// Crates from elsewhere that shape whatever uses them, and where they may be used.
const GUARDED: [(&str, &[&str]); 6] = [
    // Libraries that only decode, repair or journal owe nobody an asynchronous runtime.
    ("tokio", &["ship", "proxy", "watch", "seawall"]),
    ("hyper", &["ship", "proxy", "watch", "seawall"]),
    // Only the binary knows a command line, a configuration file and a terminal.
    ("clap", &["seawall"]),
    ("toml", &["seawall"]),
    ("indicatif", &["seawall"]),
    ("anstream", &["seawall"]),
];

const MOST_LINES_IN_A_FILE: usize = 600;
const MOST_LINES_IN_MAIN: usize = 30;

/// One dependency as a manifest states it.
struct Arrow {
    from: String,
    to: String,
    /// Only needed by tests, examples and benchmarks.
    only_tests: bool,
}

/// A Rust source with its path below the workspace.
struct Source {
    path: String,
    text: String,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--no-deps", "--offline"]).current_dir(workspace());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() >= 4, "cargo metadata lists too few packages");
    packages
}

fn arrows(packages: &[Value]) -> Vec<Arrow> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |package: &Value| {
        let from = word(&package["name"]);
        let states = package["dependencies"].as_array().unwrap().clone();
        states.into_iter().map(move |state| Arrow {
            from: from.clone(),
            to: word(&state["name"]),
            only_tests: state["kind"] == "dev",
        })
    };
    packages.iter().flat_map(of).collect()
}

/// Every Rust source of the workspace's crates whose path contains `part`.
fn sources(part: &str) -> Vec<Source> {
    let root = workspace();
    let mut found = Vec::new();
    for folder in ["crates", "xtask", "fuzz", "contest"] {
        collect(&root.join(folder), &root, &mut found);
    }
    found.retain(|source| source.path.contains(part));
    assert!(!found.is_empty(), "no source has {part} in its path");
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(root).unwrap().display().to_string(), text });
        }
    }
}

/// Fails with every complaint at once.
fn demand(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn against_the_arrows(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, only_tests } = arrow;
    let known = |name: &str| ARROWS.iter().find(|(member, _)| *member == name);
    known(to)?;
    let Some((_, allowed)) = known(from) else {
        return Some(format!("{from} has no row in the table of arrows: add one"));
    };
    if allowed.contains(&to.as_str()) || (*only_tests && to == "testkit") {
        return None;
    }
    Some(format!(
        "crates/{from}/Cargo.toml: {from} must not depend on {to}; move the code to where both may reach it, or decide on a \
         new arrow in the table"
    ))
}

fn against_the_guard(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, .. } = arrow;
    let family = |guarded: &str| {
        to == guarded || to.starts_with(&format!("{guarded}-")) || to.starts_with(&format!("{guarded}_"))
    };
    let (guarded, users) = GUARDED.iter().find(|(guarded, _)| family(guarded))?;
    let message =
        format!("crates/{from}/Cargo.toml: {to} is for {} only, as all of {guarded}", users.join(", "));
    (!users.contains(&from.as_str())).then_some(message)
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let message = format!(
        "{}: {lines} lines, more than {MOST_LINES_IN_A_FILE}; move a concept or the tests to a sibling",
        source.path
    );
    (lines > MOST_LINES_IN_A_FILE).then_some(message)
}

fn headless(source: &Source) -> Option<String> {
    let message = format!("{}: begin it with `//!`: what is it responsible for?", source.path);
    (!source.text.starts_with("//! ")).then_some(message)
}

fn not_ascii(source: &Source) -> Option<String> {
    let number = 1 + source.text.lines().position(|line| !line.is_ascii())?;
    Some(format!("{}:{number}: not ASCII; in a literal, write it as an escape", source.path))
}

fn main_too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let message =
        format!("{}: {lines} lines, more than {MOST_LINES_IN_MAIN}; call a module and end", source.path);
    (lines > MOST_LINES_IN_MAIN).then_some(message)
}

fn silences_a_lint(source: &Source) -> Option<String> {
    let silences = |line: &str| {
        let line = line.trim_start();
        (line.starts_with("#[") || line.starts_with("#!["))
            && line.split(['[', ' ', ',', '(']).any(|word| word == "allow")
    };
    let number = 1 + source.text.lines().position(silences)?;
    Some(format!(
        "{}:{number}: a silenced lint; mend the cause, or write `expect` with its reason",
        source.path
    ))
}

#[test]
fn every_crate_has_its_row_in_the_table_of_arrows() {
    let names =
        packages().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let missing = names.iter().filter(|name| !ARROWS.iter().any(|(member, _)| member == name));
    demand(missing.map(|name| format!("{name} has no row in the table of arrows: add one, knowingly")));
}

#[test]
fn crates_depend_on_each_other_only_along_the_arrows() {
    demand(arrows(&packages()).iter().filter_map(against_the_arrows));
}

#[test]
fn runtime_and_command_line_crates_stay_where_they_belong() {
    demand(arrows(&packages()).iter().filter_map(against_the_guard));
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    demand(sources("").iter().filter_map(too_long));
}

#[test]
fn every_source_file_begins_by_telling_its_responsibility() {
    demand(sources("/src/").iter().filter_map(headless));
}

#[test]
fn sources_are_ascii() {
    demand(sources("/src/").iter().filter_map(not_ascii));
}

#[test]
fn every_main_only_calls() {
    demand(sources("/src/main.rs").iter().filter_map(main_too_long));
}

#[test]
fn no_lint_is_silenced_without_expecting_it() {
    demand(sources("").iter().filter_map(silences_a_lint));
}

#[test]
fn each_law_catches_a_breach_and_lets_the_lawful_pass() {
    let arrow = |from: &str, to: &str| Arrow { from: from.to_owned(), to: to.to_owned(), only_tests: false };
    assert!(against_the_arrows(&arrow("formats", "mend")).is_some());
    assert!(against_the_arrows(&arrow("formats", "testkit")).is_some());
    assert!(against_the_arrows(&Arrow { only_tests: true, ..arrow("formats", "testkit") }).is_none());
    assert!(against_the_arrows(&arrow("testkit", "formats")).is_some());
    assert!(against_the_arrows(&arrow("mend", "formats")).is_none());
    assert!(against_the_arrows(&arrow("formats", "serde")).is_none());
    assert!(against_the_guard(&arrow("formats", "tokio-util")).is_some());
    assert!(against_the_guard(&arrow("formats", "clap_mangen")).is_some());
    assert!(against_the_guard(&arrow("proxy", "tokio")).is_none());

    let source = |text: String| Source { path: "crates/x/src/y.rs".to_owned(), text };
    assert!(too_long(&source("\n".repeat(601))).is_some());
    assert!(too_long(&source("\n".repeat(600))).is_none());
    assert!(main_too_long(&source("\n".repeat(31))).is_some());
    assert!(headless(&source("// Head.\n".to_owned())).is_some());
    assert!(headless(&source("//! Head.\n".to_owned())).is_none());
    assert!(not_ascii(&source("//! \u{b5}s\n".to_owned())).unwrap().contains("y.rs:1"));
    for breach in
        ["#[allow(dead_code)]", "#![allow(unused)]", "    #[cfg_attr(test, allow(unused))]", "#[ allow(x)]"]
    {
        assert!(silences_a_lint(&source(breach.to_owned())).is_some(), "{breach}");
    }
    assert!(
        silences_a_lint(&source("#[expect(unused, reason = \"r\")]\nlet s = \"#[allow(x)]\";".to_owned()))
            .is_none()
    );
}
