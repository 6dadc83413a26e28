//! Texts: each distinct one once, and sorted for a block.

use super::slots::Slots;
use crate::MendError;

/// A text of a [`Pool`], by when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextId(u32);

/// A text of a block, by its place among the sorted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub(super) u32);

/// A label of a series of a block. Label sets compare as slices of these, since ordinals sort as their texts do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The label's name.
    pub name: Ordinal,
    /// The label's value.
    pub value: Ordinal,
}

/// Texts, each distinct one once.
#[derive(Debug, Default)]
pub struct Pool {
    bytes: Vec<u8>,
    /// Where each text ends; it begins where the one before it does.
    ends: Vec<usize>,
    slots: Slots,
}

impl Pool {
    /// The text that is equal to this one, which it becomes if there is none.
    pub fn intern(&mut self, text: &[u8]) -> Result<TextId, MendError> {
        let Self { bytes, ends, slots } = self;
        let vacancy = match slots.find(text, ends.len(), |number| text_of(bytes, ends, number)) {
            Ok(number) => return Ok(TextId(number)),
            Err(vacancy) => vacancy,
        };
        let id = u32::try_from(self.ends.len()).ok().filter(|&id| id < u32::MAX).ok_or_else(too_many)?;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.slots.enter(vacancy, id);
        Ok(TextId(id))
    }

    /// Gives up what only looking texts up takes; it is made again when one is.
    pub fn shrink(&mut self) {
        self.slots.forget();
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// A text's bytes.
    pub fn text(&self, id: TextId) -> &[u8] {
        text_of(&self.bytes, &self.ends, id.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn text_of<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    let end = ends.get(number).copied().unwrap_or(start);
    bytes.get(start..end).unwrap_or_default()
}

fn too_many() -> MendError {
    MendError::Impossible {
        reason: "the log has more than four billion distinct label names and values".to_owned(),
        advice: "trim it instead".to_owned(),
    }
}

/// What stands in the place of an ordinal for texts that a block does not use.
const UNUSED: u32 = u32::MAX;

/// The texts of a block, sorted bytewise.
#[derive(Debug)]
pub struct Symbols<'p> {
    pool: &'p Pool,
    sorted: Vec<TextId>,
    /// By the number of the text.
    ordinals: Vec<u32>,
}

impl<'p> Symbols<'p> {
    /// The symbols of a block whose series use these texts, each named once or more often.
    pub fn of(pool: &'p Pool, used: impl IntoIterator<Item = TextId>) -> Self {
        let mut ordinals = vec![UNUSED; pool.len()];
        let mut sorted = Vec::new();
        for id in used {
            if let Some(ordinal) = ordinals.get_mut(id.0 as usize).filter(|ordinal| **ordinal == UNUSED) {
                *ordinal = 0;
                sorted.push(id);
            }
        }
        sorted.sort_unstable_by(|&one, &other| pool.text(one).cmp(pool.text(other)));
        for (ordinal, id) in (0..).zip(&sorted) {
            if let Some(place) = ordinals.get_mut(id.0 as usize) {
                *place = ordinal;
            }
        }
        Self { pool, sorted, ordinals }
    }

    /// The place of a text; `None` when it was not among those that the block uses.
    pub fn ordinal(&self, id: TextId) -> Option<Ordinal> {
        self.ordinals.get(id.0 as usize).copied().filter(|&ordinal| ordinal != UNUSED).map(Ordinal)
    }

    /// A text by its place.
    pub fn text(&self, ordinal: Ordinal) -> &'p [u8] {
        self.sorted.get(ordinal.0 as usize).map_or(&[], |&id| self.pool.text(id))
    }

    /// All texts in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'p [u8]> + '_ {
        self.sorted.iter().map(|&id| self.pool.text(id))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_each_keeps_its_bytes() {
        let mut pool = Pool::default();
        let texts: Vec<Vec<u8>> =
            (0..10_000u32).map(|n| format!("text {}", n % 3_000).into_bytes()).collect();
        let ids: Vec<_> = texts.iter().map(|text| pool.intern(text).unwrap()).collect();
        assert_eq!(pool.len(), 3_000);
        for (text, &id) in texts.iter().zip(&ids) {
            assert_eq!(pool.text(id), text.as_slice());
            assert_eq!(pool.intern(text).unwrap(), id);
        }
    }

    #[test]
    fn symbols_are_those_that_are_used_sorted_bytewise() {
        let mut pool = Pool::default();
        let mut id = |text: &[u8]| pool.intern(text).unwrap();
        let (high, empty, unused, word, longer) =
            (id(b"\xff"), id(b""), id(b"other"), id(b"job"), id(b"jobs"));
        let symbols = Symbols::of(&pool, [high, word, longer, empty, word]);
        assert_eq!(symbols.iter().collect::<Vec<_>>(), [&b""[..], b"job", b"jobs", b"\xff"]);
        let places = [empty, word, longer, high].map(|id| symbols.ordinal(id).unwrap());
        assert_eq!(places, [0, 1, 2, 3].map(Ordinal));
        assert_eq!(symbols.ordinal(unused), None);
        assert_eq!(symbols.text(places[2]), b"jobs");
    }
}
