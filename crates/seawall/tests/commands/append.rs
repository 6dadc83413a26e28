//! Whatever ends an intake, what was acknowledged is in the journal, in order, and nothing else is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use journal::{Journal, OpenError};
use testkit::{FILE_CALLS, Fault, Faults, wait_for};

use crate::mended::SmallDisk;
use crate::sample;
use crate::world::{Ran, World};

/// Opens a journal. A child of another test has a copy of its lock until it becomes the program that it is to be.
fn open(journal: &Path) -> Journal {
    let mut options = sample::options();
    options.identity = journal::Identity::Any;
    let open = || match Journal::open(journal, options.clone()) {
        Err(OpenError::Held { .. }) => None,
        opened => Some(opened.unwrap()),
    };
    wait_for(Duration::from_mins(1), open).unwrap()
}

/// What is in a stream; its numbers have to be without gaps.
pub(crate) fn events(journal: &Path, stream: &str) -> Vec<String> {
    let journal = open(journal);
    assert!(journal.recovery().damage.is_empty(), "{:?}", journal.recovery());
    let Some(stream) = journal.find_stream(stream) else { return Vec::new() };
    let events: Vec<_> = journal.events(&stream).map(Result::unwrap).collect();
    assert!(events.iter().zip(1..).all(|(event, number)| event.seq.get() == number), "numbers are missing");
    events.into_iter().map(|event| String::from_utf8(event.payload).unwrap()).collect()
}

/// The last number that lines of acknowledgements speak of; each goes on where the one before it ends.
fn acknowledged(lines: &str) -> usize {
    lines.lines().filter(|line| line.starts_with('{') && line.ends_with('}')).fold(0, |last, line| {
        let ack: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| usize::try_from(ack.get(name).unwrap().as_u64().unwrap()).unwrap();
        assert_eq!(number("first"), last + 1, "{lines}");
        number("last")
    })
}

/// Lines of all kinds of lengths.
fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:05}{}", "x".repeat(number * 37 % 3000))).collect()
}

/// Fails unless the journal holds the first of `lines`, at least `least` of them.
fn demand(journal: &Path, lines: &[String], least: usize, when: &str) {
    let found = events(journal, "s");
    assert!(found.len() >= least, "{when}: {least} were acknowledged, {} are there", found.len());
    assert!(lines.starts_with(&found), "{when}: what is there is not what came in");
}

#[test]
fn what_was_acknowledged_is_there_when_the_process_was_killed() {
    for stop in [1, 2, 17, 60] {
        let world = World::of_events();
        let lines = lines(200);
        let mut append = world.seawall(&["append", "--json", "--batch-size", "3", "--journal", "own", "s"]);
        let mut child = append.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = lines.join("\n");
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let acks: Vec<String> = output.lines().map_while(Result::ok).take(stop).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        // The other end of the pipe is gone, so it ends, however much it had written.
        drop(writer.join().unwrap());
        demand(&world.path("own"), &lines, acknowledged(&acks.join("\n")), &format!("after {stop} lines"));
    }
}

#[test]
#[ignore = "kills a process at every one of its system calls on files"]
fn what_was_acknowledged_is_there_whichever_system_call_was_the_last_or_failed() {
    let Some(faults) = Faults::need() else { return };
    let lines = lines(60);
    for fault in [Fault::Kill, Fault::Error("ENOSPC")] {
        let prepare = || {
            let world = World::empty();
            fs::write(world.path("lines"), lines.join("\n")).unwrap();
            let append = format!(
                "exec {} append --json --batch-size 7 --journal own s < lines > acks",
                env!("CARGO_BIN_EXE_seawall")
            );
            let mut shell = Command::new("sh");
            shell.args(["-c", &append]).current_dir(world.path(""));
            shell.env("SEAWALL_JOURNAL_SEGMENT_SIZE", "64KiB");
            (world, shell)
        };
        let hits = faults.everywhere((fault, &FILE_CALLS), prepare, |world, struck| {
            let acks = fs::read_to_string(world.path("acks")).unwrap_or_default();
            let last = acks.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect::<String>();
            let when = format!("{fault:?} at {}: {}", struck.point, struck.stderr);
            if world.path("own").exists() {
                demand(&world.path("own"), &lines, acknowledged(&last), &when);
            } else {
                assert_eq!(acknowledged(&last), 0, "{when}");
            }
        });
        assert!(hits > 40, "{fault:?}: only {hits} calls were hit");
    }
}

#[test]
fn a_full_disk_is_told_line_by_line_and_appending_goes_on_once_there_is_room() {
    let world = World::of_events();
    let Some(_disk) = SmallDisk::at(&world.path("small"), 1 << 20) else { return };
    fs::write(world.path("small/ballast"), vec![1; 300 << 10]).unwrap();
    let lines = lines(2000);
    fs::write(world.path("many"), lines.join("\n")).unwrap();
    let append = |input: &str| {
        let mut append =
            world.seawall(&["append", "--json", "--batch-size", "10", "--journal", "small/j", "s"]);
        append.stdin(fs::File::open(world.path(input)).unwrap());
        Ran::new(&append.output().unwrap())
    };
    let ran = append("many");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let acks: String =
        ran.stdout.lines().filter(|line| line.contains("\"first\"")).collect::<Vec<_>>().join("\n");
    let last = acknowledged(&acks);
    assert!(last > 0 && ran.stderr.contains(&format!("lines 1 to {last} are on the disk")), "{}", ran.stderr);
    assert!(ran.stdout.contains("\"no-room\""), "{}", ran.stdout);
    fs::remove_file(world.path("small/ballast")).unwrap();
    fs::write(world.path("rest"), lines.get(last..last + 20).unwrap().join("\n")).unwrap();
    let ran = append("rest");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    demand(&world.path("small/j"), &lines, last + 20, "after making room");
}

#[test]
fn who_is_told_to_end_finishes_what_it_has_and_says_so() {
    for signal in ["-INT", "-TERM"] {
        let world = World::of_events();
        let mut append = world.seawall(&["append", "--json", "s"]);
        append.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = append.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"one\ntwo\n").unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut acks = String::new();
        while acknowledged(&acks) < 2 {
            output.read_line(&mut acks).unwrap();
        }
        input.write_all(b"not whole").unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let code = child.wait().unwrap().code();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("lines 1 to 2 are on the disk (events 1 to 2 of s)"), "{said}");
        assert!(said.contains("line 3 and all behind it were not taken"), "{said}");
        assert_eq!(events(&world.path("events"), "s"), ["one", "two"]);
    }
}

#[test]
fn who_has_the_journal_open_is_named() {
    let world = World::of_events();
    let mut holder = world.seawall(&["append", "--json", "s"]);
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    holder.stdin.as_mut().unwrap().write_all(b"x\n").unwrap();
    let mut ack = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut ack).unwrap();
    for command in
        [&["streams"][..], &["append", "s"], &["parked", "list"], &["import", "worker"], &["archive", "run"]]
    {
        let ran = world.run(&[command, &["--json"]].concat());
        assert_eq!(
            (ran.code, &ran.json()["error"]["code"]),
            (Some(4), &"in-use".into()),
            "{command:?}: {ran:?}"
        );
        assert!(ran.stderr.contains(&format!("(process {})", holder.id())), "{command:?}: {}", ran.stderr);
    }
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert_eq!(world.run(&["streams"]).code, Some(0));
}

#[test]
fn an_interval_gathers_lines_into_one_batch() {
    let world = World::of_events();
    let mut append = world.seawall(&["append", "--json", "--flush-interval", "1h", "--batch-size", "3", "s"]);
    let mut child = append.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // The third line makes the batch full, and the end of the input ends the next one.
    for line in ["1\n", "2\n", "3\n4\n"] {
        input.write_all(line.as_bytes()).unwrap();
    }
    let mut acks = String::new();
    output.read_line(&mut acks).unwrap();
    assert_eq!(acknowledged(&acks), 3);
    drop(input);
    output.read_to_string(&mut acks).unwrap();
    assert_eq!((acknowledged(&acks), acks.lines().count()), (4, 2));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_of_acknowledgements_that_goes_away_ends_the_intake() {
    let world = World::of_events();
    fs::write(world.path("many"), lines(500).join("\n")).unwrap();
    let mut append = world.seawall(&["append", "--json", "--batch-size", "1", "s"]);
    append.stdin(fs::File::open(world.path("many")).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = append.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("line 1 is on the disk (event 1 of s)"), "{said}");
}

#[test]
fn raw_input_is_one_event_whatever_is_in_it() {
    let world = World::of_events();
    let bytes = [0, b'\n', 0xff, b'\n'];
    fs::write(world.path("bytes"), bytes).unwrap();
    let mut append = world.seawall(&["append", "--raw", "s"]);
    append.stdin(fs::File::open(world.path("bytes")).unwrap());
    assert!(append.output().unwrap().status.success());
    let journal = open(&world.path("events"));
    let stream = journal.find_stream("s").unwrap();
    let payloads: Vec<_> = journal.events(&stream).map(|event| event.unwrap().payload).collect();
    assert_eq!(payloads, [bytes.to_vec()]);
}
