//! What the gates look at.

use super::*;
use crate::app;
use crate::cli::Command;

fn plan(flags: &str) -> Plan {
    let words = ["seawall", "check", "/data"].into_iter().chain(flags.split_whitespace());
    match app::parse(words.map(Into::into)).unwrap().command {
        Command::Check(args) => args.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_read_unless_something_asks_for_it() {
    assert_eq!(plan("").gate.depth, Depth::Listing);
    assert_eq!(plan("--max-size 5GB --max-files 3 --min-free 5%").gate.depth, Depth::Listing);
    for flags in ["--verify", "--max-age 2h", "--memory-limit 4GiB", "--memory-limit 4GiB --verify"] {
        assert_eq!(plan(flags).gate.depth, Depth::Bytes, "{flags}");
    }
}

#[test]
fn fixes_are_separated_by_commas_or_repeated_and_only_a_repair_reads() {
    assert_eq!(plan("").gate.fixes, []);
    assert_eq!(plan("--fix repair,drain").gate.fixes, [Fix::Repair, Fix::Drain]);
    assert_eq!(plan("--fix trim --fix drain").gate.fixes, [Fix::Trim, Fix::Drain]);
    assert_eq!(plan("--fix repair").gate.depth, Depth::Bytes);
    assert_eq!(plan("--fix drain,trim --max-size 1GB").gate.depth, Depth::Listing);
}

#[test]
fn limits_mean_what_was_typed() {
    let limits = plan("--max-size 5GB --max-age 90s --max-files 3 --memory-limit 1KiB").gate.limits;
    assert_eq!(limits.max_size, Some(5_000_000_000));
    assert_eq!(limits.max_age, Some(std::time::Duration::from_secs(90)));
    assert_eq!(limits.max_files, Some(3));
    assert_eq!(limits.memory, Some(1024));
    assert!(plan("").gate.limits.is_empty());
}

#[test]
fn a_fresh_volume_holds_nothing_and_a_used_one_does() {
    let dir = tempfile::tempdir().unwrap();
    assert!(holds_nothing(dir.path()));
    assert!(holds_nothing(&dir.path().join("absent")));
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    assert!(holds_nothing(dir.path()));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(!holds_nothing(dir.path()));
    assert!(!holds_nothing(&dir.path().join("file")));
}
