//! What one file adds up to.

use super::content::Content;

/// What is known of a file after it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The checksum that the file opens with.
    pub(super) opens_with: Option<u32>,
    /// The checksum after its last record; `None` when that is not known.
    pub(super) ends_with: Option<u32>,
    /// Where its last record ends.
    pub(super) end: u64,
    pub(super) entries: u64,
    pub(super) first_index: Option<u64>,
    pub(super) last_index: Option<u64>,
    pub(super) last_term: Option<u64>,
    pub(super) commit: Option<u64>,
    pub(super) snapshot_index: Option<u64>,
    pub(super) member: Option<u64>,
    pub(super) cluster: Option<u64>,
    /// Entries that replace earlier ones of the same index.
    pub(super) overwritten: u64,
    /// How etcd ends at the first record that it cannot read.
    pub(super) fate: Option<Fate>,
}

/// What etcd does when it comes to a record that it cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stops with an error, each time.
    Stops,
    /// It takes the place for the end of the log, and cuts or overwrites what is behind.
    Cuts,
    /// Up to 3.4 it stops, since 3.5 it cuts.
    Differs,
}

impl Tally {
    /// Adds what a record says; answers the missing indexes when the entry does not follow the one before it.
    pub(super) fn add(&mut self, content: Content) -> Option<(u64, u64)> {
        match content {
            Content::Metadata { member, cluster } => {
                (self.member, self.cluster) = (Some(member), Some(cluster));
            }
            Content::State { commit, .. } => self.commit = Some(commit),
            Content::Snapshot { index, .. } => self.snapshot_index = self.snapshot_index.max(Some(index)),
            Content::Crc => {}
            Content::Entry { term, index, .. } => return self.add_entry(term, index),
        }
        None
    }

    fn add_entry(&mut self, term: u64, index: u64) -> Option<(u64, u64)> {
        self.entries += 1;
        self.last_term = Some(term);
        self.first_index.get_or_insert(index);
        let before = self.last_index.replace(index)?;
        if index <= before {
            self.overwritten = self.overwritten.saturating_add(before - index).saturating_add(1);
        }
        let missing = before.checked_add(1)?..index;
        (!missing.is_empty()).then(|| (missing.start, missing.end - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(indexes: &[u64]) -> (Tally, Vec<Option<(u64, u64)>>) {
        let mut tally = Tally::default();
        let gaps = indexes.iter().map(|index| tally.add_entry(0, *index)).collect();
        (tally, gaps)
    }

    #[test]
    fn an_index_of_zero_behind_others_replaces_them_and_leaves_no_gap() {
        let (tally, gaps) = after(&[7, 0]);
        assert_eq!((tally.overwritten, gaps), (8, vec![None, None]));
    }

    #[test]
    fn the_largest_index_there_is_can_be_replaced_and_followed() {
        let (tally, gaps) = after(&[u64::MAX, 0, u64::MAX]);
        assert_eq!((tally.overwritten, gaps), (u64::MAX, vec![None, None, Some((1, u64::MAX - 1))]));
    }
}
