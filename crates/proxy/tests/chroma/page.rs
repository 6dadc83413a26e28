//! The guide promises nothing that no test proves.

use std::fs;
use std::path::Path;

#[test]
fn each_test_that_the_guide_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("../../docs/guides/chroma.md")).unwrap();
    // Those that need the binary are with it.
    let folders = ["tests/chroma", "../seawall/tests/daemon/chroma"].map(|folder| root.join(folder));
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let sources: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let words = guide.split('`').skip(1).step_by(2);
    let names: Vec<&str> = words.filter(|word| word.matches('_').count() > 3).collect();
    assert!(names.len() > 5);
    for name in names {
        assert!(sources.contains(&format!("fn {name}() {{")), "no test is called {name}");
    }
}
