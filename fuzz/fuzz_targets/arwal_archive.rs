//! Any bytes, decompressed and read as the archive of a job log.

#![no_main]

use formats::arwal::scan;
use fuzz::laws::Seen;
use libfuzzer_sys::fuzz_target;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fuzz_target!(|bytes: &[u8]| {
    // The magic is put in front, else it would have to be guessed.
    let archive = [&ZSTD_MAGIC[..], bytes].concat();
    let at = bytes.first().copied().unwrap_or(0);
    // How long the log is, nothing says but the frame itself.
    let seen = Seen::of(at, |visit| scan(&archive, visit).expect("memory can be read"));
    seen.assert_in_order(u64::MAX);
});
