//! A set of series numbers.

use std::collections::HashMap;

const BITS_PER_PAGE: u64 = 32 * 1024;
const WORDS: usize = (BITS_PER_PAGE / 64) as usize;

/// How many pages a set may take: 64 Mi dense numbers in 8 MiB.
///
/// Numbers are given out one after the other, so real sets are dense; only hostile ones are not.
const MAX_PAGES: usize = 2048;

/// A set of series numbers, small where numbers are dense, and bounded where they are not.
#[derive(Clone, Debug, Default)]
pub struct RefSet {
    pages: HashMap<u64, Box<[u64; WORDS]>>,
    overflowed: Overflow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    #[default]
    No,
    Yes,
}

impl RefSet {
    /// Adds a number, and says whether it was new.
    pub fn insert(&mut self, number: u64) -> bool {
        let page = number / BITS_PER_PAGE;
        if !self.pages.contains_key(&page) && self.pages.len() >= MAX_PAGES {
            self.overflowed = Overflow::Yes;
            return true;
        }
        let words = self.pages.entry(page).or_insert_with(|| Box::new([0; WORDS]));
        let bit = number % BITS_PER_PAGE;
        let Some(word) = usize::try_from(bit / 64).ok().and_then(|at| words.get_mut(at)) else { return true };
        let before = std::mem::replace(word, *word | 1 << (bit % 64));
        before != *word
    }

    /// Numbers that are in both.
    pub(super) fn common<'a>(&'a self, other: &'a RefSet) -> impl Iterator<Item = u64> + 'a {
        let pages =
            self.pages.iter().filter_map(|(page, words)| Some((*page, words, other.pages.get(page)?)));
        pages.flat_map(|(page, ours, theirs)| {
            let words = (0..).zip(ours.iter().zip(theirs.iter()).map(|(ours, theirs)| ours & theirs));
            words.filter(|(_, word)| *word != 0).flat_map(move |(at, word)| {
                let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
                bits.map(move |bit| page * BITS_PER_PAGE + at * 64 + bit)
            })
        })
    }

    /// Whether a number is in it; where the set overflowed, numbers that found no place are not.
    pub fn contains(&self, number: u64) -> bool {
        let bit = number % BITS_PER_PAGE;
        let word =
            usize::try_from(bit / 64).ok().and_then(|at| self.pages.get(&(number / BITS_PER_PAGE))?.get(at));
        word.is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Adds all numbers of `other`.
    pub(super) fn union(&mut self, other: RefSet) {
        if other.overflowed == Overflow::Yes {
            self.overflowed = Overflow::Yes;
        }
        for (page, words) in other.pages {
            match self.pages.entry(page) {
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(words);
                }
                std::collections::hash_map::Entry::Occupied(mut mine) => {
                    mine.get_mut().iter_mut().zip(words.iter()).for_each(|(mine, theirs)| *mine |= theirs);
                }
            }
        }
    }

    /// How many numbers are in it; `None` when there were too many to hold.
    pub(super) fn len(&self) -> Option<u64> {
        let count =
            self.pages.values().flat_map(|words| words.iter()).map(|word| u64::from(word.count_ones())).sum();
        (self.overflowed == Overflow::No).then_some(count)
    }
}
