//! Reading a journal that somebody else has open, or that is damaged.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::reader::{Life, Piece, Reader, Unsound};
use journal::storage::{Fault, Storage, write_all};
use journal::{Commit, Journal, Options, Outcome, Seq, Start};

use super::{files, memory, open, options};

/// Everything that is unsound, and how many frames count.
fn read(reader: &Reader, life: Life) -> (Vec<Unsound>, u64) {
    looked(reader, life).unwrap()
}

/// The same; nothing if a segment is gone without which it cannot be added up.
fn looked(reader: &Reader, life: Life) -> Option<(Vec<Unsound>, u64)> {
    let (mut unsound, mut frames) = (Vec::new(), 0);
    let is_gone = |fault: &Fault| fault.kind() == std::io::ErrorKind::NotFound;
    let summary = match reader.summary() {
        Err(fault) if is_gone(&fault) => return None,
        summary => summary.unwrap().unwrap(),
    };
    for file in reader.segments() {
        let mut visit = |piece: Piece<'_>| {
            match piece {
                Piece::Frame(..) => frames += 1,
                Piece::Unsound(found) => unsound.push(found),
                Piece::Torn(..) => {}
            }
            ControlFlow::Continue(())
        };
        match reader.read(file.segment, life, summary.wanted(file.segment), &mut visit) {
            Err(fault) if life == Life::Running && is_gone(&fault) => {}
            read => read.unwrap(),
        }
    }
    Some((unsound, frames))
}

#[test]
fn a_reader_adds_up_what_the_journal_itself_says_and_changes_nothing() {
    let storage = memory();
    let journal = open(&storage);
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    let (fast, slow) =
        (journal.consumer("fast", Start::Oldest).unwrap(), journal.consumer("slow", Start::Oldest).unwrap());
    for number in 0..120u64 {
        let stream = if number % 3 == 0 { &a } else { &b };
        let seq = journal.append(stream, [5; 2000]).wait().unwrap();
        fast.settle(stream, seq, Outcome::Delivered).wait().unwrap();
        match number % 5 {
            0 => slow.settle(stream, seq, Outcome::Parked("no".to_owned())).wait().unwrap(),
            1 | 2 => slow.settle(stream, seq, Outcome::Delivered).wait().unwrap(),
            _ => {}
        }
    }
    let before = files(&storage);
    let reader = Reader::of(Arc::clone(&storage)).unwrap();
    let summary = reader.summary().unwrap().unwrap();
    let stats = journal.stats();
    assert_eq!((summary.live_events, reader.journal()), (stats.live_events, Some(stats.journal)));
    let known: Vec<(String, u64)> =
        summary.streams.iter().map(|known| (known.name.clone(), known.live)).collect();
    let says: Vec<(String, u64)> =
        journal.streams().into_iter().map(|known| (known.name, known.live)).collect();
    assert_eq!(known, says);
    for (found, consumer) in summary.consumers.iter().zip([&fast, &slow]) {
        let pending: u64 = consumer.backlog().iter().map(|backlog| backlog.pending).sum();
        assert_eq!((found.name.as_str(), found.pending), (consumer.name(), pending));
        assert_eq!(found.parked, consumer.parked(1000).len() as u64);
    }
    let blocker = summary.blocker.unwrap();
    assert_eq!(blocker.consumers, ["slow"]);
    assert_eq!(read(&reader, Life::Still).0, []);
    assert_eq!(files(&storage), before);
}

#[test]
fn what_is_damaged_in_a_segment_that_no_start_reads_is_found() {
    let storage = memory();
    let journal = open(&storage);
    let stream = journal.stream("s").unwrap();
    journal.append_all(&stream, (0..150).map(|_| [1; 1000])).unwrap();
    drop(journal);
    write_all(&*storage.open("0000000000000001.seg").unwrap(), 9000, b"rot").unwrap();
    // The start does not see it.
    let copy = memory();
    for (name, bytes) in files(&storage) {
        write_all(&*copy.create(&name).unwrap(), 0, &bytes).unwrap();
    }
    assert!(open(&copy).recovery().damage.is_empty());
    let (unsound, _) = read(&Reader::of(storage).unwrap(), Life::Still);
    assert_eq!((unsound.len(), unsound[0].frames, unsound[0].live), (1, Some(1), 1));
}

/// Appends and settles on a real disk, so that segments come and go, until enough of them have.
fn keep_busy(dir: &Path, options: Options, over: &AtomicBool) {
    let journal = Journal::open(dir, options).unwrap();
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    while journal.stats().counters.segments_retired < 30 {
        let span = journal.append_all(&stream, (0..40).map(|size| vec![3; size * 40])).unwrap().unwrap();
        if span.first() > Seq::new(200) {
            let old = Seq::new(span.first().get() - 100);
            consumer.settle(&stream, old, Outcome::Delivered).wait().unwrap();
            let older = journal::Span::new(Seq::FIRST, old).unwrap();
            consumer.settle(&stream, older, Outcome::Delivered).wait().unwrap();
        }
    }
    over.store(true, Ordering::Relaxed);
}

#[test]
fn a_journal_that_is_written_meanwhile_reads_as_sound_at_every_moment() {
    let room = tempfile::tempdir().unwrap();
    let (dir, over) = (room.path().join("journal"), AtomicBool::new(false));
    let mut options = options();
    options.commit = Commit::Thread;
    drop(Journal::open(&dir, options.clone()).unwrap());
    let mut looks = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| keep_busy(&dir, options, &over));
        while !over.load(Ordering::Relaxed) || looks == 0 {
            let reader = Reader::open(&dir).unwrap();
            // Where a segment goes away under it, whoever looks looks again.
            let Some((unsound, _)) = looked(&reader, Life::Running) else { continue };
            assert_eq!(unsound, [], "at look {looks}");
            looks += 1;
        }
    });
    let (unsound, frames) = read(&Reader::open(&dir).unwrap(), Life::Still);
    assert!(unsound.is_empty() && frames > 0);
    let storage: Arc<dyn Storage> = Arc::new(journal::storage::Disk::read_only(&dir).unwrap());
    assert!(Reader::of(storage).unwrap().summary().unwrap().unwrap().live_events > 0);
}
