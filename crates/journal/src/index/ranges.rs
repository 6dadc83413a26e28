//! A set of sequence numbers, kept as ranges that are apart.

use std::collections::BTreeMap;

use crate::{Seq, Span};

/// Sequence numbers, as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<Seq, Seq>);

impl Ranges {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, seq: Seq) -> bool {
        self.0.range(..=seq).next_back().is_some_and(|(_, &last)| seq <= last)
    }

    /// Adds a range; what touches it becomes one with it.
    pub(crate) fn insert(&mut self, span: Span) {
        let (mut first, mut last) = (span.first(), span.last());
        while let Some((&start, &end)) = self.0.range(..=last.next()).next_back() {
            if end.next() < first {
                break;
            }
            first = first.min(start);
            last = last.max(end);
            self.0.remove(&start);
        }
        self.0.insert(first, last);
    }

    /// Takes one number out.
    pub(crate) fn remove(&mut self, seq: Seq) {
        let Some((&start, &end)) = self.0.range(..=seq).next_back() else { return };
        if end < seq {
            return;
        }
        self.0.remove(&start);
        if start < seq {
            self.0.insert(start, seq.before());
        }
        if seq < end {
            self.0.insert(seq.next(), end);
        }
    }

    /// Takes the range out that begins at `low` or before, if there is one, and says where it ends.
    pub(crate) fn take_up_to(&mut self, low: Seq) -> Option<Seq> {
        let entry = self.0.first_entry()?;
        (*entry.key() <= low).then(|| entry.remove())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().filter_map(|(&first, &last)| Span::new(first, last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_a_set_of_numbers_holds(
            steps in proptest::collection::vec((any::<bool>(), 1u64..40, 0u64..6), 0..60),
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (adds, first, len) in steps {
                if adds {
                    ranges.insert(Span::new(Seq::new(first), Seq::new(first + len)).unwrap());
                    set.extend(first..=first + len);
                } else {
                    ranges.remove(Seq::new(first));
                    set.remove(&first);
                }
            }
            for number in 0..50 {
                prop_assert_eq!(ranges.contains(Seq::new(number)), set.contains(&number));
            }
            let spans: Vec<Span> = ranges.iter().collect();
            prop_assert!(spans.windows(2).all(|pair| pair[0].last().next() < pair[1].first()));
        }
    }
}
