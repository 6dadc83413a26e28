//! Chunks of `chunks_head` that are lost: the log of late samples must not be told that they are there.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges of files that hold no chunks any more.
#[derive(Clone, Debug, Default)]
pub(super) struct LostChunks {
    /// By number of the file.
    ranges: BTreeMap<u64, Vec<Range<u64>>>,
}

impl LostChunks {
    /// Adds a range of a file.
    pub(super) fn add(&mut self, file: u64, range: Range<u64>) {
        self.ranges.entry(file).or_default().push(range);
    }

    /// Whether the chunk at an address, which is the number of its file and the place in it, is lost.
    pub(super) fn holds(&self, address: u64) -> bool {
        let (file, offset) = (address >> 32, address & 0xffff_ffff);
        address > 0
            && self.ranges.get(&file).is_some_and(|ranges| ranges.iter().any(|range| range.contains(&offset)))
    }
}
