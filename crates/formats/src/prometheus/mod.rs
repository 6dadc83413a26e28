//! Prometheus TSDB write-ahead logs: server, agent, and programs that embed the TSDB; and Loki's, framed alike.
//!
//! A log is a row of segments of 32 KiB pages. A record is split into fragments ([`fragment`]), each with a
//! checksum; [`framer`] joins them and finds damage; [`unpack`] decompresses; [`record`] decodes. [`layout`] says
//! which files belong together, [`startup`] what the server would do with them.
//!
//! * A segment's end: zeros to the end of the page when it was closed, any length when the server crashed.
//! * Torn write: a prefix of the last record; the server drops that record alone. A file other than the newest
//!   that ends inside a record is damage.
//! * Zeros between data, or a first fragment that nothing continues, are damage although the server starts over
//!   them: it then serves samples that never existed, or can never truncate the log again.
//! * Samples name their series by number only. A series' labels are written once, when it is created.

mod block;
mod contents;
mod directory;
mod ends;
mod feed;
mod forecast;
mod found;
mod fragment;
mod framer;
mod gaps;
mod head_chunks;
mod layout;
mod loki;
mod memory;
mod pages;
mod redeclared;
mod refs;
mod relay;
mod replay;
mod skim;
mod snapshot;
mod startup;
mod sweep;
mod unpack;
mod values;

pub mod record;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

pub use block::{BlockMeta, BlockStats, Compaction};
pub use directory::{Chunking, Directory, Frame, Framing, Gist};
pub use fragment::Compression;
pub use head_chunks::{ChunkOrder, HeadChunk};
pub use memory::{read_head_chunks, read_loki_segment, read_segment, read_snapshot_segment, survey_segment};
pub use pages::{Packer, Pages};
pub use refs::RefSet;
pub use relay::Relay;
pub use replay::Taken;
pub use snapshot::{OpenChunk, SnapshotSeries};

use crate::detect::Recognised;
use crate::{
    Body, Damage, Entry, Format, Liveness, Log, Lost, Note, Order, Part, ReadError, Role, Survey, Visit,
};
use feed::{Block, Feed};
use found::{BLANK, CUT, Found, What};
use layout::{Content, Layout, Tail};
use unpack::Unpacker;

/// Recognises a data directory, a WAL directory, or one of their files.
pub(crate) fn recognise(path: &Path) -> Recognised {
    recognise_as(path, Dialect::Prometheus)
}

/// The same where the records are those of Loki.
pub(crate) fn recognise_loki(path: &Path) -> Recognised {
    recognise_as(path, Dialect::Loki)
}

fn recognise_as(path: &Path, wanted: Dialect) -> Recognised {
    let Some(layout) = layout::list(path)? else { return Ok(None) };
    let dialect = Dialect::of(&layout);
    Ok((dialect == wanted).then(|| Box::new(PrometheusLog { layout, dialect }) as Box<dyn Log>))
}

/// Whose records the frames hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Prometheus,
    Loki,
}

impl Dialect {
    fn decoder(self) -> fn(&[u8]) -> Result<crate::Record, crate::Malformed> {
        match self {
            Dialect::Prometheus => values_of,
            Dialect::Loki => loki::record,
        }
    }
}

/// How many records are looked at to tell whose they are.
const RECORDS_TO_TRY: usize = 16;

impl Dialect {
    /// Loki's, if all of the first records are records of Loki and not all are records of Prometheus: a short record
    /// of the one can pass for one of the other.
    fn of(layout: &Layout) -> Self {
        let live = layout.parts.iter().filter(|part| part.role == Role::Live && part.bytes > 0);
        for part in live {
            let (mut ours, mut lokis, mut seen) = (0, 0, 0);
            let count = |record: &[u8]| {
                ours += usize::from(record::Record::decode(record).is_ok());
                lokis += usize::from(loki::record(record).is_ok());
                seen += 1;
                Ok(crate::Record::new("tried"))
            };
            // What cannot be read is said when it is read for its content.
            first_records(part, RECORDS_TO_TRY, count).unwrap_or(());
            if seen > 0 {
                return if lokis == seen && ours < seen { Dialect::Loki } else { Dialect::Prometheus };
            }
        }
        Dialect::Prometheus
    }
}

/// Hands the first records of a part to `decode`.
fn first_records(
    part: &Part,
    count: usize,
    mut decode: impl FnMut(&[u8]) -> Result<crate::Record, crate::Malformed>,
) -> io::Result<()> {
    let mut feed = Feed::open(part)?;
    let mut block = Block::default();
    let mut unpacker = Unpacker::new();
    let mut left = count;
    while left > 0 && feed.next(&mut block)?.is_some() {
        for found in block.batch.found.iter().take(left) {
            if let What::Record(place, compression) = &found.what {
                left -= usize::from(unpacker.open(block.bytes(place), *compression, &mut decode).is_ok());
            }
        }
    }
    Ok(())
}

/// A log of Prometheus, or of a program that frames its log in the same way.
struct PrometheusLog {
    layout: Layout,
    dialect: Dialect,
}

impl PrometheusLog {
    fn content(&self, part: &Part) -> Content {
        self.layout.contents.get(&part.name).copied().unwrap_or(Content::Records(Tail::MustBeWhole))
    }
}

impl Log for PrometheusLog {
    fn format(&self) -> Format {
        match self.dialect {
            Dialect::Prometheus => Format::Prometheus,
            Dialect::Loki => Format::Loki,
        }
    }

    fn root(&self) -> &Path {
        &self.layout.root
    }

    fn parts(&self) -> &[Part] {
        &self.layout.parts
    }

    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let result = match self.content(part) {
            Content::Records(tail) => {
                Framed { part, tail, decode: self.dialect.decoder() }.read(order, visit)
            }
            Content::Snapshot => {
                Framed { part, tail: Tail::MustBeWhole, decode: snapshot::record }.read(order, visit)
            }
            Content::HeadChunks(tail) => head_chunks::read(part, tail, &order.progress, visit),
            Content::BlockMeta => read_block(part, order, visit),
        };
        conclude_reading(part, result, visit)
    }

    fn skim(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let Content::Records(tail) = self.content(part) else { return self.read(part, order, visit) };
        let decode = match self.dialect {
            Dialect::Prometheus => skimmed,
            Dialect::Loki => loki::record,
        };
        conclude_reading(part, Framed { part, tail, decode }.read(order, visit), visit)
    }

    fn conclude(&self, order: &Order, survey: &mut Survey) {
        match self.dialect {
            Dialect::Prometheus => {
                startup::conclude(&self.layout, order, survey, &replay::damaged(survey));
                ends::add_blocker(&self.layout, survey);
            }
            Dialect::Loki => survey.estimate = None,
        }
    }

    fn survey(&self, order: &Order) -> Survey {
        sweep::survey(self, order)
    }
}

/// A file that is gone is a note, and what else keeps it from being read an error.
fn conclude_reading(part: &Part, result: io::Result<()>, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            visit(vanished(part)).is_break();
            Ok(())
        }
        other => other.map_err(|error| ReadError::new(part, error)),
    }
}

/// The note for a file that was listed and then deleted by the server.
fn vanished(part: &Part) -> Entry {
    let message = "vanished between listing and reading; a running server deletes what it has checkpointed";
    Entry {
        span: 0..0,
        body: Body::Note(Note { code: "vanished", file: part.name.clone(), message: message.to_owned() }),
    }
}

fn values_of(record: &[u8]) -> Result<crate::Record, crate::Malformed> {
    record::Record::decode(record).map(|record| values::record(&record))
}

/// A record that was checked and not kept.
fn skimmed(record: &[u8]) -> Result<crate::Record, crate::Malformed> {
    skim::skim(record, |_| {}).map(|skim| crate::Record::new(skim.kind.name()))
}

/// A file of framed records and how its records are decoded.
struct Framed<'a> {
    part: &'a Part,
    tail: Tail,
    decode: fn(&[u8]) -> Result<crate::Record, crate::Malformed>,
}

impl Framed<'_> {
    fn read(&self, order: &Order, visit: &mut Visit<'_>) -> io::Result<()> {
        read_feed(Feed::open(self.part)?, self, order, visit)
    }
}

fn read_feed<R: io::Read>(
    mut feed: Feed<R>,
    framed: &Framed<'_>,
    order: &Order,
    visit: &mut Visit<'_>,
) -> io::Result<()> {
    let Framed { part, tail, decode } = *framed;
    let mut block = Block::default();
    let mut unpacker = Unpacker::new();
    while let Some(bytes) = feed.next(&mut block)? {
        order.progress.add(bytes);
        for found in &block.batch.found {
            let body = match &found.what {
                What::Record(place, compression) => {
                    match unpacker.open(block.bytes(place), *compression, decode) {
                        Ok(record) => Body::Record(record),
                        Err(cause) => Body::Damage(undecodable(part, found, cause)),
                    }
                }
                What::Damage(cause, lost) => Body::Damage(damage(part, found, cause, *lost)),
                What::Torn => torn(part, tail, found, order.liveness),
                What::Blank => blank(part, tail, found),
            };
            let span = match &body {
                Body::Damage(damage) => damage.start..damage.end,
                Body::Record(_) | Body::Note(_) => found.span.clone(),
            };
            if visit(Entry { span, body }) == ControlFlow::Break(()) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn damage(part: &Part, found: &Found, cause: &'static str, lost: Lost) -> Damage {
    let span = found.span.clone();
    Damage { file: part.name.clone(), start: span.start, end: span.end, cause: cause.into(), lost }
}

/// A record whose checksums are right and whose content is not.
fn undecodable(part: &Part, found: &Found, cause: String) -> Damage {
    let lost = Lost { records: Some(1), bytes: found.span.end - found.span.start };
    // What was told inside of it, when it still passed for sound, is not told again.
    Damage { start: found.told, cause: cause.into(), ..damage(part, found, "", lost) }
}

/// A file that ends inside a record: a crash in the newest file, damage in any other; nothing at all to speak of in
/// a file that is being written.
fn torn(part: &Part, tail: Tail, found: &Found, liveness: Liveness) -> Body {
    let bytes = found.span.end - found.span.start;
    let instead = match part.role {
        Role::OutOfOrder => "; but 2.42 then cuts the WAL, and deletes all segments after that number",
        _ => "",
    };
    let (code, message) = match (tail, liveness) {
        (Tail::MustBeWhole, _) => {
            let cut = damage(part, found, CUT, Lost { records: Some(1), bytes });
            return Body::Damage(Damage { start: found.told, ..cut });
        }
        (Tail::MayBeTorn, Liveness::Running) => {
            ("live-tail", format!("its last {bytes} bytes are a record that is still being written"))
        }
        (Tail::MayBeTorn, Liveness::Stopped) => (
            "torn-tail",
            format!(
                "the newest file ends inside a record at byte {}, as after a crash; its {bytes} bytes are all that the server drops{instead}",
                found.span.start
            ),
        ),
    };
    Body::Note(Note { code, file: part.name.clone(), message })
}

/// A file that ends in pages of zeros: lost in a crash in the newest file, damage in any other.
fn blank(part: &Part, tail: Tail, found: &Found) -> Body {
    let bytes = found.span.end - found.span.start;
    match tail {
        Tail::MustBeWhole => Body::Damage(damage(part, found, BLANK, Lost { records: None, bytes })),
        Tail::MayBeTorn => Body::Note(Note {
            code: "blank-tail",
            file: part.name.clone(),
            message: format!(
                "the newest file ends in {bytes} bytes of zeros, which no server writes; what a crash may have taken there nothing can tell"
            ),
        }),
    }
}

fn read_block(part: &Part, order: &Order, visit: &mut Visit<'_>) -> io::Result<()> {
    let json = crate::files::read_small(&part.path, block::MAX_META)?;
    order.progress.add(json.len() as u64);
    let span = 0..json.len() as u64;
    let body = match BlockMeta::parse(&json, block_name(part)) {
        Ok(meta) => Body::Record(meta.record()),
        Err(cause) => {
            let lost = Lost { records: None, bytes: span.end };
            Body::Damage(Damage {
                file: part.name.clone(),
                start: 0,
                end: span.end,
                cause: cause.into(),
                lost,
            })
        }
    };
    visit(Entry { span, body }).is_break();
    Ok(())
}

fn block_name(part: &Part) -> &str {
    part.name.split_once('/').map_or("", |(name, _)| name)
}
