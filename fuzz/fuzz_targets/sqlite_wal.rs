//! Any bytes, read as the `-wal` file of SQLite, alone and beside an index.

#![no_main]

use formats::sqlite::{scan, scan_with_index};
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::repair;
use libfuzzer_sys::fuzz_target;

/// How much of an index is looked at.
const INDEX: usize = 136;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let Some((index, file)) = file.split_at_checked(INDEX) else { return };
    let (mut index, mut file) = (index.to_vec(), file.to_vec());
    repair::sqlite_wal(control, &mut file);
    if let Some(salts) = file.get(16..24) {
        index[32..40].copy_from_slice(salts);
    }
    repair::sqlite_shm(control, &mut index);
    let alone = Seen::of(control.stretch, |visit| scan(&file, visit).expect("memory can be read"));
    obeys(&alone, &file);
    let beside =
        Seen::of(control.stretch, |visit| scan_with_index(&file, &index, visit).expect("memory can be read"));
    obeys(&beside, &file);
    // An index can only add to what counts.
    assert!(beside.damage.len() >= alone.damage.len());
});

fn obeys(seen: &Seen, file: &[u8]) {
    seen.assert_in_order(file.len() as u64);
    seen.assert_accounted(file, 32, 0);
    let mut numbers = seen.records.iter().map(|(_, record)| &record.fields[0].1);
    assert!(numbers.all(|number| matches!(number, formats::Value::Unsigned(1..))));
}
