//! The guard becomes the command, and the command notices nothing.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use crate::world::{Ran, World};

#[test]
fn the_command_takes_the_guards_place() {
    let world = World::new();
    let guard = world
        .seawall(&["guard", "-q", "sound", "--", "sh", "-c", "echo $$"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = guard.id();
    let ran = guard.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), format!("{pid}\n"));
}

#[test]
fn environment_directory_and_streams_are_those_that_the_guard_was_given() {
    let world = World::new();
    let direct = |program: &mut Command| {
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"from stdin").unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    // Sorted, since a shell may add its own variables in any order.
    let script = "env | sort; pwd; cat; umask";
    let mut guarded = world.seawall(&["guard", "-q", "sound", "--", "sh", "-c", script]);
    guarded.env("MARK", "a b");
    let mut bare = Command::new("sh");
    bare.args(["-c", script]).current_dir(world.path("")).env_clear().env("LC_ALL", "C").env("MARK", "a b");
    bare.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(crate::world::JOURNAL);
    assert_eq!(direct(&mut guarded), direct(&mut bare));
}

#[test]
fn signals_are_ignored_and_blocked_as_without_the_guard() {
    let world = World::new();
    let grep = ["grep", "-E", "^Sig(Ign|Blk):", "/proc/self/status"];
    let ran = world.run(&[&["guard", "-q", "sound", "--"][..], &grep].concat());
    let bare = Command::new("grep").args(grep.iter().skip(1)).output().unwrap();
    assert_eq!(ran.stdout, Ran::new(&bare).stdout);
    let ignored = ran.stdout.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    let sigpipe = 1 << (13 - 1);
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & sigpipe, 0, "SIGPIPE, which this runtime ignores");
}

#[test]
fn no_file_of_the_guard_stays_open_in_the_command() {
    let world = World::new();
    let ran = world.run(&["guard", "-q", "--verify", "sound", "--", "sh", "-c", "ls /proc/self/fd | wc -l"]);
    let bare =
        Command::new("sh").args(["-c", "ls /proc/self/fd | wc -l"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(ran.stdout, Ran::new(&bare).stdout);
}

#[test]
fn signals_and_exit_codes_are_the_commands_own() {
    let world = World::new();
    assert_eq!(world.run(&["guard", "-q", "sound", "--", "sh", "-c", "exit 42"]).code, Some(42));
    let mut guard = world
        .seawall(&[
            "guard",
            "-q",
            "sound",
            "--",
            "sh",
            "-c",
            "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let killed = Command::new("kill").args(["-TERM", &guard.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = guard.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(7), None));
}

#[test]
fn a_refusal_starts_nothing_and_ends_as_check_does() {
    let world = World::new();
    for (flags, code) in [(&["--max-size", "1"][..], 1), (&["--verify"], 2), (&["--format", "sqlite"], 3)] {
        let check = [&["check", "damaged"][..], flags].concat();
        assert_eq!(world.run(&check).code, Some(code), "{flags:?}");
        let guard = [&["guard", "damaged"][..], flags, &["--", "touch", "started"]].concat();
        assert_eq!(world.run(&guard).code, Some(code), "{flags:?}");
        assert!(!world.path("started").exists());
    }
}

#[test]
fn on_problem_start_tells_and_starts() {
    let world = World::new();
    for flags in [&["--verify"][..], &["--format", "sqlite"]] {
        let guard =
            [&["guard", "damaged", "--on-problem", "start"][..], flags, &["--", "echo", "started"]].concat();
        let ran = world.run(&guard);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "started\n"));
        assert!(ran.stderr.contains("starting echo in spite of that"), "{}", ran.stderr);
    }
}

#[test]
fn a_first_start_passes_whatever_the_limits_are() {
    let world = World::new();
    for path in ["absent", "empty", "fresh"] {
        let ran =
            world.run(&["guard", "--max-size", "1", "--memory-limit", "1", path, "--", "echo", "started"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "started\n"), "{path}");
        assert!(ran.stderr.contains("first start"), "{}", ran.stderr);
        assert_eq!(world.run(&["check", "--allow-missing", path]).code, Some(0));
        assert_eq!(world.run(&["check", path]).code, Some(3));
    }
}

#[test]
fn the_path_is_taken_from_the_servers_own_flags() {
    let world = World::new();
    fs::write(world.path("prometheus"), "#!/bin/sh\necho \"$@\"\n").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(world.path("prometheus")).status().unwrap().success());
    let flag = "--storage.tsdb.path=damaged";
    let ran = world.run(&["guard", "--verify", "--", "./prometheus", flag]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let ran = world.run(&["guard", "--", "./prometheus", flag, "--web.listen-address=:9"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "--storage.tsdb.path=damaged --web.listen-address=:9\n")
    );
}

/// A process that holds a file open for writing until it is dropped.
struct Writer(Child);

impl Writer {
    fn of(path: &std::path::Path) -> Self {
        let file = OpenOptions::new().append(true).open(path).unwrap();
        Self(Command::new("sleep").arg("600").stdout(Stdio::from(file)).spawn().unwrap())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_log_that_is_written_by_another_process_is_refused_by_the_guard_and_remarked_by_the_others() {
    let world = World::new();
    let writer = Writer::of(&world.path("sound/wal/00000001"));
    let ran = world.run(&["guard", "--json", "sound", "--", "touch", "started"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(!world.path("started").exists());
    assert_eq!(ran.json()["findings"][0]["code"], "in-use");
    let insisted = world.run(&["guard", "sound", "--on-problem", "start", "--", "echo", "started"]);
    assert_eq!((insisted.code, insisted.stdout.as_str()), (Some(4), ""), "no flag starts a second server");
    assert_eq!(ran.json()["health"], "critical");
    for command in ["inspect", "verify", "check"] {
        let ran = world.run(&[command, "--json", "sound"]);
        assert_eq!(ran.code, Some(0), "{command}");
        assert_eq!(ran.json()["notes"][0]["code"], "in-use", "{command}");
    }
    drop(writer);
    assert_eq!(world.run(&["guard", "sound", "--", "touch", "started"]).code, Some(0));
}
