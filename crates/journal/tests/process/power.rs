//! The journal on a file system that loses power.
//!
//! `SEAWALL_POWER_LOSSES` says how often, `SEAWALL_POWER_SEED` begins another course:
//!
//! ```sh
//! SEAWALL_POWER_LOSSES=1000 cargo test -p journal --test process power -- --ignored --nocapture
//! ```

use testkit::{Cut, Data, PowerDisk};

use crate::chance::Chance;
use crate::child::Work;
use crate::ledger::Ledger;
use crate::{command, hear, listen};

/// Little enough for a machine that gives files 64 MiB of its memory.
const BYTES: u64 = 48 << 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "mounts a file system"]
fn what_a_process_called_safe_is_there_when_the_file_system_lost_power() {
    let Some(disk) = PowerDisk::need(BYTES) else { return };
    let place = disk.path().join("journal");
    let seed = setting("SEAWALL_POWER_SEED", 1);
    let (mut chance, mut ledger) = (Chance::new(seed), Ledger::default());
    for life in 0..setting("SEAWALL_POWER_LOSSES", 80) {
        disk.power_on(data(&mut chance)).unwrap();
        ledger.check(&place).unwrap_or_else(|error| panic!("seed {seed}, power cut {life}: {error}"));
        lose_power(&disk, &mut chance, &mut ledger, life);
        disk.power_on(data(&mut chance)).unwrap();
        disk.power_off().unwrap();
        disk.check().unwrap_or_else(|error| panic!("seed {seed}, power cut {life}: {error}"));
    }
    disk.power_on(Data::Ordered).unwrap();
    ledger.check(&place).unwrap_or_else(|error| panic!("seed {seed}, last power cut: {error}"));
    eprintln!("{:?}", ledger.counts());
}

fn data(chance: &mut Chance) -> Data {
    match chance.below(4) {
        0 => Data::Journaled,
        1 => Data::Writeback,
        _ => Data::Ordered,
    }
}

/// Lets a child work, and the power go after so many lines of it.
fn lose_power(disk: &PowerDisk, chance: &mut Chance, ledger: &mut Ledger, life: u64) {
    let mut child = command(&disk.path().join("journal"), Work::Busy, life).spawn().unwrap();
    let mut said = hear(&mut child);
    let lines = if chance.one_in(8) { chance.below(8) } else { chance.below(1500) };
    listen(&mut said, ledger, usize::try_from(lines).unwrap());
    let cut = if chance.one_in(3) { Cut::AfterTheLog } else { Cut::Now };
    disk.lose_power(cut).unwrap();
    // Half of them live on, on a disk on which everything fails, and end by themselves.
    if chance.one_in(2) {
        child.kill().unwrap();
    }
    listen(&mut said, ledger, usize::MAX);
    child.wait().unwrap();
    drop(said);
    disk.power_off().unwrap();
}
