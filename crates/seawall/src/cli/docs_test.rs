//! The documents name what there is: every command line in them is understood, and every list in
//! `docs/contracts.md` and `docs/formats.md` is the program's own.

#![expect(
    dead_code,
    reason = "the other half of the shared reader of documents is for the tests that run commands"
)]

#[path = "../../tests/docs/blocks.rs"]
mod blocks;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Arg;
use formats::Format;
use regex_lite::Regex;

use super::command as definition;
use crate::app;
use crate::config::{Config, Sources};
use crate::exit::Exit;
use blocks::{Block, document, documents, repository};

const CONTRACT: &str = "docs/contracts.md";
const FORMATS: &str = "docs/formats.md";
/// The decoder of journals, which the program adds to the others.
const JOURNAL: &str = "crates/seawall/src/journal_log";

/// Words as a shell splits them, as far as the documents need it: quotes of both kinds, no expansion.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => (quote, begun) = (Some(c), true),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (c, _) => {
                word.push(c);
                begun = true;
            }
        }
    }
    words.extend(begun.then_some(word));
    words
}

/// The commands in a line: what stands between pipes and the like, outside of quotes.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    for word in words(line) {
        if ["|", "||", "&&", ";", "if", "then", "else", "!", "exec", "<", ">", "2>"].contains(&word.as_str())
        {
            commands.push(Vec::new());
            continue;
        }
        let ends = word.ends_with(';');
        commands.last_mut().unwrap().push(word.trim_end_matches(';').to_owned());
        if ends {
            commands.push(Vec::new());
        }
    }
    commands
}

/// Lines without comments, those that end in a backslash joined with the next.
fn lines(block: &Block) -> Vec<String> {
    let text = block.content.join("\n").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.strip_prefix("$ ").unwrap_or(line).to_owned()).collect()
}

/// What a document calls Seawall with.
fn calls(language: &str) -> Vec<(String, Vec<String>)> {
    let mut calls = Vec::new();
    for document in documents() {
        for block in document.blocks_of(language) {
            let shown = lines(&block);
            let typed =
                shown.iter().filter(|line| language == "sh" || block.content.contains(&format!("$ {line}")));
            for command in typed.flat_map(|line| commands(line)) {
                calls.push((document.path.clone(), command));
            }
        }
    }
    calls
}

/// The arguments of the program in a command that calls it, however it is called.
fn arguments(command: &[String]) -> Option<Vec<String>> {
    let (program, rest) = command.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "seawall") {
        return Some(rest.to_vec());
    }
    let is_cargo_run = program == "cargo" && rest.first().is_some_and(|word| word == "run");
    let behind = rest.iter().position(|word| word == "--").filter(|_| is_cargo_run)?;
    Some(rest.iter().skip(behind + 1).cloned().collect())
}

#[test]
fn every_command_line_in_the_documents_is_understood() {
    let mut understood = 0;
    for (path, command) in calls("sh").into_iter().chain(calls("console")) {
        let Some(arguments) = arguments(&command) else { continue };
        let words = std::iter::once("seawall".to_owned()).chain(arguments);
        if let Err(error) = app::parse(words.map(Into::into)) {
            assert!(!error.use_stderr(), "{path}: {}\n{error}", command.join(" "));
        }
        understood += 1;
    }
    assert!(understood > 12, "only {understood} command lines are found");
}

#[test]
fn every_configuration_in_the_documents_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(directory.path().join("ca.pem"), authority.cert.pem()).unwrap();
    let (token, address) = (directory.path().join("token"), directory.path().join("address"));
    fs::write(&token, "0123456789abcdef").unwrap();
    fs::write(&address, "http://localhost/services/x").unwrap();
    // This machine need not trust anybody.
    let certificates = format!("ca = '{}'\n", directory.path().join("ca.pem").display());
    let trusting = |kind: &str, text: String| {
        text.replace(&format!("kind = \"{kind}\"\n"), &format!("kind = \"{kind}\"\n{certificates}"))
    };
    let mut understood = 0;
    for document in documents() {
        for block in document.blocks_of("toml") {
            // A file that holds a secret is on no machine but the reader's.
            let here = |line: &String| match (line.split_once("_file = "), line.split_once("_ca = ")) {
                (Some(("url", _)), _) => format!("url_file = {address:?}"),
                (Some((key, _)), _) => format!("{key}_file = {token:?}"),
                (None, Some((key, _))) => format!("{key}_ca = {:?}", directory.path().join("ca.pem")),
                (None, None) => line.clone(),
            };
            let text = block.content.iter().map(here).collect::<Vec<_>>().join("\n");
            let text =
                ["email", "webhook", "pagerduty"].into_iter().fold(text, |text, kind| trusting(kind, text));
            let file = directory.path().join("seawall.toml");
            fs::write(&file, text).unwrap();
            let environment = [("HOME".to_owned(), "/home/somebody".to_owned())].into();
            let sources = Sources { file: Some(file), environment, typed: Vec::new() };
            Config::load(&sources).unwrap_or_else(|problems| panic!("{}: {problems:#?}", document.path));
            understood += 1;
        }
    }
    assert!(understood > 2, "only {understood} configurations are found");
}

#[test]
fn every_task_in_the_documents_is_one_of_xtasks() {
    let help = fs::read_to_string(repository().join("xtask/src/command.rs")).unwrap();
    let mut tasks = 0;
    for document in documents() {
        let task = Regex::new(r"cargo xtask ([a-z]+)(?: ([a-z][a-z-]*))?").unwrap();
        for found in task.captures_iter(&document.text) {
            let name = found.get(1).unwrap().as_str();
            let known = Regex::new(&format!(r"(?m)^  {name}( |$)")).unwrap();
            assert!(known.is_match(&help), "{}: there is no cargo xtask {name}", document.path);
            // Only a benchmark is named by a second word; behind `fuzz` stands a target.
            if let Some(second) = found.get(2).filter(|_| name == "bench") {
                let line = format!("  bench {}", second.as_str());
                assert!(help.contains(&line), "{}: there is no{line}", document.path);
            }
            tasks += 1;
        }
    }
    assert!(tasks > 3, "the tasks are not found any more");
}

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
fn words_are_split_as_a_shell_does() {
    assert_eq!(words("a 'b c' \"d\" e='f g'  \"\""), ["a", "b c", "d", "e=f g", ""]);
    assert_eq!(
        commands("if seawall a; then b | c 'd | e'"),
        [vec![], vec!["seawall", "a"], vec![], vec!["b"], vec!["c", "d | e"]]
    );
}

#[test]
fn every_error_of_the_daemon_is_listed_with_its_status() {
    let text = sources("crates/seawall/src/daemon/face");
    let mut codes = found(&text, r#"StatusCode::[A-Z_]+,\s*"([a-z-]+)"[,)]"#);
    codes.extend(found(&text, r#""code\\":\\"([a-z-]+)\\""#));
    demand(CONTRACT, "### HTTP error codes", &codes);
}
