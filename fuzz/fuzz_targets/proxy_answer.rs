//! Any bytes as what a server answers to a proxy: they mean the same however they are cut in pieces.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use proxy::Whole;

/// Fewer bytes than the longest line between chunks: what is too long is found out sooner in pieces than in one.
const MOST: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let [choice, bytes @ ..] = input else { return };
    let bytes = &bytes[..bytes.len().min(MOST)];
    let method = if choice % 2 == 0 { Method::GET } else { Method::HEAD };
    let whole = Whole::read(&method, bytes, bytes.len());
    for piece in [1, usize::from(choice / 2) + 1] {
        let pieces = Whole::read(&method, bytes, piece);
        match (&whole, &pieces) {
            // Which flaw is found first depends on what has come.
            (Err(_), Err(_)) => {}
            _ => assert_eq!(whole, pieces),
        }
    }
    if let Ok(Some(answer)) = whole {
        assert!(answer.body.len() + answer.behind < bytes.len());
    }
});
