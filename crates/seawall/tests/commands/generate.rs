//! Completions and manual pages.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::world::World;

pub(crate) const COMMANDS: [&str; 22] = [
    "inspect",
    "verify",
    "check",
    "guard",
    "dump",
    "repair",
    "drain",
    "trim",
    "reset",
    "undo",
    "quarantine",
    "append",
    "streams",
    "close",
    "consumers",
    "parked",
    "plan",
    "import",
    "replay",
    "archive",
    "doctor",
    "generate",
];

#[test]
fn completions_know_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = world.run(&["generate", "completions", shell]);
        assert_eq!(ran.code, Some(0));
        for word in COMMANDS.into_iter().chain(["max-size", "on-problem"]) {
            assert!(ran.stdout.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn bash_accepts_its_completions() {
    let world = World::new();
    let script = world.run(&["generate", "completions", "bash"]).stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn every_command_gets_a_manual_page_with_its_examples() {
    let world = World::new();
    assert_eq!(world.run(&["generate", "man", "--dir", "man1"]).code, Some(0));
    for command in COMMANDS {
        let page = fs::read_to_string(world.path("man1").join(format!("seawall-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command}");
        assert!(page.contains("Examples"), "{command}");
    }
    let page = world.run(&["generate", "man"]).stdout;
    assert_eq!(fs::read_to_string(world.path("man1/seawall.1")).unwrap(), page);
    assert!(page.contains("Exit codes"), "{page}");
}
