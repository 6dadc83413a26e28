//! Any files under the names that a journal knows: what is there is read, and opened if it lets itself be.

#![no_main]

use ::journal::reader::Life;
use fuzz::journal;
use libfuzzer_sys::fuzz_target;

/// Names by their number.
const NAMES: [&str; 8] = [
    "journal.id",
    "0000000000000001.seg",
    "0000000000000002.seg",
    "0000000000000003.seg",
    "00000000000000ff.seg",
    "spare",
    "spare.tmp",
    "other",
];

/// Files one after the other: a byte for the name, two for the length, and the content.
fn files(mut packed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    while let Some((&[name, low, high], rest)) = packed.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (content, left) = rest.split_at(length);
        files.push((NAMES[usize::from(name) % NAMES.len()].to_owned(), content.to_vec()));
        packed = left;
    }
    files
}

fuzz_target!(|input: &[u8]| {
    let storage = journal::directory(&files(input));
    journal::read(&storage, Life::Still);
    journal::start(&storage);
});
