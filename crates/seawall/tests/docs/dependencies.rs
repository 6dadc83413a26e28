//! Every crate from elsewhere has its reason written down, and a licence that `deny.toml` accepts.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::blocks::{document, repository};

const REASONS: &str = "docs/decisions/0002-dependencies.md";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The lines of a section of a TOML file that is written one entry a line.
fn section(text: &str, head: &str) -> Vec<String> {
    let inside = text.lines().skip_while(|line| *line != head).skip(1);
    inside.take_while(|line| !line.starts_with('[')).map(str::to_owned).collect()
}

#[test]
fn every_dependency_has_its_reason_written_down_and_no_other_has() {
    let lines = section(&read("Cargo.toml"), "[workspace.dependencies]");
    let used: BTreeSet<String> = lines
        .iter()
        .filter(|line| !line.contains("path ="))
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect();
    assert!(used.len() > 10, "the dependencies are not found any more");
    let reasoned: BTreeSet<String> = document(REASONS).names("## The list").into_iter().collect();
    let missing: Vec<_> = used.difference(&reasoned).collect();
    let idle: Vec<_> = reasoned.difference(&used).collect();
    assert!(missing.is_empty(), "{REASONS} gives no reason for {missing:?}");
    assert!(idle.is_empty(), "{REASONS} gives a reason for {idle:?}, which Cargo.toml does not have");
}

/// Packages from elsewhere that this machine builds, with their licences.
fn licences() -> Vec<(String, String)> {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    // Crates for other systems were never downloaded, and need not be.
    cargo.args(["metadata", "--format-version=1", "--offline", "--filter-platform", host]);
    let output = cargo.current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word =
        |package: &Value, key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let packages = metadata.get("packages").and_then(Value::as_array).unwrap();
    let foreign =
        packages.iter().filter(|package| package.get("source").is_some_and(|source| !source.is_null()));
    foreign.map(|package| (word(package, "name"), word(package, "license"))).collect()
}

/// Whether the accepted licences satisfy an SPDX expression, as far as crates use its grammar: `AND` of groups in
/// parentheses, `OR` or a slash between alternatives.
fn satisfied(expression: &str, accepted: &BTreeSet<String>) -> bool {
    expression.split(" AND ").all(|group| {
        let group = group.trim().trim_start_matches('(').trim_end_matches(')').replace('/', " OR ");
        group.split(" OR ").any(|licence| accepted.contains(licence.trim()))
    })
}

#[test]
fn every_dependency_has_a_licence_that_is_accepted() {
    let accepted: BTreeSet<String> = section(&read("deny.toml"), "[licenses]")
        .iter()
        .filter_map(|line| Some(line.trim().strip_prefix('"')?.split_once('"')?.0.to_owned()))
        .collect();
    assert!(accepted.contains("MIT"), "deny.toml is not understood any more");
    let licences = licences();
    assert!(licences.len() > 20, "cargo metadata lists too few packages");
    let refused: Vec<_> = licences.iter().filter(|(_, licence)| !satisfied(licence, &accepted)).collect();
    assert!(refused.is_empty(), "not accepted by deny.toml: {refused:?}");
}

#[test]
fn an_expression_needs_every_part_of_an_and_and_one_of_an_or() {
    let accepted = ["MIT", "Unicode-3.0"].map(str::to_owned).into();
    for fine in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
        assert!(satisfied(fine, &accepted), "{fine}");
    }
    for wrong in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND BSD-3-Clause"] {
        assert!(!satisfied(wrong, &accepted), "{wrong}");
    }
}
