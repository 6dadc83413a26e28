//! The catalogue: sound logs, each harmed in one way or in two.

use std::fs;
use std::ops::Range;

use formats::prometheus::{Compression, Pages};

use crate::model::{Content, Harm, Original};
use crate::sound::{Begin, Dir, PAGE, SCRAPES, STEP, closed, name, samples};

/// A harmed log and what of it is good.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dir: Dir,
    pub(crate) good: Content,
}

/// A log that is being harmed.
struct Patient {
    dir: Dir,
    original: Original,
    harms: Vec<Harm>,
}

impl Patient {
    fn new(dir: Dir) -> Self {
        let original = Original::of(dir.path());
        Self { dir, original, harms: Vec::new() }
    }

    /// The record of a file that lies at an offset, or the first behind it.
    fn record(&self, file: &str, offset: u64) -> Range<u64> {
        self.original.spans(file).into_iter().find(|span| span.end > offset).unwrap()
    }

    /// Flips bits of the byte that lies `at` bytes behind the beginning of the record.
    fn flip(&mut self, file: &str, offset: u64, at: u64, bits: u8) {
        let record = self.record(file, offset);
        self.dir.change(file, |bytes| bytes[usize::try_from(record.start + at).unwrap()] ^= bits);
        self.harms.push(Harm::Bytes(file.to_owned(), record));
    }

    fn zero(&mut self, file: &str, range: Range<usize>) {
        self.dir.change(file, |bytes| bytes[range.clone()].fill(0));
        self.harms.push(Harm::Bytes(file.to_owned(), range.start as u64..range.end as u64));
    }

    fn cut(&mut self, file: &str, len: usize) {
        let before = self.dir.read(file).len() as u64;
        self.dir.change(file, |bytes| bytes.truncate(len));
        self.harms.push(Harm::Bytes(file.to_owned(), len as u64..before));
    }

    fn lose(&mut self, file: &str) {
        if self.dir.at(file).is_dir() {
            fs::remove_dir_all(self.dir.at(file)).unwrap();
        } else {
            self.dir.remove(file);
        }
        self.harms.push(Harm::File(file.to_owned()));
    }

    fn noise(&mut self, file: &str) {
        self.dir.write(file, &noise(40_000));
        self.harms.push(Harm::File(file.to_owned()));
    }

    fn case(self, name: &str) -> Case {
        let good = self.original.good(&self.harms);
        Case { name: name.to_owned(), dir: self.dir, good }
    }
}

/// Bytes that are no log.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state >> 56).unwrap()
    };
    (0..len).map(|_| next()).collect()
}

/// Damage of the log, its checkpoint and the log of late samples.
pub(crate) fn of_the_log(begin: Begin) -> Vec<Case> {
    let mut all = flips(begin);
    all.extend(segments(begin));
    all.extend(checkpoints(begin));
    all.extend(late(begin));
    all
}

fn flips(begin: Begin) -> Vec<Case> {
    let mut all = Vec::new();
    for (what, segment, at, bits) in [
        ("type", 2, 0, 0x07),
        ("compression flag", 2, 0, 0x08),
        ("length", 2, 2, 0x10),
        ("length", 0, 1, 0x80),
        ("checksum", 2, 4, 0xff),
        ("data", 0, 60, 0x01),
        ("data", 2, 60, 0x01),
        ("data", 4, 60, 0x01),
    ] {
        let mut patient = Patient::new(begin.plain(Compression::None));
        patient.flip(&name(segment), 20_000, at, bits);
        all.push(patient.case(&format!("flipped {what} in segment {segment}")));
    }
    for (what, compression) in [("snappy", Compression::Snappy), ("zstd", Compression::Zstd)] {
        let mut patient = Patient::new(begin.plain(compression));
        patient.flip(&name(1), 20_000, 60, 0x20);
        all.push(patient.case(&format!("flipped {what} data")));
    }
    let mut patient = Patient::new(begin.plain(Compression::None));
    for (segment, offset) in [(0, 30_000), (1, 9_000), (1, 50_000), (3, 40_000), (4, 10_000)] {
        patient.flip(&name(segment), offset, 30, 0x80);
    }
    all.push(patient.case("flips everywhere"));
    let mut patient = Patient::new(begin.plain(Compression::None));
    patient.flip(&name(0), 0, 40, 0x01);
    all.push(patient.case("a lost declaration of the lower series"));
    let mut patient = Patient::new(begin.plain(Compression::None));
    let second = patient.record(&name(0), 0).end;
    patient.flip(&name(0), second, 40, 0x01);
    all.push(patient.case("a lost declaration of the highest series"));
    all
}

fn segments(begin: Begin) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let mut patient = Patient::new(begin.plain(Compression::None));
        harm(&mut patient);
        all.push(patient.case(what));
    };
    add("a zeroed page in mid-segment", &|patient| patient.zero(&name(0), PAGE..2 * PAGE));
    add("a zeroed page at the end of a segment", &|patient| patient.zero(&name(2), PAGE..2 * PAGE));
    add("a zeroed page at the beginning", &|patient| patient.zero(&name(1), 0..PAGE));
    add("zeros inside a page", &|patient| patient.zero(&name(3), 5_000..9_000));
    add("a torn end", &|patient| {
        let last = patient.original.spans(&name(4)).last().cloned().unwrap();
        patient.cut(&name(4), usize::try_from(last.end - 40).unwrap());
    });
    add("a segment cut in its middle", &|patient| patient.cut(&name(2), 40_001));
    add("a record begun and never finished", &|patient| {
        let file = name(1);
        let at = patient
            .original
            .spans(&file)
            .into_iter()
            .find(|span| span.start < PAGE as u64 && span.end > PAGE as u64);
        let len = patient.dir.read(&file).len();
        assert!(at.is_some());
        patient.cut(&file, PAGE);
        patient.dir.change(&file, |bytes| bytes.resize(2 * PAGE, 0));
        assert!(len > PAGE);
    });
    add("no first segment", &|patient| patient.lose(&name(0)));
    add("no first two segments", &|patient| {
        patient.lose(&name(0));
        patient.lose(&name(1));
    });
    add("no third segment", &|patient| patient.lose(&name(2)));
    add("a last segment that is far away", &|patient| {
        let bytes = patient.dir.read(&name(4));
        patient.dir.remove(&name(4));
        patient.dir.write(&name(90_004), &bytes);
    });
    add("a hole and a flip", &|patient| {
        patient.lose(&name(2));
        patient.flip(&name(3), 20_000, 30, 0x01);
    });
    add("a copy of the first segment at the end", &|patient| {
        let bytes = patient.dir.read(&name(0));
        patient.dir.write(&name(5), &bytes);
    });
    add("a damaged copy of the first segment at the end", &|patient| {
        let bytes = patient.dir.read(&name(0));
        patient.dir.write(&name(5), &bytes);
        patient.dir.change(&name(5), |bytes| bytes[40_000] ^= 1);
    });
    add("a copy of a later segment in the place of an earlier", &|patient| {
        patient.lose(&name(1));
        let bytes = patient.dir.read(&name(3));
        patient.dir.write(&name(1), &bytes);
    });
    add("a file that does not belong there", &|patient| {
        patient.dir.write("wal/20260101", &noise(5000));
    });
    add("noise in the place of a segment", &|patient| patient.noise(&name(2)));
    add("noise in the place of the last segment", &|patient| patient.noise(&name(4)));
    add("a second name without leading zeros", &|patient| {
        patient.dir.write("wal/3", &noise(5000));
    });
    add("a stale snapshot and a flip", &|patient| {
        patient.flip(&name(2), 20_000, 30, 0x01);
        patient.dir.write("chunk_snapshot.000004.0000065536/00000000", &closed(Pages::default()));
    });
    all
}

fn checkpoints(begin: Begin) -> Vec<Case> {
    let first = "wal/checkpoint.00000001/00000000";
    let second = "wal/checkpoint.00000001/00000001";
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let mut patient = Patient::new(begin.with_checkpoint());
        harm(&mut patient);
        all.push(patient.case(what));
    };
    add("a flip in a checkpoint", &|patient| patient.flip(first, 20_000, 30, 0x01));
    add("a lost declaration in a checkpoint", &|patient| patient.flip(first, 0, 30, 0x01));
    add("a checkpoint without its first file", &|patient| patient.lose(first));
    add("a checkpoint cut at the end", &|patient| patient.cut(second, 20_000));
    add("a checkpoint of noise", &|patient| {
        patient.noise(first);
        patient.noise(second);
    });
    add("no segment behind the checkpoint", &|patient| patient.lose(&name(2)));
    add("a large hole behind the checkpoint", &|patient| {
        for segment in [2, 3, 4] {
            let bytes = patient.dir.read(&name(segment));
            patient.dir.remove(&name(segment));
            patient.dir.write(&name(segment + 5000), &bytes);
        }
    });
    add("a flip in a checkpoint and one behind it", &|patient| {
        patient.flip(second, 20_000, 30, 0x01);
        patient.flip(&name(3), 20_000, 30, 0x01);
    });
    add("a checkpoint without files", &|patient| {
        patient.lose(first);
        patient.lose(second);
    });
    add("nothing but a checkpoint", &|patient| (2..5).for_each(|segment| patient.lose(&name(segment))));
    add("segments below the checkpoint with a hole behind them", &|patient| {
        patient.dir.write(&name(0), &patient.dir.read(&name(3)));
    });
    add("a useless checkpoint, an older one, and a large hole", &|patient| {
        for file in [first, second] {
            let older = file.replace("00000001/", "00000000/");
            patient.dir.write(&older, &patient.dir.read(file));
            patient.dir.write(&file.replace("00000001/", "00000600/"), &noise(40_000));
            patient.dir.remove(file);
        }
        fs::remove_dir(patient.dir.at("wal/checkpoint.00000001")).unwrap();
        for segment in [2, 3, 4] {
            let bytes = patient.dir.read(&name(segment));
            patient.dir.remove(&name(segment));
            patient.dir.write(&name(segment + 599), &bytes);
        }
    });
    // What the checkpoint was made from is still there, so nothing is lost with it.
    for (what, harm) in [("empty", None), ("damaged", Some(first))] {
        let dir = begin.plain(Compression::None);
        let good = Original::of(dir.path()).good(&[]);
        let with = begin.with_checkpoint();
        fs::create_dir_all(dir.at("wal/checkpoint.00000001")).unwrap();
        if let Some(file) = harm {
            dir.write(file, &with.read(file));
            dir.change(file, |bytes| bytes[20_000] ^= 1);
        }
        all.push(Case { name: format!("an {what} checkpoint and all that it was made from"), dir, good });
    }
    // Labels that the checkpoint has lost stand in an older one.
    let mut patient = Patient::new(begin.with_checkpoint());
    patient.flip(first, 0, 30, 0x01);
    let mut case = patient.case("labels from an older checkpoint");
    let mut pages = Pages::default();
    crate::sound::declare(&mut pages, 1..=crate::sound::SERIES);
    case.dir.write("wal/checkpoint.00000000/00000000", &closed(pages));
    case.good = Original::of(begin.with_checkpoint().path()).good(&[]);
    all.push(case);
    all
}

fn late(begin: Begin) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let dir = begin.plain(Compression::None);
        begin.add_late(&dir);
        let mut patient = Patient::new(dir);
        harm(&mut patient);
        all.push(patient.case(what));
    };
    add("a flip among late samples", &|patient| patient.flip("wbl/00000001", 300, 30, 0x01));
    add("late samples and a flip in the log", &|patient| patient.flip(&name(1), 20_000, 30, 0x01));
    add("late samples and a torn end of the log", &|patient| {
        let last = patient.original.spans(&name(4)).last().cloned().unwrap();
        patient.cut(&name(4), usize::try_from(last.end - 40).unwrap());
    });
    add("a hole among late samples", &|patient| patient.lose("wbl/00000001"));
    add("a torn end of late samples", &|patient| {
        let last = patient.original.spans("wbl/00000002").last().cloned().unwrap();
        patient.cut("wbl/00000002", usize::try_from(last.end - 20).unwrap());
    });
    add("a large hole among late samples", &|patient| {
        let bytes = patient.dir.read("wbl/00000002");
        patient.dir.remove("wbl/00000002");
        patient.dir.write("wbl/00009000", &bytes);
    });
    all
}

/// Damage of a log that has chunks in `chunks_head`, as a server left it.
pub(crate) fn of_chunks(begin: Begin, chunked: &Dir) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let mut patient = Patient::new(Dir::copy_of(chunked.path()));
        harm(&mut patient);
        all.push(patient.case(what));
    };
    let files = ["chunks_head/000001", "chunks_head/000002", "chunks_head/000003"];
    add("samples that only chunks still have", &|patient| {
        patient.lose(&name(1));
        patient.zero(&name(2), PAGE..2 * PAGE);
    });
    add("chunks of the highest series, whose declaration is lost", &|patient| {
        let second = patient.record(&name(0), 0).end;
        patient.flip(&name(0), second, 40, 0x01);
    });
    add("chunks of all series, and no segment but the last", &|patient| {
        (0..4).for_each(|segment| patient.lose(&name(segment)));
    });
    // What the chunks had, the log has.
    add("a flip in a chunk", &|patient| patient.dir.change(files[1], |bytes| bytes[3000] ^= 1));
    add("a bad file header", &|patient| patient.dir.change(files[1], |bytes| bytes[1] ^= 1));
    add("no second file of chunks", &|patient| patient.dir.remove(files[1]));
    add("an empty file of chunks", &|patient| patient.dir.write(files[1], b""));
    // Two at once: chunks that stay may be the only ones to have what the log has lost.
    add("a bad file header and a hole in the log", &|patient| {
        patient.lose(&name(1));
        patient.dir.change(files[2], |bytes| bytes[1] ^= 1);
    });
    add("a flip in the newest chunk of a series and a hole in the log", &|patient| {
        patient.lose(&name(0));
        let declared = Dir::new();
        let mut pages = Pages::default();
        crate::sound::declare(&mut pages, 1..=50);
        crate::sound::declare(&mut pages, 51..=100);
        declared.write("x", &closed(pages));
        patient.dir.write(&name(0), &declared.read("x"));
        patient.harms.clear();
        let lost = patient.original.spans(&name(0)).into_iter().skip(2);
        patient.harms.extend(lost.map(|span| Harm::Bytes(name(0), span)));
        patient.lose(&name(2));
        patient.flip(files[2], 3000, 30, 0x01);
    });
    all.push(orphans(begin, chunked));
    all
}

/// Damage of a log that a server has written.
pub(crate) fn of_written(written: &Dir) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let mut patient = Patient::new(Dir::copy_of(written.path()));
        harm(&mut patient);
        all.push(patient.case(what));
    };
    for segment in [0, 1] {
        for part in [3, 5, 8] {
            add(&format!("a flip in segment {segment} that a server wrote"), &|patient| {
                let spans = patient.original.spans(&name(segment));
                let record = spans[spans.len() * part / 10].clone();
                patient.flip(&name(segment), record.start, 12, 0x04);
            });
        }
    }
    add("a segment cut that a server wrote", &|patient| {
        let len = patient.dir.read(&name(0)).len();
        patient.cut(&name(0), len / 2 + 3);
    });
    add("no second segment of those that a server wrote", &|patient| patient.lose(&name(1)));
    add("no first segment of those that a server wrote", &|patient| patient.lose(&name(0)));
    all
}

/// Damage of a log of which a server has left a snapshot, which still says what series are called.
pub(crate) fn of_snapped(snapped: &Dir) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |what: &str, harm: &dyn Fn(&mut Patient)| {
        let mut patient = Patient::new(Dir::copy_of(snapped.path()));
        harm(&mut patient);
        all.push(patient.case(what));
    };
    add("labels from a snapshot", &|patient| {
        let second = patient.record(&name(0), 0).end;
        patient.flip(&name(0), second, 40, 0x01);
    });
    add("labels from a snapshot for a log without its beginning", &|patient| patient.lose(&name(0)));
    all
}

/// A record that was begun and never finished, in a log that a server wants to checkpoint.
pub(crate) fn dangling(begin: Begin) -> Case {
    let all = segments(begin);
    all.into_iter().find(|case| case.name == "a record begun and never finished").unwrap()
}

/// Chunks of series 4 to 60 and a log that counts to 3.
fn orphans(begin: Begin, chunked: &Dir) -> Case {
    let dir = Dir::new();
    let mut pages = Pages::default();
    crate::sound::declare(&mut pages, 1..=3);
    for scrape in 0..SCRAPES {
        pages.log(&samples(3, begin.0 + scrape * STEP), Compression::None);
    }
    dir.write(&name(0), &closed(pages));
    for file in 1..=3 {
        let name = format!("chunks_head/{file:06}");
        dir.write(&name, &chunked.read(&name));
    }
    // Chunks of the three are the same as what a log of more scrapes would have held.
    let good = Original::of(chunked.path()).good(&[1, 2, 3, 4].map(|segment| Harm::File(name(segment))));
    let named = Original::of(dir.path()).good(&[]);
    let mut good = good;
    good.retain(|labels, _| named.contains_key(labels));
    Case { name: "chunks of series above the highest number".to_owned(), dir, good }
}

/// Chunks that a server wrote, split so that they lie in three files.
pub(crate) fn split_chunks(dir: &Dir) {
    let original = Original::of(dir.path());
    let files: Vec<_> =
        crate::sound::tree(dir.path()).into_keys().filter(|name| name.starts_with("chunks_head/")).collect();
    let mut chunks = Vec::new();
    for file in &files {
        let bytes = dir.read(file);
        let range =
            |span: Range<u64>| usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap();
        chunks.extend(original.spans(file).into_iter().map(|span| bytes[range(span)].to_vec()));
        dir.remove(file);
    }
    assert!(chunks.len() >= 100, "{} chunks", chunks.len());
    // A series' chunks have to come in their order, and they lie in it.
    for (at, third) in chunks.chunks(chunks.len().div_ceil(3)).enumerate() {
        let mut bytes = b"\x01\x30\xbc\x91\x01\0\0\0".to_vec();
        bytes.extend(third.concat());
        bytes.resize(bytes.len() + 4096, 0);
        dir.write(&format!("chunks_head/{:06}", at + 1), &bytes);
    }
}
