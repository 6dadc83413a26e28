//! Rows of numbered files, in which no number may be missing.

/// More missing numbers in one place than this are not filled one by one: what lies before them is put together
/// instead. A hole of so many was not left by a lost file, but by a file that was put where it does not belong.
const MAX_FILLED: u64 = 256;

/// How a row is made one without holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mended {
    /// Everything up to this number becomes one file.
    pub(super) fold: Option<u64>,
    /// Numbers that get a file without records.
    pub(super) fill: Vec<u64>,
}

impl Mended {
    /// Whether something is missing.
    pub(super) fn has_holes(&self) -> bool {
        self.fold.is_some() || !self.fill.is_empty()
    }
}

/// What a row may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// Anything.
    Any,
    /// This number; files before it can be filled.
    At(u64),
    /// 0, and what is missing before the first is put together, since only so there is a place for what is known
    /// of it.
    Zero,
}

/// What `numbers`, in order, lack.
pub(super) fn mend(numbers: &[u64], front: Front) -> Mended {
    let mut mended = Mended::default();
    let Some(first) = numbers.first().copied() else { return mended };
    let mut expected = match front {
        Front::Any => first,
        Front::At(number) => number.min(first),
        Front::Zero if first > 0 => {
            mended.fold = Some(first - 1);
            first
        }
        Front::Zero => 0,
    };
    for number in numbers {
        if *number > expected && number - expected > MAX_FILLED {
            mended.fold = Some(number - 1);
            mended.fill.clear();
        } else {
            mended.fill.extend(expected..*number);
        }
        expected = expected.max(number.saturating_add(1));
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(fold: Option<u64>, fill: &[u64]) -> Mended {
        Mended { fold, fill: fill.to_vec() }
    }

    #[test]
    fn a_row_without_holes_stays() {
        assert_eq!(mend(&[0, 1, 2], Front::Zero), mended(None, &[]));
        assert_eq!(mend(&[5, 6], Front::At(5)), mended(None, &[]));
        assert_eq!(mend(&[5, 6], Front::Any), mended(None, &[]));
        assert_eq!(mend(&[], Front::Zero), mended(None, &[]));
    }

    #[test]
    fn small_holes_are_filled_and_large_ones_put_together() {
        assert_eq!(mend(&[0, 3, 4, 6], Front::Zero), mended(None, &[1, 2, 5]));
        assert_eq!(mend(&[7, 8], Front::At(5)), mended(None, &[5, 6]));
        assert_eq!(mend(&[0, 2, 9000, 9002], Front::Zero), mended(Some(8999), &[9001]));
    }

    #[test]
    fn what_is_missing_in_front_is_put_together() {
        assert_eq!(mend(&[3, 4, 6], Front::Zero), mended(Some(2), &[5]));
    }
}
