//! Links lead to files and headings that are there, blocks have a language that a test knows, excerpts are excerpts.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::blocks::{Document, document, documents, repository};

const LANGUAGES: [&str; 9] = ["console", "sh", "text", "json", "ini", "yaml", "toml", "rust", "python"];

/// What links out of a document lead to; addresses on other machines are left out.
fn targets(document: &Document) -> Vec<String> {
    let mut prose = String::new();
    let blocks: Vec<_> = document.blocks().into_iter().map(|block| block.lines).collect();
    for (at, line) in document.text.lines().enumerate() {
        if !blocks.iter().any(|block| block.contains(&at)) {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    // What stands in backticks is no link.
    let prose = Regex::new(r"`[^`\n]*`").unwrap().replace_all(&prose, "code").into_owned();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let found = link.captures_iter(&prose).map(|found| found.get(1).unwrap().as_str().to_owned());
    found.filter(|target| !target.contains("://")).collect()
}

fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

fn leads_nowhere(from: &Document, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let here = Path::new(&from.path);
    let path = if file.is_empty() { here.to_owned() } else { here.parent().unwrap().join(file) };
    let Ok(found) = repository().join(&path).canonicalize() else { return true };
    if heading.is_empty() {
        return false;
    }
    let path = found.strip_prefix(repository()).unwrap().display().to_string();
    let text = document(&path).text;
    !text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == heading)
}

#[test]
fn every_link_leads_somewhere() {
    let mut lost = Vec::new();
    let mut links = 0;
    for document in documents() {
        let targets = targets(&document);
        links += targets.len();
        let here = targets.into_iter().filter(|target| leads_nowhere(&document, target));
        lost.extend(here.map(|target| format!("{}: {target} is not there", document.path)));
    }
    assert!(lost.is_empty(), "\n{}", lost.join("\n"));
    assert!(links > 10, "the links are not found any more");
}

#[test]
fn a_broken_link_and_a_missing_heading_are_seen() {
    let from = document("README.md");
    assert!(leads_nowhere(&from, "docs/no-such-file.md"));
    assert!(leads_nowhere(&from, "docs/contracts.md#no-such-heading"));
    assert!(!leads_nowhere(&from, "docs/contracts.md#exit-codes"));
}

#[test]
fn every_picture_says_in_words_what_it_shows() {
    let picture = Regex::new(r"!\[([^\]]*)\]").unwrap();
    for document in documents() {
        for found in picture.captures_iter(&document.text) {
            let words = found.get(1).unwrap().as_str().split_whitespace().count();
            assert!(words >= 5, "{}: {}", document.path, found.get(0).unwrap().as_str());
        }
    }
}

#[test]
fn every_block_has_a_language_that_a_test_knows() {
    for document in documents() {
        for block in document.blocks() {
            let known = LANGUAGES.contains(&block.language.as_str());
            assert!(known, "{}:{}: {:?}", document.path, block.lines.start, block.language);
        }
    }
}

#[test]
fn excerpts_stand_in_a_file_that_is_deployed() {
    let mut deployed = Vec::new();
    collect(&repository().join("deploy"), &mut deployed);
    let mut excerpts = 0;
    for document in documents() {
        for block in document.blocks_of("ini").into_iter().chain(document.blocks_of("yaml")) {
            excerpts += 1;
            let wanted = outdented(&block.content);
            let stands = deployed
                .iter()
                .any(|file| file.windows(wanted.len()).any(|lines| outdented(lines) == wanted));
            assert!(stands, "{}:{}: not in deploy/ like this", document.path, block.lines.start);
        }
    }
    assert!(excerpts > 0, "the excerpts are not found any more");
}

fn collect(folder: &Path, files: &mut Vec<Vec<String>>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect());
        }
    }
}

/// The lines without the indentation that all of them share.
fn outdented(lines: &[String]) -> Vec<String> {
    let indent = |line: &String| line.chars().take_while(|c| *c == ' ').count();
    let shared = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or(0);
    lines.iter().map(|line| line.chars().skip(shared).collect()).collect()
}
