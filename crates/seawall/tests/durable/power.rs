//! The power goes while `seawall append` is at work.
//!
//! `SEAWALL_POWER_LOSSES` says how often.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use testkit::{Cut, Data, PowerDisk};

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

fn line(number: usize) -> String {
    format!("{number} {}", "y".repeat(number * 977 % 3000))
}

/// Starts the program and takes the power away once it has said some lines; the number of the last event it called safe.
fn append_until_the_power_goes(disk: &PowerDisk, loss: usize) -> usize {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["append", "--json", "--batch-size", "5", "job", "--journal"]);
    command.arg(disk.path().join(format!("{loss}/journal")));
    command.env("SEAWALL_JOURNAL_SEGMENT_SIZE", SEGMENT.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // More than it will come to; once it has ended, nobody reads and writing fails.
    let feed = std::thread::spawn(move || {
        use std::io::Write;
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
