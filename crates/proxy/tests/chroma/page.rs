//! The guide promises nothing that no test proves.

use std::fs;
use std::path::Path;

#[test]
fn each_test_that_the_guide_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("../../docs/guides/chroma.md")).unwrap();
    let files = fs::read_dir(root.join("tests/chroma")).unwrap().map(|entry| entry.unwrap().path());
    let sources: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let words = guide.split('`').skip(1).step_by(2);
    let names: Vec<&str> = words.filter(|word| word.matches('_').count() > 3).collect();
    assert!(names.len() > 5);
    for name in names {
        assert!(sources.contains(&format!("fn {name}() {{")), "no test is called {name}");
    }
}
