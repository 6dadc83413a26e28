//! Any bytes, read as the `-shm` file of SQLite.

#![no_main]

use formats::sqlite::scan_index;
use fuzz::control::Control;
use fuzz::repair;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    repair::sqlite_shm(control, &mut file);
    if scan_index(&file) {
        assert_eq!(file[..48], file[48..96]);
        for at in 0..48 {
            file[at] ^= 1;
            assert!(!scan_index(&file), "byte {at} may change");
            file[at] ^= 1;
        }
    }
});
