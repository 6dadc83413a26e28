//! Journals, whole and in parts.

use std::sync::Arc;

use fuzz::control::CONTROL;
use fuzz::journal::ID;
use journal::storage::{Memory, Storage, read_range};
use journal::{Commit, Identity, Journal, JournalId, Millis, Options, Outcome, Seq, Start};

use crate::put;

/// Everything that a journal can say, in a few frames.
fn filled(events: u64) -> Arc<dyn Storage> {
    let mut options = Options::new(|| Millis::new(1_769_860_800_000));
    options.identity = Identity::Only(JournalId::new(ID));
    (options.commit, options.segment_size, options.max_event) = (Commit::Caller, 64 << 10, 16 << 10);
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let journal = Journal::open_in(&storage, options).expect("a journal in memory");
    let server = journal.consumer("server", Start::Oldest).expect("a consumer");
    let streams = ["a", "b"].map(|name| journal.stream(name).expect("a stream"));
    for number in 1..=events {
        let stream = &streams[usize::from(number % 3 == 0)];
        let seq = journal.append(stream, format!("{{\"event\":{number}}}")).wait().expect("room");
        let outcome = match number % 4 {
            0 => Outcome::Delivered,
            1 => Outcome::Parked("refused".to_owned()),
            _ => continue,
        };
        server.settle(stream, seq, outcome).wait().expect("room");
    }
    server.settle(&streams[0], Seq::FIRST, Outcome::Requeued).wait().expect("room");
    journal.close_stream(&streams[1]).wait().expect("room");
    let newest = journal.consumer("newest", Start::Newest).expect("a consumer");
    newest.unregister().wait().expect("room");
    drop((journal, server));
    storage
}

fn bytes(storage: &dyn Storage, name: &str) -> Vec<u8> {
    let file = storage.open(name).expect("a file of the journal");
    let all = read_range(&*file, 0, file.size().expect("memory")).expect("memory");
    let end = all.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    all[..end.next_multiple_of(8)].to_vec()
}

/// A write as a proxy journals it, with a header that came twice and one that is no text.
const ENTRY: &[u8] = b"\x01\x02\0\0\0/x\x03\0\0\0PUT\x08\0\0\0/x?y=%20\x02\0\
    \x01\0\0\0a\x01\0\0\x001\x01\0\0\0a\x01\0\0\0\xffhi";

pub fn write() {
    put("proxy_entry", "whole", ENTRY);
    put("proxy_entry", "empty", b"\x01\0\0\0\0\x03\0\0\0GET\x01\0\0\0/\0\0");
    let first = "0000000000000001.seg";
    for (name, events) in [("few", 3), ("more", 14), ("many", 60)] {
        let storage = filled(events);
        let segment = bytes(&*storage, first);
        let mut one = vec![0; CONTROL];
        // All of it is in the first segment.
        one.push(255);
        one.extend_from_slice(&segment[4096..]);
        put("journal_segment", name, &one);
        let id = bytes(&*storage, "journal.id");
        let mut packed = Vec::new();
        for (number, content) in [(0u8, &id), (1, &segment)] {
            packed.push(number);
            packed.extend_from_slice(&u16::try_from(content.len()).expect("a small file").to_le_bytes());
            packed.extend_from_slice(content);
        }
        put("journal_directory", name, &packed);
    }
}
