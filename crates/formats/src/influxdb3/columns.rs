//! The columns of a record: how values of one kind lie packed in bytes, and how they are handed out one by one.
//!
//! A column is opened with the number of its values, which is known by then, and keeps nothing but a slice of the
//! file and a few registers: a byte that packs eight values is unpacked when they are asked for. So a body of any
//! content is walked in constant memory. What a column cannot be opened for is an error at the byte where it
//! begins; once open, it yields as many values as it was opened for.

use crate::{Bytes, Malformed};

/// A column of values of one kind.
pub(super) trait Column<'a>: Copy {
    /// What it yields.
    type Value;

    /// Takes a column of `count` values from `input`.
    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed>;

    /// The next value; `None` when more are asked for than it was opened for.
    fn next(&mut self) -> Option<Self::Value>;
}

const PAST_END: &str = "column runs past the end";

/// Values below 256, several in a byte where they are small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small<'a> {
    packed: &'a [u8],
    packing: Packing,
    added: u8,
    byte: u8,
    left: u8,
}

/// How many values share a byte: digits of a number in this base, the first value being the lowest digit.
#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Base16,
    Base6,
    Base4,
    Base3,
    Base2,
}

impl Packing {
    fn of_header(header: u8) -> Option<Self> {
        Some(match header.div_ceil(2) {
            0 => Packing::Plain,
            1 => Packing::Base16,
            2 => Packing::Base6,
            3 => Packing::Base4,
            4 => Packing::Base3,
            5 => Packing::Base2,
            _ => return None,
        })
    }

    const fn per_byte(self) -> u8 {
        match self {
            Packing::Plain => 1,
            Packing::Base16 => 2,
            Packing::Base6 => 3,
            Packing::Base4 => 4,
            Packing::Base3 => 5,
            Packing::Base2 => 8,
        }
    }

    /// The lowest digit, and the byte without it. The bases are constants here because dividing by one is cheap.
    const fn split(self, byte: u8) -> (u8, u8) {
        match self {
            Packing::Plain => (byte, 0),
            Packing::Base16 => (byte % 16, byte / 16),
            Packing::Base6 => (byte % 6, byte / 6),
            Packing::Base4 => (byte % 4, byte / 4),
            Packing::Base3 => (byte % 3, byte / 3),
            Packing::Base2 => (byte % 2, byte / 2),
        }
    }
}

impl<'a> Small<'a> {
    fn packed(input: &mut Bytes<'a>, count: usize, packing: Packing, added: u8) -> Result<Self, Malformed> {
        let packed = input.take(count.div_ceil(usize::from(packing.per_byte())), PAST_END)?;
        Ok(Self { packed, packing, added, byte: 0, left: 0 })
    }
}

impl<'a> Column<'a> for Small<'a> {
    type Value = u8;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        // Packing costs two bytes, so up to two values never are.
        if count <= 2 {
            return Self::packed(input, count, Packing::Plain, 0);
        }
        let unknown = input.malformed("unknown packing");
        let header = input.u8(PAST_END)?;
        let packing = Packing::of_header(header).ok_or(unknown)?;
        let added = if header % 2 == 1 { input.u8(PAST_END)? } else { 0 };
        Self::packed(input, count, packing, added)
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.left == 0 {
            let (&byte, packed) = self.packed.split_first()?;
            (self.byte, self.packed, self.left) = (byte, packed, self.packing.per_byte());
        }
        let (digit, rest) = self.packing.split(self.byte);
        self.byte = rest;
        self.left -= 1;
        Some(digit.wrapping_add(self.added))
    }
}

/// Numbers of `WIDTH` bytes, stored in fewer where they fit, perhaps less a common minimum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ints<'a, const WIDTH: usize> {
    stored: Stored<'a>,
    added: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stored<'a> {
    Bytes(Small<'a>),
    Wide(Bytes<'a>, usize),
}

/// Reads a little-endian number of 2, 4 or 8 bytes.
#[inline]
fn number(bytes: &mut Bytes<'_>, width: usize) -> Result<u64, Malformed> {
    match width {
        2 => bytes.u16_le(PAST_END).map(u64::from),
        4 => bytes.u32_le(PAST_END).map(u64::from),
        _ => bytes.u64_le(PAST_END),
    }
}

impl<'a, const WIDTH: usize> Ints<'a, WIDTH> {
    const MASK: u64 = u64::MAX >> (64 - 8 * WIDTH);

    fn wide(input: &mut Bytes<'a>, count: usize, width: usize) -> Result<Stored<'a>, Malformed> {
        let len = count.checked_mul(width).ok_or(input.malformed(PAST_END))?;
        Ok(Stored::Wide(Bytes::new(input.take(len, PAST_END)?), width))
    }
}

impl<'a, const WIDTH: usize> Column<'a> for Ints<'a, WIDTH> {
    type Value = u64;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        // Nothing has no header, and one number of two bytes cannot become shorter by having one.
        if count == 0 || (WIDTH == 2 && count == 1) {
            return Ok(Self { stored: Self::wide(input, count, WIDTH)?, added: 0 });
        }
        let unknown = input.malformed("unknown packing");
        let header = input.u8(PAST_END)?;
        let width = WIDTH.checked_shr(u32::from(header.div_ceil(2))).filter(|&width| width > 0);
        let width = width.ok_or(unknown)?;
        let added = if header % 2 == 1 { number(input, WIDTH)? } else { 0 };
        let stored = match width {
            1 => Stored::Bytes(Small::open(input, count)?),
            _ => Self::wide(input, count, width)?,
        };
        Ok(Self { stored, added })
    }

    #[inline]
    fn next(&mut self) -> Option<u64> {
        let value = match &mut self.stored {
            Stored::Bytes(small) => u64::from(small.next()?),
            Stored::Wide(bytes, width) => number(bytes, *width).ok()?,
        };
        Some(value.wrapping_add(self.added) & Self::MASK)
    }
}

/// Lengths of lists or texts, with their sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths<'a> {
    small: Small<'a>,
    large: Ints<'a, 8>,
    total: usize,
}

/// In the column of small lengths: the length stands among the large ones.
const LARGE: u8 = 255;

impl Lengths<'_> {
    /// Elements of all lists together.
    pub(super) const fn total(&self) -> usize {
        self.total
    }
}

impl<'a> Column<'a> for Lengths<'a> {
    type Value = usize;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        let small = Small::open(input, count)?;
        let (mut total, mut large_count) = (0_usize, 0);
        let mut pass = small;
        for _ in 0..count {
            match pass.next() {
                Some(LARGE) => large_count += 1,
                Some(length) => total += usize::from(length),
                None => break,
            }
        }
        let overflow = input.malformed("lengths overflow");
        let large = Ints::<8>::open(input, large_count)?;
        let mut pass = large;
        for _ in 0..large_count {
            let length = pass.next().and_then(|length| usize::try_from(length).ok());
            total = length.and_then(|length| total.checked_add(length)).ok_or(overflow)?;
        }
        Ok(Self { small, large, total })
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self.small.next()? {
            LARGE => usize::try_from(self.large.next()?).ok(),
            length => Some(usize::from(length)),
        }
    }
}

/// Texts, each valid UTF-8 by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    lengths: Lengths<'a>,
    text: &'a str,
}

impl<'a> Column<'a> for Texts<'a> {
    type Value = &'a str;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        let lengths = Lengths::open(input, count)?;
        let broken = input.malformed("text is not UTF-8");
        let bytes = input.take(lengths.total(), PAST_END)?;
        let text = std::str::from_utf8(bytes).map_err(|_| broken)?;
        let column = Self { lengths, text };
        if !text.is_ascii() {
            let mut pass = column;
            for _ in 0..count {
                pass.next().ok_or(broken)?;
            }
        }
        Ok(column)
    }

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let (text, rest) = self.text.split_at_checked(self.lengths.next()?)?;
        self.text = rest;
        Some(text)
    }
}

/// Truth values, eight in a byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bools<'a>(Small<'a>);

impl<'a> Column<'a> for Bools<'a> {
    type Value = bool;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        Small::packed(input, count, Packing::Base2, 0).map(Self)
    }

    #[inline]
    fn next(&mut self) -> Option<bool> {
        self.0.next().map(|bit| bit == 1)
    }
}

/// Which of `KINDS` kinds each value is, with how often each kind occurs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices<'a, const KINDS: usize> {
    kinds: Small<'a>,
    counts: [usize; KINDS],
}

impl<const KINDS: usize> Choices<'_, KINDS> {
    /// How many values are of that kind.
    pub(super) fn count(&self, kind: u8) -> usize {
        self.counts.get(usize::from(kind)).copied().unwrap_or(0)
    }
}

impl<'a, const KINDS: usize> Column<'a> for Choices<'a, KINDS> {
    type Value = u8;

    fn open(input: &mut Bytes<'a>, count: usize) -> Result<Self, Malformed> {
        let unknown = input.malformed("unknown kind of value");
        let kinds = Small::open(input, count)?;
        let mut counts = [0; KINDS];
        let mut pass = kinds;
        for _ in 0..count {
            let kind = pass.next().ok_or(unknown)?;
            *counts.get_mut(usize::from(kind)).ok_or(unknown)? += 1;
        }
        Ok(Self { kinds, counts })
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.kinds.next()
    }
}

/// A place in the record whose column is opened when the walk first reaches it.
///
/// Columns lie in the file in that order, which is why none can be opened before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lazy<C>(Option<C>);

impl<C> Default for Lazy<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C> Lazy<C> {
    /// The column, if the walk has reached it.
    pub(super) const fn met(&self) -> Option<&C> {
        self.0.as_ref()
    }

    /// The next value of the column, which has `count` of them.
    #[inline]
    pub(super) fn next<'a>(&mut self, input: &mut Bytes<'a>, count: usize) -> Result<C::Value, Malformed>
    where
        C: Column<'a>,
    {
        let column = match &mut self.0 {
            Some(column) => column,
            unmet => unmet.insert(C::open(input, count)?),
        };
        column.next().ok_or(input.malformed("column is shorter than its list"))
    }
}
