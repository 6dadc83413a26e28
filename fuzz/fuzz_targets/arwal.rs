//! Any bytes, read as a job log, and again from an archive of it: both must give the same.

#![no_main]

use formats::arwal::scan;
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::repair;
use libfuzzer_sys::fuzz_target;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    repair::arwal(control, &mut file);
    if file.starts_with(&ZSTD_MAGIC) {
        return;
    }
    let len = file.len() as u64;
    let seen = Seen::of(control.stretch, |visit| scan(&file, visit).expect("memory can be read"));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    seen.assert_accounted(&file, 16, 0);
    let archive = zstd::bulk::compress(&file, 1).expect("memory can be compressed");
    let archived = Seen::of(control.stretch, |visit| scan(&archive, visit).expect("memory can be read"));
    assert_eq!(archived.spans, seen.spans);
    assert_eq!(archived.damage, seen.damage);
});
