//! Finding what was there before: a table of numbers, by the hashes of what they stand for.

use std::hash::{BuildHasher, Hash, RandomState};

/// An open-addressed table. It holds numbers alone, 4 to 8 bytes for each; what they stand for is its owner's.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// A power of two long, at most half full: one more than the number, and zero where there is none.
    slots: Vec<u32>,
    hasher: RandomState,
}

/// Where something belongs that is not there yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vacancy(usize);

impl Slots {
    /// The number of `wanted`, or where it belongs. `at` says what each number below `count` stands for.
    pub(crate) fn find<'a, T: Hash + Eq + ?Sized + 'a>(
        &mut self,
        wanted: &T,
        count: usize,
        at: impl Fn(u32) -> &'a T,
    ) -> Result<u32, Vacancy> {
        if self.slots.len() <= count * 2 {
            self.grow(count, &at);
        }
        let mut place = self.home(wanted);
        loop {
            match self.slots.get(place).copied().unwrap_or(0) {
                0 => return Err(Vacancy(place)),
                taken if at(taken - 1) == wanted => return Ok(taken - 1),
                _ => place = (place + 1) % self.slots.len(),
            }
        }
    }

    /// Enters a number below `u32::MAX` where nothing was found.
    pub(crate) fn enter(&mut self, vacancy: Vacancy, number: u32) {
        if let Some(slot) = self.slots.get_mut(vacancy.0) {
            *slot = number + 1;
        }
    }

    /// Gives its memory up; it is made again when something is looked for.
    pub(crate) fn forget(&mut self) {
        self.slots = Vec::new();
    }

    /// Where something is looked for first.
    fn home<T: Hash + ?Sized>(&self, wanted: &T) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits of a hash are as good as all")]
        let hash = self.hasher.hash_one(wanted) as usize;
        hash & self.slots.len().wrapping_sub(1)
    }

    fn grow<'a, T: Hash + ?Sized + 'a>(&mut self, count: usize, at: &impl Fn(u32) -> &'a T) {
        const SMALLEST: usize = 64;
        // A table that was given up has to hold all again.
        let len = SMALLEST.max((count * 2 + 1).next_power_of_two()).max(self.slots.len() * 2);
        self.slots = vec![0; len];
        for number in (0u32..).take(count) {
            let mut place = self.home(at(number));
            while self.slots.get(place).is_some_and(|slot| *slot != 0) {
                place = (place + 1) % len;
            }
            self.enter(Vacancy(place), number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    fn intern(slots: &mut Slots, texts: &mut Vec<String>, text: &str) -> u32 {
        match slots.find(text, texts.len(), |number| texts[number as usize].as_str()) {
            Ok(number) => number,
            Err(vacancy) => {
                texts.push(text.to_owned());
                let number = u32::try_from(texts.len() - 1).unwrap();
                slots.enter(vacancy, number);
                number
            }
        }
    }

    #[test]
    fn what_was_entered_is_found_also_after_the_table_was_given_up() {
        let (mut slots, mut texts) = (Slots::default(), Vec::new());
        for round in 0..3 {
            for number in 0..1000 {
                assert_eq!(intern(&mut slots, &mut texts, &format!("text {number}")), number, "{round}");
            }
            slots.forget();
        }
        assert_eq!(texts.len(), 1000);
    }
}
