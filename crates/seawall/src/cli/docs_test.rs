//! What the documents tell to type is understood: every command line, every configuration, every task. Their lists are in
//! `lists_test.rs`.

#![expect(
    dead_code,
    reason = "the other half of the shared reader of documents is for the tests that run commands"
)]

#[path = "../../tests/docs/blocks.rs"]
mod blocks;
#[path = "lists_test.rs"]
mod lists;

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::app;
use crate::config::{Config, Sources};
use blocks::{Block, documents, repository};

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

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(words("a 'b c' \"d\" e='f g'  \"\""), ["a", "b c", "d", "e=f g", ""]);
    assert_eq!(
        commands("if seawall a; then b | c 'd | e'"),
        [vec![], vec!["seawall", "a"], vec![], vec!["b"], vec!["c", "d | e"]]
    );
}
