//! Laws that hold for every reading of every file.

use std::ops::{ControlFlow, Range};

use formats::{Body, Damage, Entry, Note, Record, Visit};

/// Everything that one reading handed out, in its order.
#[derive(Debug, Default)]
pub struct Seen {
    pub spans: Vec<Range<u64>>,
    pub records: Vec<(Range<u64>, Record)>,
    pub damage: Vec<Damage>,
    /// The spans of the damage, as entries.
    pub lost: Vec<Range<u64>>,
    pub notes: Vec<(Range<u64>, Note)>,
}

impl Seen {
    /// Reads all, and again to a place that `at` chooses, where the visitor breaks off. Damage is all that is lost.
    pub fn of(at: u8, read: impl Fn(&mut Visit<'_>)) -> Self {
        let seen = Self::with_losses(at, read);
        for (span, damage) in seen.lost.iter().zip(&seen.damage) {
            assert_eq!((damage.start, damage.end), (span.start, span.end), "{damage:?}");
        }
        seen
    }

    /// The same where what is lost reaches further than the damage.
    pub fn with_losses(at: u8, read: impl Fn(&mut Visit<'_>)) -> Self {
        let mut seen = Self::default();
        read(&mut |entry: Entry| {
            seen.spans.push(entry.span.clone());
            match entry.body {
                Body::Record(record) => seen.records.push((entry.span, record)),
                Body::Damage(damage) => {
                    seen.lost.push(entry.span);
                    seen.damage.push(damage);
                }
                Body::Note(note) => seen.notes.push((entry.span, note)),
            }
            ControlFlow::Continue(())
        });
        let mut before = Vec::new();
        read(&mut |entry: Entry| {
            before.push(entry.span);
            if before.len() > usize::from(at) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(before, seen.spans[..seen.spans.len().min(usize::from(at) + 1)], "broken off after {at}");
        seen
    }

    /// Ranges lie in the file and forward; records lie in order and apart, and so does damage.
    pub fn assert_in_order(&self, len: u64) {
        for span in &self.spans {
            assert!(span.start <= span.end && span.end <= len, "{span:?} in {len} bytes");
        }
        apart("records", self.records.iter().map(|(span, _)| span.clone()));
        apart("damage", self.damage.iter().map(|damage| damage.start..damage.end));
    }

    /// Every byte of `file` from `from` on lies in a record, a damage or a note, or is zero, or is one of `free`
    /// others.
    pub fn assert_accounted(&self, file: &[u8], from: usize, free: u64) {
        let mut covered = vec![false; file.len()];
        covered[..from.min(file.len())].fill(true);
        for span in &self.spans {
            covered[span.start as usize..span.end as usize].fill(true);
        }
        let left: Vec<usize> = (0..file.len()).filter(|&at| !covered[at] && file[at] != 0).collect();
        assert!(
            left.len() as u64 <= free,
            "bytes {:?} of {} lie nowhere",
            &left[..left.len().min(20)],
            left.len()
        );
    }

    /// No byte is lost twice.
    pub fn assert_lost_once(&self, len: u64) {
        let records: u64 = self.records.iter().map(|(span, _)| span.end - span.start).sum();
        let lost: u64 = self.damage.iter().map(|damage| damage.lost.bytes).sum();
        assert!(records + lost <= len, "{records} bytes of records and {lost} lost in {len} bytes");
    }
}

fn apart(what: &str, spans: impl Iterator<Item = Range<u64>>) {
    let mut reached = 0;
    for span in spans {
        assert!(span.start >= reached, "{what} {span:?} begins before {reached}");
        reached = span.end;
    }
}
