//! Verdicts for node directories in every state, as a table.

use super::*;

fn sound(number: u64, rows: u64) -> Content {
    Content::Sound(Sound { number, rows, min_ns: 0, max_ns: 1, snapshot: None, forced: false })
}

fn marked(number: u64, snapshot: u64) -> Sound {
    Sound { number, rows: 1, min_ns: 0, max_ns: 1, snapshot: Some(snapshot), forced: false }
}

const EMPTY: Content = Content::Flawed(Flaw::TooShort { length: 0 });

fn undecodable() -> Content {
    Content::Flawed(Flaw::JsonBody)
}

/// A node whose watermark is file 18 and snapshot 3, with these files above it under these names.
struct Node<'a> {
    files: Vec<(&'a str, Content)>,
    retained: Vec<u64>,
    watermark: Option<Watermark>,
}

impl<'a> Node<'a> {
    fn with(files: Vec<(&'a str, Content)>) -> Self {
        Self { files, retained: vec![16, 17, 18], watermark: Some(Watermark { wal: 18, snapshot: 3 }) }
    }

    fn start(&self, reader: Reader) -> Start {
        let named = |file: &str| file.parse().ok();
        let replay = self.files.iter().map(|(file, content)| Replay {
            file,
            named: named(file),
            content: content.clone(),
        });
        let numbers =
            self.files.iter().filter_map(|(file, _)| named(file)).chain(self.retained.clone()).collect();
        let facts =
            Facts { watermark: self.watermark, obstacle: None, replay: replay.collect(), numbers: &numbers };
        start(&facts, reader)
    }

    /// The words for the three readers.
    fn words(&self) -> [&'static str; 3] {
        [Reader::Lenient, Reader::Strict, Reader::Early].map(|reader| self.start(reader).verdict.name())
    }
}

const STARTS: [&str; 3] = ["starts"; 3];
const REFUSES: [&str; 3] = ["refuses"; 3];
const LOOPS: [&str; 3] = ["crash-loops"; 3];
const REPEATS: [&str; 3] = ["starts-with-loss"; 3];
const SKIPS: [&str; 3] = ["starts-with-loss", "refuses", "refuses"];
const LOOPS_OR_REFUSES: [&str; 3] = ["crash-loops", "refuses", "refuses"];
const STARTS_OR_REFUSES: [&str; 3] = ["starts", "refuses", "refuses"];

/// A name, the files above the watermark, and the words for the three readers.
type Case = (&'static str, Vec<(&'static str, Content)>, [&'static str; 3]);

#[test]
fn a_start_goes_as_the_files_above_the_watermark_decide() {
    let cases: Vec<Case> = vec![
        ("nothing is live", vec![], STARTS),
        ("all is sound", vec![("19", sound(19, 5)), ("20", sound(20, 5))], STARTS),
        ("a gap", vec![("21", sound(21, 5)), ("25", sound(25, 5))], STARTS),
        ("a torn tail", vec![("19", sound(19, 5)), ("20", EMPTY)], LOOPS_OR_REFUSES),
        ("all are torn", vec![("19", EMPTY), ("20", EMPTY)], LOOPS_OR_REFUSES),
        ("a torn file with a gap before it", vec![("19", sound(19, 5)), ("21", EMPTY)], SKIPS),
        ("damage in the middle", vec![("19", EMPTY), ("20", sound(20, 5))], SKIPS),
        ("a body that does not decode", vec![("19", undecodable()), ("20", sound(20, 5))], REFUSES),
        ("a name ahead of the number", vec![("19", sound(19, 5)), ("21", sound(20, 5))], LOOPS),
        ("the same number twice", vec![("19", sound(19, 5)), ("20", sound(19, 5))], REFUSES),
        ("a number that goes back", vec![("20", sound(20, 5)), ("21", sound(19, 5))], REFUSES),
        ("a copy of the watermark's file", vec![("18.bak", sound(18, 9)), ("19", sound(19, 5))], REPEATS),
        ("a copy without rows", vec![("18.bak", sound(18, 0)), ("19", sound(19, 5))], STARTS),
        ("a copy of a live file", vec![("19", sound(19, 5)), ("19.bak", sound(19, 5))], REFUSES),
        ("a blank foreign file", vec![("19", sound(19, 5)), ("README", EMPTY)], STARTS_OR_REFUSES),
        ("a foreign file that carries on", vec![("19", sound(19, 5)), ("x", sound(20, 5))], STARTS),
        ("an old file under a new name", vec![("19", sound(15, 5))], LOOPS),
        ("a file that vanished", vec![("19", sound(19, 5)), ("20", Content::Vanished)], STARTS),
        ("one that was not decoded", vec![("19", Content::NotDecoded), ("20", sound(20, 1))], STARTS),
    ];
    for (name, files, words) in cases {
        assert_eq!(Node::with(files).words(), words, "{name}");
    }
}

#[test]
fn a_first_time_after_the_last_panics_every_release() {
    let content =
        Content::Sound(Sound { number: 19, rows: 0, min_ns: 2, max_ns: 1, snapshot: None, forced: false });
    assert_eq!(Node::with(vec![("19", content)]).words(), REFUSES);
}

#[test]
fn an_obstacle_outside_of_the_wal_stops_every_release() {
    let numbers = BTreeSet::new();
    let facts =
        Facts { watermark: None, obstacle: Some("broken".to_owned()), replay: vec![], numbers: &numbers };
    for reader in [Reader::Lenient, Reader::Strict, Reader::Early] {
        let start = start(&facts, reader);
        assert_eq!(start.verdict, Verdict::Refuses { what: "broken".to_owned() });
        assert_eq!(start.next, None);
    }
}

#[test]
fn the_next_number_follows_the_file_replayed_last() {
    let next = |files| Node::with(files).start(Reader::Lenient).next;
    assert_eq!(next(vec![]), Some(19));
    assert_eq!(next(vec![("19", sound(19, 1)), ("22", sound(22, 1))]), Some(23));
    assert_eq!(next(vec![("19", sound(19, 1)), ("20", EMPTY)]), Some(20));
    // Not the highest number that was seen: the server remembers the last one alone.
    assert_eq!(next(vec![("19", sound(11, 1))]), Some(12));
    assert_eq!(next(vec![("19", sound(u64::MAX, 1))]), Some(u64::MAX));
}

#[test]
fn a_young_node_begins_with_number_one() {
    let young = Node { files: vec![], retained: vec![], watermark: None };
    assert_eq!(young.start(Reader::Lenient).next, Some(1));
    let torn = Node { files: vec![("1", EMPTY)], retained: vec![], watermark: None };
    assert_eq!(torn.words(), LOOPS_OR_REFUSES);
}

#[test]
fn rows_and_files_are_counted_as_they_are_replayed() {
    let node = Node::with(vec![("19", sound(19, 3)), ("20", EMPTY), ("21", sound(21, 4))]);
    let start = node.start(Reader::Lenient);
    assert_eq!((start.files, start.rows, start.skipped), (2, Some(7), 1));
    let large = Node::with(vec![("19", sound(19, 3)), ("20", Content::NotDecoded)]);
    assert_eq!((large.start(Reader::Lenient).files, large.start(Reader::Lenient).rows), (2, None));
}

#[test]
fn snapshots_above_the_newest_are_taken_again() {
    let node = Node::with(vec![("19", Content::Sound(marked(19, 3))), ("20", Content::Sound(marked(20, 4)))]);
    assert_eq!(node.start(Reader::Lenient).snapshots, [4]);
}

#[test]
fn a_forced_snapshot_lets_the_numbers_begin_anew() {
    let repeated = |marked| Node::with(vec![("19", Content::Sound(marked)), ("20", sound(19, 1))]);
    assert_eq!(repeated(marked(19, 4)).words(), REFUSES);
    assert_eq!(repeated(Sound { forced: true, ..marked(19, 4) }).words(), LOOPS);
}

#[test]
fn what_could_not_be_read_leaves_the_verdict_open() {
    let node = Node::with(vec![("19", sound(19, 3)), ("20", Content::Unknown)]);
    let start = node.start(Reader::Lenient);
    assert_eq!((start.verdict, start.next, start.rows), (Verdict::Unknown, None, None));
    let fatal = Node::with(vec![("19", Content::Unknown), ("20", undecodable())]);
    assert_eq!(fatal.words(), REFUSES);
}

#[test]
fn the_sentence_names_the_file_that_decides() {
    let what = |files| Node::with(files).start(Reader::Lenient).verdict.what().map(str::to_owned).unwrap();
    assert!(what(vec![("19", sound(19, 1)), ("20", EMPTY)]).contains("00000000020.wal"));
    assert!(what(vec![("19", undecodable())]).starts_with("it fails at 19"));
    assert!(what(vec![("18.bak", sound(18, 9)), ("19", sound(19, 5))]).contains("replays 9 rows"));
    assert!(what(vec![("19", EMPTY), ("20", sound(20, 5))]).contains("1 damaged file"));
}
