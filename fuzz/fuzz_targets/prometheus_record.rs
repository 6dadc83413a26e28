//! Any bytes, decoded as one record of a Prometheus log; what decodes must keep its meaning when it is written again.

#![no_main]

use formats::prometheus::record::{Record, Type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = Record::decode(bytes) else { return };
    let once = encoded(&record);
    let again = Record::decode(&once).expect("what was written must decode");
    // Two layouts share this type and are told apart by which of them makes sense; of bytes that make sense in
    // neither, the shortest way to write them may make sense in one.
    if record.kind() != Type::Histograms {
        // Bytes are compared and not values, since no NaN equals itself.
        assert_eq!(once, encoded(&again));
    }
});

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}
