//! Any bytes, read as a log file of etcd.

#![no_main]

use formats::etcd::scan;
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::repair;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = repair::etcd(control, file);
    // Files are allocated ahead.
    if control.stretch & 1 == 1 {
        file.resize(file.len() + 512, 0);
    }
    let len = file.len() as u64;
    let seen = Seen::of(control.stretch, |visit| scan(&file, visit).expect("memory can be read"));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    seen.assert_accounted(&file, 0, 0);
});
