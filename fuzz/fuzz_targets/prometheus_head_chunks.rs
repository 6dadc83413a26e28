//! Any bytes, read as a file of `chunks_head`.

#![no_main]

use formats::prometheus::read_head_chunks;
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::repair;
use libfuzzer_sys::fuzz_target;

/// Of the file, what a reader looks at together, less some bytes.
const VIEW: usize = (1024 + 256) * 1024 - 100;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    repair::head_chunks(control, &mut file);
    // Now and then the file is made longer than what is looked at together: by zeros, after its header. It is slow.
    if control.stretch == 1 && file.len() > 8 {
        file.splice(8..8, std::iter::repeat_n(0, VIEW));
    }
    let len = file.len() as u64;
    let seen = Seen::of(control.stretch, |visit| read_head_chunks(&file, visit));
    seen.assert_in_order(len);
    seen.assert_lost_once(len);
    seen.assert_accounted(&file, 8, 0);
});
