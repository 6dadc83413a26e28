//! A bound on searching, which hostile bytes could otherwise make quadratic.

/// How many bytes a reader may checksum in vain.
///
/// Looking for the next good record after damage means taking bytes for a length and checksumming as many as it
/// says. Bytes can be laid out so that every position names a huge length: a file of a gigabyte would then cost
/// petabytes of checksumming. A reader may spend [`FREE`](Effort::FREE) bytes on failed attempts whatever the
/// file is, and [`PER_BYTE`](Effort::PER_BYTE) more for every byte that it got on; an attempt it cannot afford
/// counts as failed. Real damage never comes near the bound: it costs one attempt per record it hit.
#[derive(Debug, Default)]
pub(crate) struct Effort {
    spent: u64,
}

impl Effort {
    /// Free attempts: six records of the largest size that any of the formats has in practice.
    pub(crate) const FREE: u64 = 64 * 1024 * 1024;
    /// More attempts for every byte of progress, so that the whole stays linear in the size of the file.
    pub(crate) const PER_BYTE: u64 = 8;

    /// Whether `cost` bytes may be checksummed by a reader that has come to `position`.
    pub(crate) fn affords(&self, cost: usize, position: u64) -> bool {
        let earned = Self::FREE.saturating_add(position.saturating_mul(Self::PER_BYTE));
        self.spent.saturating_add(cost as u64) <= earned
    }

    /// Counts an attempt that failed.
    pub(crate) fn spend(&mut self, cost: usize) {
        self.spent = self.spent.saturating_add(cost as u64);
    }

    /// Bytes checksummed in vain so far.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }
}
