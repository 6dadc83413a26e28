//! Every file under `cases/` is a command, its exit code, and all that it prints.
//!
//! `SEAWALL_BLESS=1 cargo test -p seawall --test commands` writes what is printed now into the files; read the
//! difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::world::{Ran, World};

fn cases() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// `$ NAME=VALUE seawall ARGS`, where quotes keep words together.
fn run(world: &World, line: &str) -> Ran {
    let words = words(line.strip_prefix("$ ").unwrap());
    let program = words.iter().position(|word| word == "seawall").unwrap();
    let (variables, args) = words.split_at(program);
    let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let (args, input) = match args.split(|word| *word == "<").collect::<Vec<_>>().as_slice() {
        [args, [input]] => (args.to_vec(), Some(*input)),
        _ => (args, None),
    };
    let mut command = world.seawall(&args);
    if let Some(input) = input {
        command.stdin(fs::File::open(world.path(input)).unwrap());
    }
    command.envs(variables.iter().filter_map(|variable| variable.split_once('=')));
    Ran::new(&command.output().unwrap())
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let split = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    split.collect()
}

/// Takes out what differs from day to day and from machine to machine.
fn redacted(text: &str) -> String {
    let rules = [
        (r"oldest (record|file written) .* (ago|old)", "oldest $1 AGE $2"),
        (r"\bage  \d+ d( \d+ h)?  ", "age  AGE  "),
        (r#""oldest_age_seconds": \d+"#, r#""oldest_age_seconds": AGE"#),
        (r"[0-9.]+ [KMGTP]iB are free on its file system \([0-9.]+% of [^)]*\)", "FREE"),
        (r"takes about [^\n]*", "takes about FORECAST"),
        (r#""estimate": \{[^}]*\}"#, r#""estimate": FORECAST"#),
        (r"seawall \d+\.\d+\.\d+", "seawall VERSION"),
        // A second change in one second has a number behind its name.
        (r"\b20\d{6}T\d{6}Z-([a-z]+)(-\d+)?", "yyyymmddThhmmssZ-$1"),
        (r"\b01[0-9A-Z]{24}\b", "01ULIDULIDULIDULIDULIDULID"),
        (r"dropped/20\d{6}T\d{6}Z", "dropped/yyyymmddThhmmssZ"),
        (r"(?m)^(.*\.wal\.zst .*B)  [-0-9]+ [:0-9]+$", "$1  MADE"),
        (r#"("events":\d+,"made"):"[^"]*""#, "$1:MADE"),
        (r"looked for: [^\n]*(\n {14}[^\n]*)*", "looked for: FORMATS"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

fn shown(line: &str, ran: &Ran) -> String {
    let mut text = format!("{line}\nexit {}\n", ran.code.unwrap());
    for (name, stream) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        if !stream.is_empty() {
            text.push_str(&format!("--- {name}\n{}", redacted(stream)));
        }
    }
    text
}

/// What stands in the lines of commands that change something, and get a world of their own.
const CHANGING: [&str; 7] =
    ["--yes", "--fix", "seawall append", "seawall close", "requeue", "seawall import", "archive run"];

/// Commands to which all of the world is the journal.
const JOURNALS: [&str; 2] = ["seawall consumers", "seawall parked"];

#[test]
fn commands_print_and_end_as_written_down() {
    let world = World::new();
    let bless = std::env::var_os("SEAWALL_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let expected = fs::read_to_string(&case).unwrap();
        let line = expected.lines().next().unwrap();
        let own = match CHANGING.iter().find(|words| line.contains(**words)) {
            Some(&("--yes" | "--fix")) if !JOURNALS.iter().any(|command| line.contains(command)) => {
                Some(World::new())
            }
            Some(_) => Some(World::of_events()),
            None => None,
        };
        let printed = shown(line, &run(own.as_ref().unwrap_or(&world), line));
        if bless {
            fs::write(&case, &printed).unwrap();
        } else if printed != expected {
            let name = case.file_name().unwrap().to_string_lossy();
            wrong.push(format!("=== {name}, expected:\n{expected}=== printed:\n{printed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_cases_reach_every_command_and_every_exit_code() {
    let texts: Vec<String> = cases().iter().map(|case| fs::read_to_string(case).unwrap()).collect();
    for command in crate::generate::COMMANDS {
        assert!(
            texts.iter().any(|text| text.contains(&format!("seawall {command}"))),
            "no case for {command}"
        );
    }
    // Code 4 takes a second process; the tests of the guard have it.
    for code in [0, 1, 2, 3, 64] {
        assert!(
            texts.iter().any(|text| text.contains(&format!("\nexit {code}\n"))),
            "no case for exit code {code}"
        );
    }
}
