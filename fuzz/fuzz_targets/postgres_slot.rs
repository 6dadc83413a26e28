//! Any bytes, read as the state of a replication slot of PostgreSQL.

#![no_main]

use formats::postgres::scan_slot;
use fuzz::control::Control;
use fuzz::repair::crc32c;
use libfuzzer_sys::fuzz_target;

/// Where the position stands that the slot may still ask for.
const RESTART: usize = 96;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    if control.repairs(0) && file.len() >= 8 {
        file[..4].copy_from_slice(&[0xa1, 0x1c, 0x05, 0x01]);
        let sum = crc32c(&file[8..]);
        file[4..8].copy_from_slice(&sum.to_le_bytes());
        let restart =
            file.get(RESTART..RESTART + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight")));
        assert_eq!(scan_slot(&file), restart.filter(|restart| *restart != 0));
    }
    if scan_slot(&file).is_some() {
        for at in 0..file.len().min(200) {
            file[at] ^= 1;
            assert_eq!(scan_slot(&file), None, "byte {at} may change");
            file[at] ^= 1;
        }
    }
});
