//! Segments of PostgreSQL as the servers write them, control files, and slots.

use fuzz::control::CONTROL;
use fuzz::postgres::{opening, segment};
use fuzz::repair::crc32c;

use crate::{kept, put, whole, with_control};

/// Small pages, so that small files have many.
const PAGE: usize = 1024;

pub fn write() {
    let golden = kept("golden/postgres-000000010000000000000006");
    put("postgres_segment", "golden", &with_control(255, &golden[..9000]));
    let sizes = [24, 60, 900, 2500, 24, 333, 24, 1000, 700, 40, 40, 40];
    let records = laid(&[], &sizes);
    put("postgres_segment", "records", &with_control(128, &records));
    put("postgres_segment", "goes-on", &with_control(200, &laid(&[1300], &sizes)));
    put("postgres_segment", "end-of-segment", &with_control(1, &records));
    let switch = [&laid(&[], &[100, 24])[..], &[7; 2000]].concat();
    put("postgres_segment", "switch", &with_control(0, &with_switch(switch)));
    for (name, left) in [("lost-record", 1u64 << 35), ("lost-header", 1 << 34), ("lost-page", 1 << 2)] {
        let mut seed = with_control(0, &records);
        seed[..8].copy_from_slice(&left.to_le_bytes());
        let place = if left < 1 << 32 { 2 * PAGE } else { 60 + 300 };
        seed[CONTROL + place] ^= 0x55;
        put("postgres_segment", name, &seed);
    }
    put("postgres_segment", "given-up", &given_up());
    let control = kept("golden/postgres-pg_control");
    let holds = |place: &u8| {
        let at = 96 + 4 * usize::from(*place);
        control[at..at + 4] == crc32c(&control[..at]).to_le_bytes()
    };
    let place = (0..=231).find(holds).expect("a sum that holds");
    put("postgres_control", "golden", &with_control(place, &control[..400]));
    put("postgres_slot", "golden", &with_control(0, &kept("golden/postgres-slot-state")));
}

/// A segment that goes on with `rest` bytes of a record, if any, and then holds records of these lengths.
pub fn laid(rest: &[usize], sizes: &[usize]) -> Vec<u8> {
    let mut file = vec![0; 40];
    file[37] = 4;
    file[10] = 0x60;
    if let [left] = rest {
        file[2] = 1;
        // Made right, this is one more than what it is divided by leaves.
        file[16..20].copy_from_slice(&(*left as u32 - 1).to_le_bytes());
        (0..*left).for_each(|at| push(&mut file, at as u8 | 1));
    }
    for size in sizes {
        while !file.len().is_multiple_of(8) {
            file.push(0);
        }
        let head = [(*size as u32).to_le_bytes(), [7, 0, 0, 0]].concat();
        let body = (8..*size).map(|at| if at < 24 { [0, 10][usize::from(at == 17)] } else { at as u8 | 1 });
        head.into_iter().chain(body).for_each(|byte| push(&mut file, byte));
    }
    right(file)
}

/// Appends a byte of a record, behind a page header if one belongs there.
fn push(file: &mut Vec<u8>, byte: u8) {
    if file.len().is_multiple_of(PAGE) {
        file.resize(file.len() + 24, 0);
    }
    file.push(byte);
}

/// Makes headers and checksums right.
pub fn right(mut file: Vec<u8>) -> Vec<u8> {
    let shape = opening(whole(), &mut file).expect("a whole header");
    segment(whole(), shape, &mut file);
    file
}

/// Makes the second record a switch to the next segment.
fn with_switch(mut file: Vec<u8>) -> Vec<u8> {
    let second = (40usize + 100).next_multiple_of(8);
    file[second + 16..second + 18].copy_from_slice(&[0x40, 0]);
    right(file)
}

/// A record that the server gave up, told by the page where it would have gone on.
fn given_up() -> Vec<u8> {
    let mut file = laid(&[], &[500, 900]);
    file.truncate(PAGE + 24);
    let last = file.len() - 24;
    file[last + 2] = 8;
    file[last + 16..].fill(0);
    let behind = laid(&[], &[64, 64]);
    file.extend_from_slice(&behind[40..]);
    let mut seed = with_control(0, &file);
    // The page and the record that was given up are left as they are.
    seed[..8].copy_from_slice(&(1u64 << 1 | 1 << 33).to_le_bytes());
    seed
}
