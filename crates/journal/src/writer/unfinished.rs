//! An index that is being written: all of it as it was when its segment began, in parts that come along with the
//! batches.

use std::collections::VecDeque;

use crate::SegmentId;
use crate::format::{More, Record};

/// An index of which parts are still to be written.
pub(super) struct Unfinished {
    /// The segment that it begins.
    begins: SegmentId,
    /// Bytes of all parts.
    bytes: u64,
    /// What is to be written, in order.
    left: VecDeque<Part>,
}

/// A part of an index.
pub(super) struct Part {
    number: u32,
    more: More,
    entries: Vec<u8>,
}

/// An index that is there, but for what a sync has to say of its last part.
pub(super) struct Finished {
    pub(super) begins: SegmentId,
    pub(super) bytes: u64,
}

impl Unfinished {
    pub(super) fn new(begins: SegmentId, parts: Vec<Vec<u8>>) -> Self {
        let last = parts.len().saturating_sub(1);
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        let part = |(at, entries)| Part {
            number: u32::try_from(at).unwrap_or(u32::MAX),
            more: if at == last { More::Ends } else { More::Follows },
            entries,
        };
        Self { begins, bytes, left: parts.into_iter().enumerate().map(part).collect() }
    }

    /// What is still to be written, which is given back but for what was.
    pub(super) fn take(&mut self) -> VecDeque<Part> {
        std::mem::take(&mut self.left)
    }

    pub(super) fn give_back(&mut self, left: VecDeque<Part>) {
        self.left = left;
    }

    /// What it is once its last part is written.
    pub(super) fn finished(&self) -> Option<Finished> {
        self.left.is_empty().then_some(Finished { begins: self.begins, bytes: self.bytes })
    }
}

impl Part {
    pub(super) fn bytes(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn record(&self) -> Record<'_> {
        Record::Index { part: self.number, more: self.more, entries: &self.entries }
    }
}
