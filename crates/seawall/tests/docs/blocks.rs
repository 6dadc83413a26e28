//! Markdown files and the fenced blocks and tables in them.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A Markdown file.
pub(crate) struct Document {
    /// Its path below the repository.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    /// The word behind the opening fence.
    pub(crate) language: String,
    /// Where its content lies among the lines of the document.
    pub(crate) lines: Range<usize>,
    /// Its content.
    pub(crate) content: Vec<String>,
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every document of the project.
pub(crate) fn documents() -> Vec<Document> {
    let mut paths = Vec::new();
    collect(&repository(), &mut paths);
    collect_below(&repository().join("docs"), &mut paths);
    paths.sort();
    assert!(paths.len() > 5, "too few documents: {paths:?}");
    paths.into_iter().map(|path| document(&path)).collect()
}

/// One document by its path below the repository.
pub(crate) fn document(path: &str) -> Document {
    let text = fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Document { path: path.to_owned(), text }
}

fn collect(folder: &Path, paths: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path.strip_prefix(repository()).unwrap().display().to_string());
        }
    }
}

fn collect_below(folder: &Path, paths: &mut Vec<String>) {
    collect(folder, paths);
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect_below(&path, paths);
        }
    }
}

impl Document {
    /// Its fenced blocks. A fence stands at the start of its line.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let lines: Vec<&str> = self.text.lines().collect();
        let fences: Vec<usize> = (0..lines.len()).filter(|&at| fence(&lines, at).is_some()).collect();
        let pairs = fences.chunks(2).map(|pair| match pair {
            [open, close] => (*open, *close),
            _ => panic!("{}: a block is not closed", self.path),
        });
        let block = |(open, close): (usize, usize)| Block {
            language: fence(&lines, open).unwrap_or_default().to_owned(),
            lines: open + 1..close,
            content: lines.iter().take(close).skip(open + 1).map(|line| (*line).to_owned()).collect(),
        };
        pairs.map(block).collect()
    }

    /// Its blocks of one language.
    pub(crate) fn blocks_of(&self, language: &str) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.language == language).collect()
    }

    /// The rows of the tables below a heading, up to the next heading of the same rank or a higher one; the cells of
    /// each without the backticks of the first.
    pub(crate) fn rows(&self, heading: &str) -> Vec<Vec<String>> {
        let rank = heading.chars().take_while(|c| *c == '#').count();
        let ends = |line: &str| {
            let own = line.chars().take_while(|c| *c == '#').count();
            (1..=rank).contains(&own)
        };
        let below = self.text.lines().skip_while(|line| *line != heading).skip(1);
        let rows: Vec<Vec<String>> =
            below.take_while(|line| !ends(line)).filter(|line| line.starts_with("| `")).map(cells).collect();
        assert!(!rows.is_empty(), "{}: no table below \"{heading}\"", self.path);
        rows
    }

    /// The first column of these tables.
    pub(crate) fn names(&self, heading: &str) -> Vec<String> {
        self.rows(heading).into_iter().filter_map(|row| row.into_iter().next()).collect()
    }
}

fn fence<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    lines.get(at)?.strip_prefix("```")
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_matches('|');
    // A pipe inside a cell is written `\|`.
    let cells = inner.replace("\\|", "\u{1}");
    let cell = |cell: &str| cell.trim().replace('\u{1}', "|");
    let mut cells: Vec<String> = cells.split('|').map(cell).collect();
    if let Some(first) = cells.first_mut() {
        *first = first.trim_matches('`').to_owned();
    }
    cells
}
