//! Any bytes, parsed as the `meta.json` of a block: what is accepted is consistent.

#![no_main]

use formats::prometheus::BlockMeta;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    let Ok(meta) = BlockMeta::parse(json, "01J8Z0Q0000000000000000000") else { return };
    assert_eq!((meta.version, meta.ulid.as_str()), (1, "01J8Z0Q0000000000000000000"));
    assert!(meta.min_time <= meta.max_time);
    assert!(meta.cuts_replay() || !meta.compaction.hints.is_empty());
});
