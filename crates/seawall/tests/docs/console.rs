//! Blocks marked `console`: the commands in them run, and what they print stands below them.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::blocks::{Block, Document, documents, repository};
use crate::workshop::{Workshop, shell};

/// A command and what stands below it.
struct Step {
    command: String,
    printed: Vec<String>,
}

/// A line for any number of lines.
const ANY: &str = "...";

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in &block.content {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), printed: Vec::new() }),
            (None, Some(step)) => step.printed.push(line.clone()),
            (None, None) => panic!("a console block begins with a command: {line}"),
        }
    }
    steps
}

/// Runs the steps; each answers with what it printed, on both of its streams.
fn run(steps: &[Step]) -> Vec<Vec<String>> {
    let workshop = Workshop::new();
    let calls_cargo = steps.iter().any(|step| step.command.starts_with("cargo run "));
    let dir = if calls_cargo { repository() } else { workshop.path().to_owned() };
    let mut code = 0;
    let mut run = |step: &Step| {
        let (printed, ended) = one(&dir, &step.command, code);
        code = ended;
        printed
    };
    steps.iter().map(&mut run).collect()
}

fn one(dir: &Path, command: &str, code: i32) -> (Vec<String>, i32) {
    let cargo = Regex::new(r"^cargo run (--release )?-- ").unwrap();
    let command = cargo.replace(command, "seawall ");
    assert!(!command.starts_with("cargo "), "a console block cannot run {command}");
    // The shell of the step before is gone; its exit code is what `echo $?` asks for.
    let output = shell(dir, &format!("exec 2>&1; (exit {code}); {command}")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(str::to_owned).collect(), output.status.code().unwrap())
}

/// Whether `printed` is what `written` says.
fn agrees(printed: &[String], written: &[String]) -> bool {
    let written: Vec<String> = written.iter().map(|line| redacted(line)).collect();
    let printed: Vec<String> = printed.iter().map(|line| redacted(line)).collect();
    matches(&printed, &written)
}

fn matches(printed: &[String], written: &[String]) -> bool {
    match (printed, written) {
        (_, [any, rest @ ..]) if any.trim() == ANY => {
            (0..=printed.len()).any(|skipped| matches(printed.get(skipped..).unwrap_or_default(), rest))
        }
        ([], []) => true,
        ([first, printed @ ..], [wanted, written @ ..]) => first == wanted && matches(printed, written),
        _ => false,
    }
}

/// Takes out what differs from day to day and from machine to machine.
fn redacted(line: &str) -> String {
    let rules = [
        (r"oldest (record|file written) .* (ago|old)", "oldest $1 AGE $2"),
        (r#""oldest_age_seconds": ?\d+"#, r#""oldest_age_seconds": AGE"#),
        (r"free .* at least ", "free FREE at least "),
        (r"seawall \d+\.\d+\.\d+", "seawall VERSION"),
        // A second change in one second has a number behind its name.
        (r"\b20\d{6}T\d{6}Z-([a-z]+)(-\d+)?", "yyyymmddThhmmssZ-$1"),
        (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  ", "MADE  "),
        (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$", "MADE"),
        (r"dropped/20\d{6}T\d{6}Z", "dropped/yyyymmddThhmmssZ"),
        (r"\b01[0-9A-Z]{24}\b", "01ULIDULIDULIDULIDULIDULID"),
    ];
    rules.iter().fold(line.to_owned(), |line, (rule, with)| {
        Regex::new(rule).unwrap().replace_all(&line, *with).into()
    })
}

/// The lines of a block with what is printed now.
fn blessed(steps: &[Step], printed: &[Vec<String>]) -> Vec<String> {
    let mut lines = Vec::new();
    for (step, printed) in steps.iter().zip(printed) {
        lines.push(format!("$ {}", step.command));
        let stays = agrees(printed, &step.printed) || step.printed.iter().any(|line| line.trim() == ANY);
        lines.extend(if stays { step.printed.clone() } else { printed.clone() });
    }
    lines
}

/// What is wrong in a document, and the document as it should be.
fn examine(document: &Document) -> (Vec<String>, String) {
    let mut lines: Vec<String> = document.text.lines().map(str::to_owned).collect();
    let mut wrong = Vec::new();
    for block in document.blocks_of("console").iter().rev() {
        let steps = steps(block);
        let printed = run(&steps);
        for (step, printed) in steps.iter().zip(&printed) {
            if !agrees(printed, &step.printed) {
                let (line, command) = (block.lines.start, &step.command);
                let (written, printed) = (step.printed.join("\n"), printed.join("\n"));
                let path = &document.path;
                wrong.push(format!("{path}:{line}: {command}\n== written\n{written}\n== printed\n{printed}"));
            }
        }
        lines.splice(block.lines.clone(), blessed(&steps, &printed));
    }
    (wrong, lines.join("\n") + "\n")
}

#[test]
fn what_the_documents_show_is_what_the_commands_print() {
    let mut wrong = Vec::new();
    for document in documents() {
        let (complaints, text) = examine(&document);
        if std::env::var_os("SEAWALL_BLESS").is_some() && text != document.text {
            fs::write(repository().join(&document.path), text).unwrap();
        }
        wrong.extend(complaints);
    }
    assert!(wrong.is_empty(), "\n{}\nSEAWALL_BLESS=1 writes what is printed", wrong.join("\n\n"));
}

#[test]
fn a_line_of_dots_stands_for_any_lines_and_nothing_else_does() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(agrees(&lines("a b c"), &lines("a ... c")));
    assert!(agrees(&lines("a c"), &lines("a ... c")));
    assert!(agrees(&lines("a b c"), &lines("...")));
    assert!(!agrees(&lines("a b d"), &lines("a ... c")));
    assert!(!agrees(&lines("a b"), &lines("a")));
    assert!(!agrees(&[], &lines("a")));
}
