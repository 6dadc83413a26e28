//! Any bytes, read as a job log or an archive of one: no panic, no hang, no memory without bound.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Bytes that are no archive may be an error; what matters is that reading ends.
    drop(formats::arwal::scan(bytes, &mut |_entry| ControlFlow::Continue(())));
});
