//! Every list in `docs/contracts.md` and `docs/formats.md` is the program's own: nothing is missing in it, and nothing else is
//! there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Arg;
use formats::Format;
use regex_lite::Regex;

use super::blocks::{document, repository};
use crate::cli::command as definition;
use crate::exit::Exit;

const CONTRACT: &str = "docs/contracts.md";
const FORMATS: &str = "docs/formats.md";
/// The decoder of journals, which the program adds to the others.
const JOURNAL: &str = "crates/seawall/src/journal_log";

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Fails unless a table lists just what the program has.
fn demand(path: &str, heading: &str, has: &BTreeSet<String>) {
    assert!(!has.is_empty(), "{heading}: the names are not found in the sources any more");
    let listed: BTreeSet<String> = document(path).names(heading).into_iter().collect();
    let missing: Vec<_> = has.difference(&listed).collect();
    let idle: Vec<_> = listed.difference(has).collect();
    assert!(missing.is_empty(), "{path}, below \"{heading}\": add a row for each of {missing:?}");
    assert!(idle.is_empty(), "{path}, below \"{heading}\": the program does not have {idle:?}");
}

/// Rust sources of a crate without its tests, as one text.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    gather(&repository().join(folder), &mut text);
    text
}

fn gather(folder: &Path, text: &mut String) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_for_tests = name.contains("test") || ["fake", "harvest", "writer"].contains(&&*name);
        if path.is_dir() {
            gather(&path, text);
        } else if !is_for_tests && path.extension().is_some_and(|extension| extension == "rs") {
            let whole = fs::read_to_string(&path).unwrap();
            text.push_str(whole.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

/// The first group of every match.
fn found(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found.get(1).unwrap().as_str().to_owned()).collect()
}

/// The words of an enum's `name`, read off its arms.
fn arms(text: &str, of: &str) -> BTreeSet<String> {
    found(text, &format!(r#"\b{of}::\w+(?: \{{ \.\. \}})? => "([a-z-]+)","#))
}

#[test]
fn the_exit_codes_are_listed_with_their_meanings() {
    let rows = document(CONTRACT).rows("## Exit codes");
    let listed: Vec<(String, String)> =
        rows.iter().map(|row| (row.first().unwrap().clone(), row.get(1).unwrap().clone())).collect();
    let has = Exit::ALL.map(|exit| (exit.code().to_string(), exit.meaning().to_owned()));
    assert_eq!(listed, has);
}

#[test]
fn the_words_of_json_are_listed() {
    let binary = sources("crates/seawall/src");
    let formats = sources("crates/formats/src");
    let watch = sources("crates/watch/src");
    demand(CONTRACT, "### Health", &arms(&watch, "Health"));
    demand(CONTRACT, "### Severities", &arms(&watch, "Severity"));
    let mut events = found(&watch, r#"\bHappening::\w+[^=]*=> "([a-z._]+)""#);
    events.extend(found(&watch, r#"\bTopic::\w+ => "([a-z._]+)""#));
    demand(CONTRACT, "### Events", &events);
    demand(CONTRACT, "### Finding codes", &arms(&binary, "Code"));
    demand(CONTRACT, "### Verdicts", &arms(&formats, "Verdict"));
    demand(CONTRACT, "### Roles", &arms(&formats, "Role"));
    demand(CONTRACT, "### Format names", &set(Format::ALL.map(Format::name)));
    let detect = fs::read_to_string(repository().join("crates/formats/src/detect.rs")).unwrap();
    let recognisers = detect + &sources(JOURNAL);
    let read = found(&recognisers.to_lowercase(), r"\bformat: format::(\w+),");
    for row in document(CONTRACT).rows("### Format names") {
        let is_read = read.contains(row.first().unwrap());
        assert_eq!(is_read, !row.join(" ").contains("are not read"), "{row:?}");
    }
    let failures = fs::read_to_string(repository().join("crates/seawall/src/failure.rs")).unwrap();
    let codes = failures.split("fn code(").nth(1).unwrap().split("fn hint(").next().unwrap();
    let mut codes = found(codes, r#""([a-z-]+)""#);
    let failures = fs::read_to_string(repository().join("crates/seawall/src/failure/journal.rs")).unwrap();
    codes.extend(found(&failures, r#"=> "([a-z-]+)","#));
    codes.extend(["interrupted".to_owned()]);
    let failures = fs::read_to_string(repository().join("crates/seawall/src/failure/daemon.rs")).unwrap();
    codes.extend(found(&failures, r#"=> "([a-z-]+)","#));
    let failures = fs::read_to_string(repository().join("crates/seawall/src/failure/remote.rs")).unwrap();
    codes.extend(found(&failures, r#"=> "([a-z-]+)","#));
    codes.extend(found(&failures, r#"\("[a-z-]+", "([a-z-]+)"\),"#));
    codes.extend(found(&failures, r#"map_or\("([a-z-]+)","#));
    demand(CONTRACT, "### Failure codes", &codes);
}

/// The codes of notes, wherever one is made.
fn note_codes() -> BTreeSet<String> {
    let text = sources("crates/formats/src") + &sources("crates/mend/src") + &sources("crates/seawall/src");
    // The daemon makes no notes, and refuses requests with codes of its own.
    let text = text.replace(&sources("crates/seawall/src/daemon"), "");
    for made in Regex::new(r"\bNote \{\s*code[,:]").unwrap().find_iter(&text) {
        let (before, from) = text.split_at(made.start());
        let function = before.rsplit("fn ").next().unwrap();
        let code = from.split("code").nth(1).unwrap();
        let is_found = code.starts_with(": \"")
            // The function that notes are made with, or a choice between two.
            || function.starts_with("note(")
            || function.contains("let (code, message) = ")
            || function.contains("let mut note = |code, message| ");
        assert!(is_found, "this test does not find where this note's code comes from: {function}{from:.80}");
    }
    let mut codes = found(&text, r#"\bcode: "([a-z-]+)""#);
    codes.extend(found(&text, r#"\.note\((?:[^"();]|\([^()]*\))*?"([a-z-]+)""#));
    codes.extend(found(&text, r#"\bnote\(\s*"([a-z-]+)","#));
    codes.extend(found(&text, r#""([a-z]+(?:-[a-z]+)+)",\s*format!\("#));
    codes
}

#[test]
fn every_note_code_is_listed() {
    demand(CONTRACT, "### Note codes", &note_codes());
}

#[test]
fn every_detail_is_listed() {
    let text = sources("crates/formats/src") + &sources(JOURNAL);
    demand(FORMATS, "## Details", &found(&text, r#"\.fact\("([a-z0-9_]+)""#));
}

#[test]
fn every_type_of_record_is_listed() {
    let text = sources("crates/formats/src");
    let mut kinds = found(&text, r#"Record::new\("([a-z_-]+)"\)"#);
    kinds.extend(found(&text, r#"\b(?:Type|Kind)::\w+(?:\(_\))? => "([a-z0-9_]+)""#));
    kinds.extend(found(&sources(JOURNAL), r#"\bSaid::\w+(?: \{ \.\. \}|\(_\))? => "([a-z]+)","#));
    kinds.extend(found(&text, r#"\.record\("([a-z-]+)"\)"#));
    kinds.extend(found(&text, r#"\.kind = "([a-z-]+)""#));
    let modules = text.split_once("const MODULES: ").unwrap().1.split_once("];").unwrap().0;
    kinds.extend(found(&text, r#"\.unwrap_or\("([a-z-]+)"\);\s*Record::new\(kind\)"#));
    kinds.extend(found(modules, r#""([a-z0-9-]+)""#));
    for constant in found(&text, r"Record::new\(([A-Z_]+)\)") {
        let value = found(&text, &format!(r#"\bconst {constant}: &str = "([a-z-]+)""#));
        assert!(!value.is_empty(), "the value of {constant} is not found");
        kinds.extend(value);
    }
    // What a record is called while its format is being found out; nobody sees it.
    kinds.remove("tried");
    demand(FORMATS, "## Record types", &kinds);
}

/// How an argument is called in the documents.
fn name_of(arg: &Arg) -> String {
    let value =
        || arg.get_value_names().and_then(<[_]>::first).map_or(arg.get_id().as_str(), |name| name.as_str());
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => value().to_uppercase(),
    }
}

fn is_of_every_command(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

/// The name in front of a flag's value or its short form: `--top N` is `--top`.
fn listed(rows: &[Vec<String>]) -> BTreeSet<String> {
    let name = |row: &Vec<String>| row.first().unwrap().split([' ', '`']).next().unwrap().to_owned();
    rows.iter().map(name).collect()
}

fn demand_arguments(heading: &str, arguments: &[&Arg]) {
    let has: BTreeSet<String> = arguments.iter().map(|arg| name_of(arg)).collect();
    if has.is_empty() {
        return;
    }
    let rows = document(CONTRACT).rows(heading);
    assert_eq!(listed(&rows), has, "{CONTRACT}, below \"{heading}\"");
    for arg in arguments {
        let is_row = |row: &&Vec<String>| listed(&[(*row).clone()]).contains(&name_of(arg));
        let text = rows.iter().find(is_row).unwrap().join(" ");
        let takes_value = arg.get_action().takes_values();
        let values =
            arg.get_possible_values().into_iter().filter(|_| takes_value && arg.get_id() != "format");
        for value in values {
            let value = format!("`{}`", value.get_name());
            assert!(
                text.contains(&value),
                "{CONTRACT}, below \"{heading}\": {} may be {value}",
                name_of(arg)
            );
        }
    }
}

#[test]
fn every_command_and_flag_is_listed_and_no_other_is() {
    let mut command = definition();
    command.build();
    let globals: Vec<&Arg> = command.get_arguments().filter(|arg| is_of_every_command(arg)).collect();
    demand_arguments("### Every command", &globals);
    let mut names = BTreeSet::new();
    for command in command.get_subcommands().filter(|it| !it.is_hide_set()).flat_map(|command| {
        let inner: Vec<_> = command.get_subcommands().collect();
        if inner.is_empty() { vec![command] } else { inner }
    }) {
        let name = command.get_bin_name().unwrap().strip_prefix("seawall ").unwrap().to_owned();
        let own: Vec<&Arg> = command.get_arguments().filter(|arg| !is_of_every_command(arg)).collect();
        demand_arguments(&format!("### `{name}`"), &own);
        names.insert(name);
    }
    demand(CONTRACT, "## Commands in short", &names);
}

#[test]
fn every_error_of_the_daemon_is_listed_with_its_status() {
    let text = sources("crates/seawall/src/daemon/face");
    let mut codes = found(&text, r#"StatusCode::[A-Z_]+,\s*"([a-z-]+)"[,)]"#);
    codes.extend(found(&text, r#""code\\":\\"([a-z-]+)\\""#));
    demand(CONTRACT, "### HTTP error codes", &codes);
}
