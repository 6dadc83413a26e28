//! Mentions source files that grow towards the hard limit, while splitting them is still cheap.
//!
//! Only a mention: the hard limit is a law of the architecture test, and this one is a matter of judgement.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::root;

/// Lines of production code, without the tests at a file's end.
const COMFORTABLE: usize = 400;

/// Prints one line for each file with more production code than is comfortable.
pub(crate) fn mention_long_files() {
    for folder in ["crates", "xtask"] {
        for file in rust_files(&root().join(folder)).into_iter().filter(|file| !is_test(file)) {
            let lines = fs::read_to_string(&file).map_or(0, |text| production_lines(&text));
            if lines > COMFORTABLE {
                let shown = file.strip_prefix(root()).unwrap_or(&file).display();
                println!(
                    "note: {shown} has {lines} lines of code; above {COMFORTABLE}, look for a second concept in it"
                );
            }
        }
    }
}

/// Tests in files of their own: long ones read like a list, and only the hard limit is for them.
fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests")
}

/// The lines before the test module.
fn production_lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

/// Every Rust source below `folder`.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_test, production_lines};

    #[test]
    fn tests_in_files_of_their_own_are_not_code() {
        assert!(is_test(Path::new("crates/formats/src/arwal/tests.rs")));
        assert!(is_test(Path::new("crates/formats/tests/peer/mod.rs")));
        assert!(!is_test(Path::new("xtask/src/test.rs")));
    }

    #[test]
    fn tests_at_the_end_of_a_file_do_not_count_as_its_code() {
        assert_eq!(production_lines("//! Head.\n\nfn code() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), 4);
    }
}
