//! Numbers that mean something, each as its own type, so that none stands where another belongs.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The number with this value.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// Its value.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The next one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The one `count` further on.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                Self(self.0.saturating_add(count))
            }

            /// How far this is behind `later`; zero if it is not.
            pub const fn until(self, later: Self) -> u64 {
                later.0.saturating_sub(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// The largest number of a frame or an event that is believed. No journal gets so far, and none that counts on from
/// there comes to the end of its numbers.
pub(crate) const MOST: u64 = 1 << 62;

number! {
    /// The number of an event in its stream, from 1.
    Seq
}
number! {
    /// The number of a frame in the journal, from 1, without gaps.
    Lsn
}
number! {
    /// The number of a segment, from 1.
    SegmentId
}
number! {
    /// The number of a stream, from 1. A name that is used again after its stream has ended gets another.
    StreamNumber
}

impl Seq {
    /// The first of a stream.
    pub const FIRST: Self = Self(1);

    /// The one before; the first has none and stays.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Lsn {
    /// The first of a journal.
    pub const FIRST: Self = Self(1);

    /// The one `distance` before.
    #[must_use]
    pub const fn minus(self, distance: u64) -> Self {
        Self(self.0.saturating_sub(distance))
    }
}

impl SegmentId {
    /// The first of a journal.
    pub const FIRST: Self = Self(1);
}

impl StreamNumber {
    /// Of a frame that belongs to no stream.
    pub const NONE: Self = Self(0);
    /// The first of a journal.
    pub const FIRST: Self = Self(1);
}

/// The number of a consumer, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerNumber(u32);

impl ConsumerNumber {
    /// The first of a journal.
    pub const FIRST: Self = Self(1);

    /// The number with this value.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// Its value.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A time in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(i64);

impl Millis {
    /// The time so many milliseconds after 1970, or before.
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// Milliseconds since 1970.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What tells one journal from every other.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalId(u128);

impl JournalId {
    /// The id with this value.
    pub const fn new(value: u128) -> Self {
        Self(value)
    }

    /// Its value.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sequence numbers from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    first: Seq,
    last: Seq,
}

impl Span {
    /// From `first` to `last`; nothing if that is backwards.
    pub fn new(first: Seq, last: Seq) -> Option<Self> {
        (first <= last && first >= Seq::FIRST).then_some(Self { first, last })
    }

    /// One number alone.
    pub const fn one(seq: Seq) -> Self {
        Self { first: seq, last: seq }
    }

    /// The first number.
    pub const fn first(self) -> Seq {
        self.first
    }

    /// The last number.
    pub const fn last(self) -> Seq {
        self.last
    }

    /// How many there are.
    pub const fn count(self) -> u64 {
        self.first.until(self.last).saturating_add(1)
    }

    /// Whether `seq` is one of them.
    pub fn contains(self, seq: Seq) -> bool {
        self.first <= seq && seq <= self.last
    }

    /// Each of them.
    pub fn numbers(self) -> impl Iterator<Item = Seq> {
        (self.first.get()..=self.last.get()).map(Seq::new)
    }

    /// What both have in common.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }
}

impl From<Seq> for Span {
    fn from(seq: Seq) -> Self {
        Self::one(seq)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{} to {}", self.first, self.last) }
    }
}
