//! Any bytes as a write in the journal of a proxy: what is read is written as bytes that are read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::Entry;

fuzz_target!(|input: &[u8]| {
    let Ok(entry) = Entry::decode(input.to_vec()) else { return };
    let written = entry.encode();
    let again = Entry::decode(written.clone()).expect("what was written is read");
    assert_eq!(again.encode(), written);
    assert!(written.len() <= input.len());
    let (one, two) = (&entry.call, &again.call);
    assert_eq!(
        (&one.head.method, &one.head.target, &one.body),
        (&two.head.method, &two.head.target, &two.body)
    );
    assert_eq!((&one.head.headers, &entry.lane), (&two.head.headers, &again.lane));
});
