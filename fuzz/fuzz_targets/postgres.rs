//! Any bytes, read as a PostgreSQL segment, or as a control file: no panic, no hang, no memory without bound.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Bytes that are no log may be an error; what matters is that reading ends.
    drop(formats::postgres::scan(bytes, &mut |_entry| ControlFlow::Continue(())));
    formats::postgres::scan_control(bytes);
});
