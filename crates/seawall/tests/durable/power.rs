//! The power goes while `seawall append` is at work.
//!
//! `SEAWALL_POWER_LOSSES` says how often.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::{Cut, Data, PowerDisk, need_program, quick_directory};

use crate::{SEGMENT, last_safe, there};

const BYTES: u64 = 48 << 20;

#[test]
#[ignore = "mounts a file system"]
fn what_append_called_safe_is_there_after_the_power_went() {
    let Some(disk) = PowerDisk::need(BYTES) else { return };
    let losses =
        std::env::var("SEAWALL_POWER_LOSSES").ok().and_then(|value| value.parse().ok()).unwrap_or(20);
    for loss in 0..losses {
        disk.power_on([Data::Ordered, Data::Writeback, Data::Journaled][loss % 3]).unwrap();
        let place = disk.path().join(loss.to_string());
        fs::create_dir(&place).unwrap();
        let safe = append_until_the_power_goes(&disk, loss);
        disk.power_off().unwrap();
        disk.power_on(Data::Ordered).unwrap();
        disk.power_off().unwrap();
        disk.check().unwrap();
        disk.power_on(Data::Ordered).unwrap();
        // The first cut may come before the place itself is on the disk.
        let events = if place.exists() { there(&place).remove("job") } else { None };
        let events = events.map_or_else(Vec::new, |(events, _)| events);
        assert!(events.len() >= safe, "power cut {loss}: {} of {safe}", events.len());
        let is_next = |(number, event): (usize, &String)| *event == line(number + 1);
        assert!(events.iter().enumerate().all(is_next), "power cut {loss}");
        fs::remove_dir_all(&place).ok();
        disk.power_off().unwrap();
    }
}

#[test]
#[ignore = "mounts a file system"]
fn what_append_called_safe_in_a_journal_whose_directories_it_made_is_there_after_the_power_went() {
    let Some(disk) = PowerDisk::need(BYTES) else { return };
    for (loss, data) in [Data::Ordered, Data::Writeback, Data::Journaled].into_iter().enumerate() {
        disk.power_on(data).unwrap();
        let place = disk.path().join(format!("{loss}/of/three"));
        let mut command = append_to(&place.join("journal"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"first").unwrap();
        assert!(child.wait().unwrap().success());
        disk.lose_power(Cut::Now).unwrap();
        disk.power_off().unwrap();
        disk.power_on(data).unwrap();
        assert_eq!(there(&place).remove("job").unwrap().0, ["first"], "{data:?}");
        disk.power_off().unwrap();
    }
}

/// ext4 brings names to the disk with whatever is synced, others do not.
#[test]
#[ignore = "traces a process"]
fn the_name_of_each_directory_that_append_made_is_synced_before_it_calls_anything_safe() {
    let Some(mut strace) = need_program("strace") else { return };
    let place = quick_directory().unwrap();
    let append = append_to(&place.path().join("one/two/three/journal"));
    fs::write(place.path().join("input"), "first").unwrap();
    let input = fs::File::open(place.path().join("input")).unwrap();
    strace.args(["-f", "-q", "-y", "-e", "trace=?mkdir,?mkdirat,fsync,write", "-s", "4096", "-o"]);
    strace.arg(place.path().join("calls")).arg("--").arg(append.get_program()).args(append.get_args());
    let ran = strace.stdin(input).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let calls = fs::read_to_string(place.path().join("calls")).unwrap();
    let safe = calls.find("\\\"last\\\":1").unwrap();
    for made in ["one", "one/two", "one/two/three", "one/two/three/journal"] {
        let made = place.path().join(made);
        let at = calls.find(&format!("\"{}\", 0", made.display())).unwrap();
        let synced = format!("<{}>) ", made.parent().unwrap().display());
        assert!(calls[at..safe].contains(&synced), "{made:?}: {calls}");
    }
}

fn append_to(journal: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["append", "--json", "--batch-size", "5", "job", "--journal"]).arg(journal);
    command.env("SEAWALL_JOURNAL_SEGMENT_SIZE", SEGMENT.to_string());
    command
}

fn line(number: usize) -> String {
    format!("{number} {}", "y".repeat(number * 977 % 3000))
}

/// Starts the program and takes the power away once it has said some lines; the number of the last event it called safe.
fn append_until_the_power_goes(disk: &PowerDisk, loss: usize) -> usize {
    let mut command = append_to(&disk.path().join(format!("{loss}/journal")));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // More than it will come to; once it has ended, nobody reads and writing fails.
    let feed = std::thread::spawn(move || {
        (1..4000).try_for_each(|number| writeln!(input, "{}", line(number))).ok();
    });
    let mut said = Vec::new();
    let (mut some, wanted) = ([0; 256], loss * 397 % 4000);
    while said.len() < wanted {
        match output.read(&mut some).unwrap() {
            0 => break,
            count => said.extend(some.iter().take(count)),
        }
    }
    disk.lose_power(if loss.is_multiple_of(4) { Cut::AfterTheLog } else { Cut::Now }).unwrap();
    output.read_to_end(&mut said).unwrap();
    child.wait().unwrap();
    feed.join().unwrap();
    last_safe(&String::from_utf8(said).unwrap())
}
