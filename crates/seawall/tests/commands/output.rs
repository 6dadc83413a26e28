//! Where output goes and how it looks.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::world::{World, write_large_log};

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    write_large_log(&world.path("large"));
    let mut dump =
        world.seawall(&["dump", "large"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(dump.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"file":"wal/00000000""#), "{line}");
    let ran = dump.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0));
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "");
}

#[test]
fn json_stands_alone_on_standard_output_whatever_happens() {
    let world = World::new();
    for args in [
        &["inspect", "damaged"][..],
        &["verify", "torn"],
        &["check", "gap", "--max-size", "1"],
        &["check", "--allow-missing", "empty"],
        &["verify", "absent"],
        &["inspect", "unknown"],
        &["inspect", "several"],
    ] {
        let ran = world.run(&[args, &["--json"]].concat());
        let json = ran.json();
        let failed = ran.code == Some(3);
        assert_eq!(json.get("error").is_some(), failed, "{args:?}: {json}");
        assert_eq!(json.get("health").is_some(), !failed, "{args:?}: {json}");
        if !failed {
            assert_eq!(ran.stderr, "", "{args:?}");
        }
    }
}

#[test]
fn every_line_of_a_dump_is_json() {
    let world = World::new();
    for log in ["sound", "damaged", "torn", "gap"] {
        let ran = world.run(&["dump", log]);
        for line in ran.stdout.lines() {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(json.get("type").or(json.get("damage")).or(json.get("note")).is_some(), "{line}");
        }
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_force_it() {
    let world = World::new();
    let coloured = |variables: &[(&str, &str)]| {
        let output = world.seawall(&["inspect", "damaged"]).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&[("TERM", "xterm-256color")]));
}

#[test]
fn help_is_a_success_that_is_asked_for_and_a_mistake_that_is_not() {
    let world = World::new();
    for args in [&["--help"][..], &["-h"], &["--version"], &["check", "--help"], &["generate", "man", "-h"]] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
    let bare = world.run(&[]);
    assert_eq!((bare.code, bare.stdout.as_str()), (Some(64), ""));
    assert!(bare.stderr.contains("Usage: seawall"), "{}", bare.stderr);
    for args in [
        &["chekc", "sound"][..],
        &["check"],
        &["check", "sound", "--path", "sound"],
        &["check", "sound", "--max-size", "5 parsecs"],
        &["check", "sound", "--fix", "magic"],
        &["drain", "sound", "--keep", "2h", "--until", "1h"],
        &["trim", "sound"],
        &["quarantine", "prune", "sound"],
        &["inspect", "sound", "--format", "mongodb"],
        &["dump", "sound", "--match", "{job"],
        &["dump", "sound", "--since", "yesterday"],
        &["guard", "sound"],
        &["guard", "--", "true"],
        &["generate"],
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""), "{args:?}: {}", ran.stderr);
    }
}
