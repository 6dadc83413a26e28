//! Any bytes, parsed as a snapshot file or a checkpoint file of `InfluxDB` 3.

#![no_main]

use formats::influxdb3::{parse_checkpoint, parse_snapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    for parsed in [parse_snapshot(json), parse_checkpoint(json)] {
        match parsed {
            Ok(record) => {
                assert_eq!(record.fields.len(), 3);
                serde_json::from_slice::<serde::de::IgnoredAny>(json).expect("what parses is JSON");
            }
            Err(cause) => assert!(!cause.is_empty() && cause.len() < 1000 + json.len()),
        }
    }
});
