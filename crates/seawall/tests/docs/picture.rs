//! The picture in the README: what the program prints on a terminal with colours, drawn as SVG.
//!
//! Every piece of text has its own place and length, so that columns line up whatever font the reader has.

use std::fmt::Write;
use std::fs;

use crate::blocks::repository;
use crate::workshop::{Workshop, shell};

const PICTURE: &str = "docs/images/verify.svg";

const COMMANDS: [&str; 2] =
    ["seawall verify -v damaged", "seawall check --max-size 1GB --max-files 4 --memory-limit 2GiB data"];

/// A cell of the terminal in pixels, and the space around all of them.
const CELL: usize = 8;
const LINE: usize = 18;
const MARGIN: usize = 16;

const STYLE: &str = "text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
    fill:#d3d7de;white-space:pre}.b{font-weight:600}.d{fill:#8b93a1}.c31{fill:#ff7b72}.c32{fill:#7ee787}\
    .c33{fill:#e3b341}.c36{fill:#76c7d5}";

/// Text in one style.
#[derive(Debug, PartialEq)]
struct Piece {
    column: usize,
    classes: String,
    text: String,
}

/// The pieces of a line with escape sequences in it; `classes` go on from the line before and into the next.
fn pieces(line: &str, classes: &mut String) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut column = 0;
    for (index, part) in line.split('\u{1b}').enumerate() {
        let text = match part.split_once('m') {
            Some((sequence, text)) if index > 0 => {
                *classes = styled(classes, sequence.trim_start_matches('['));
                text
            }
            _ => part,
        };
        // Two blanks separate columns: each gets its own place.
        for cell in text.split("  ") {
            let blanks = cell.chars().take_while(|c| *c == ' ').count();
            if !cell.trim().is_empty() {
                let (classes, text) = (classes.clone(), cell.trim().to_owned());
                pieces.push(Piece { column: column + blanks, classes, text });
            }
            column += cell.chars().count() + 2;
        }
        column -= 2;
    }
    pieces
}

/// The classes after an escape sequence.
fn styled(classes: &str, sequence: &str) -> String {
    let class = match sequence {
        "0" => return String::new(),
        "1" => "b".to_owned(),
        "2" => "d".to_owned(),
        colour => format!("c{colour}"),
    };
    assert!(STYLE.contains(&format!(".{class}{{")), "no style for the escape sequence {sequence}");
    format!("{classes} {class}").trim().to_owned()
}

fn drawn(lines: &[String]) -> String {
    let mut classes = String::new();
    let rows: Vec<Vec<Piece>> = lines.iter().map(|line| pieces(line, &mut classes)).collect();
    let ends = rows.iter().flatten().map(|piece| piece.column + piece.text.chars().count());
    let width = ends.max().unwrap_or(0) * CELL + 2 * MARGIN;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>seawall in a terminal</title>\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#161a21\"/>\n"
    );
    for (row, pieces) in rows.iter().enumerate() {
        let y = MARGIN + row * LINE + 13;
        for Piece { column, classes, text } in pieces {
            let (x, length) = (MARGIN + column * CELL, text.chars().count() * CELL);
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let class = if classes.is_empty() { String::new() } else { format!(" class=\"{classes}\"") };
            let place = format!("x=\"{x}\" y=\"{y}\" textLength=\"{length}\"{class}");
            writeln!(svg, "<text {place}>{text}</text>").unwrap();
        }
    }
    svg + "</svg>\n"
}

/// What a terminal shows after the commands.
fn session() -> Vec<String> {
    let workshop = Workshop::new();
    let mut lines = Vec::new();
    for command in COMMANDS {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1m{command}\u{1b}[0m"));
        let output = shell(workshop.path(), command).env("CLICOLOR_FORCE", "1").output().unwrap();
        lines.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
    }
    lines
}

#[test]
fn the_picture_shows_what_the_program_prints() {
    let drawn = drawn(&session());
    let path = repository().join(PICTURE);
    if std::env::var_os("SEAWALL_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(drawn == kept, "{PICTURE} is out of date: SEAWALL_BLESS=1 draws it again\n{drawn}");
}

#[test]
fn escape_sequences_become_classes_and_blanks_become_columns() {
    let piece =
        |column, classes: &str, text: &str| Piece { column, classes: classes.into(), text: text.into() };
    let (line, mut classes) = ("  \u{1b}[1m\u{1b}[31mbad\u{1b}[0m  a<b    7 B \u{1b}[2m", String::new());
    let row = [piece(2, "b c31", "bad"), piece(7, "", "a<b"), piece(14, "", "7 B")];
    assert_eq!((pieces(line, &mut classes), classes.as_str()), (row.into(), "d"));
    let svg = drawn(&[line.to_owned(), "dim".to_owned()]);
    assert!(svg.contains("<text x=\"32\" y=\"29\" textLength=\"24\" class=\"b c31\">bad</text>"), "{svg}");
    assert!(svg.contains(">a&lt;b</text>") && svg.contains("class=\"d\">dim</text>"), "{svg}");
}
