//! Reading a journal that somebody else has open, or that is damaged.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::format::SegmentHeader;
use journal::reader::{Life, Piece, Reader, Unsound};
use journal::storage::{Fault, Lock, Storage, StoredFile, write_all};
use journal::{Commit, Journal, Lsn, Millis, Options, Outcome, SegmentId, Seq, Start};

use super::{files, memory, open, options};

/// Everything that is unsound, and how many frames count.
fn read(reader: &Reader, life: Life) -> (Vec<Unsound>, u64) {
    looked(reader, life).unwrap()
}

/// The same; nothing if a segment is gone without which it cannot be added up.
fn looked(reader: &Reader, life: Life) -> Option<(Vec<Unsound>, u64)> {
    let (mut unsound, mut frames) = (Vec::new(), 0);
    let is_gone = |fault: &Fault| fault.kind() == io::ErrorKind::NotFound;
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

/// A directory whose files become another segment while they are read, as those of a running journal may.
struct Becoming {
    storage: Arc<dyn Storage>,
    /// From which byte on somebody has to read.
    from: u64,
    /// The first block of the segment that they become.
    header: Vec<u8>,
}

struct BecomingFile {
    file: Arc<dyn StoredFile>,
    from: u64,
    header: Vec<u8>,
}

impl Storage for Becoming {
    fn list(&self) -> io::Result<Vec<String>> {
        self.storage.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        self.storage.create(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let (file, header) = (self.storage.open(name)?, self.header.clone());
        Ok(Arc::new(BecomingFile { file, from: self.from, header }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.storage.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.storage.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.storage.sync_names()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        self.storage.folder(name)
    }

    fn lock(&self, name: &str) -> io::Result<Lock> {
        self.storage.lock(name)
    }

    fn describe(&self) -> String {
        self.storage.describe()
    }
}

impl StoredFile for BecomingFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if offset >= self.from {
            write_all(&*self.file, 0, &self.header)?;
            write_all(&*self.file, self.header.len() as u64, &vec![0; 1 << 19])?;
        }
        self.file.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

#[test]
fn a_segment_that_becomes_another_while_it_is_read_is_gone_and_not_damaged() {
    let mut options = options();
    options.segment_size = 1 << 20;
    for segment in 1..=2 {
        let storage = memory();
        let journal = Journal::open_in(&storage, options.clone()).unwrap();
        let stream = journal.stream("s").unwrap();
        journal.append_all(&stream, (0..190).map(|_| [1; 10_000])).unwrap();
        let header = SegmentHeader {
            journal: journal.stats().journal,
            segment: SegmentId::new(9),
            first: Lsn::new(1000),
            made: Millis::new(0),
            size: 1 << 20,
        };
        drop(journal);
        // Once for each place of the window at which that may happen.
        for from in [4096, 4097, 300_000, 600_000, 700_000] {
            let copy = memory();
            for (name, bytes) in files(&storage) {
                write_all(&*copy.create(&name).unwrap(), 0, &bytes).unwrap();
            }
            let becoming = Becoming { storage: copy, from, header: header.encode() };
            let reader = Reader::of(Arc::new(becoming)).unwrap();
            let mut visit = |piece: Piece<'_>| {
                assert!(matches!(piece, Piece::Frame(..)), "{piece:?} of {segment} from {from}");
                ControlFlow::Continue(())
            };
            let read = reader.read(SegmentId::new(segment), Life::Running, &[], &mut visit);
            assert_eq!(
                read.map_err(|fault| fault.kind()),
                Err(io::ErrorKind::NotFound),
                "{segment} from {from}"
            );
        }
    }
}

/// Appends and settles on a real disk, so that segments come and go, until enough of them have.
fn keep_busy(dir: &Path, options: Options, (retired, over): (u64, &AtomicBool)) {
    let journal = Journal::open(dir, options).unwrap();
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    while journal.stats().counters.segments_retired < retired {
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
    demand_sound_while_written(64 << 10, 30);
}

#[test]
fn segments_that_are_read_in_parts_while_they_are_written_read_as_sound_too() {
    demand_sound_while_written(1 << 20, 4);
}

fn demand_sound_while_written(segment_size: u64, retired: u64) {
    let room = tempfile::tempdir().unwrap();
    let (dir, over) = (room.path().join("journal"), AtomicBool::new(false));
    let mut options = options();
    options.commit = Commit::Thread;
    options.segment_size = segment_size;
    drop(Journal::open(&dir, options.clone()).unwrap());
    let mut looks = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| keep_busy(&dir, options, (retired, &over)));
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
