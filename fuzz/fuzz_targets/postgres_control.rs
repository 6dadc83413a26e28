//! Any bytes, read as `global/pg_control` of PostgreSQL.

#![no_main]

use formats::postgres::scan_control;
use fuzz::control::Control;
use fuzz::repair::crc32c;
use libfuzzer_sys::fuzz_target;

/// Where the checksum may lie, which differs between versions.
const PLACES: usize = (1024 - 96) / 4;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    let place = 96 + 4 * (usize::from(control.stretch) % PLACES);
    if control.repairs(0) && file.len() >= place + 4 {
        let sum = crc32c(&file[..place]);
        file[place..place + 4].copy_from_slice(&sum.to_le_bytes());
    }
    assert_eq!(scan_control(&file), is_sound(&file));
    // A bit less is not the same file any more.
    if let Some(byte) = file.get_mut(usize::from(control.stretch)) {
        *byte ^= 1;
        assert_eq!(scan_control(&file), is_sound(&file));
    }
});

fn is_sound(file: &[u8]) -> bool {
    let word =
        |at: usize| file.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four")));
    let holds = |at: usize| word(at).is_some_and(|sum| sum == crc32c(&file[..at]));
    (0..PLACES).any(|place| holds(96 + 4 * place)) && word(8).is_some_and(|version| version >= 1100)
}
