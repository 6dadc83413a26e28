//! The guide promises nothing that no test proves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_case_of_the_guide_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("../../docs/guides/proxy.md")).unwrap();
    let (_, table) = guide.split_once("| case |").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 15);
    let folders = ["tests/proxy", "tests/kills"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let sources: String = files.collect();
    for row in rows {
        let name = row.trim_end_matches(" |").rsplit(' ').next().unwrap().trim_matches('`');
        assert!(sources.contains(&format!("\nfn {name}() {{")), "no test is called {name}");
    }
}

/// All sources below a folder as one text.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts =
        entries.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() });
    texts.collect()
}

/// The word in quotes that a text begins with.
fn quoted(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split('"').next()
}

#[test]
fn the_contracts_list_the_codes_of_errors_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = fs::read_to_string(root.join("../../docs/contracts.md")).unwrap();
    let (_, section) = contracts.split_once("## Errors of a proxy").unwrap();
    let listed: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let sources = sources(&root.join("src"));
    // A code stands behind its status, wherever one is made; the one that is written as bytes has none.
    let made = sources.split("StatusCode::").filter_map(|text| quoted(text.split_once(',')?.1));
    let mut made: BTreeSet<&str> = made.filter(|code| !code.contains(['/', ' ', '{'])).collect();
    made.insert("too-many-connections");
    assert_eq!(listed, made);
}
