//! Positions in the stream of WAL, and the segments that it is cut into.

use std::fmt;

/// A position in the stream: a byte count since the cluster was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Lsn(u64);

impl Lsn {
    /// The position with that byte count.
    pub(super) const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The byte count.
    pub(super) const fn get(self) -> u64 {
        self.0
    }

    /// `bytes` further on.
    pub(super) const fn plus(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }

    /// How far it is behind `earlier`; 0 when it is not.
    pub(super) const fn since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How far it is behind the last multiple of `unit`.
    pub(super) const fn within(self, unit: u64) -> u64 {
        self.0 % unit
    }

    /// The next place where a record can begin.
    pub(super) const fn aligned(self) -> Self {
        Self(self.0.saturating_add(7) & !7)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// How the stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Bytes of a segment.
    pub(super) segment: u64,
    /// Bytes of a page.
    pub(super) page: u64,
}

impl Geometry {
    /// The geometry with these sizes, if they are possible.
    pub(super) fn new(segment: u64, page: u64) -> Option<Self> {
        let fits =
            |size: u64, least: u64, most: u64| size.is_power_of_two() && (least..=most).contains(&size);
        (fits(segment, 1 << 20, 1 << 30) && fits(page, 1 << 10, 1 << 16)).then_some(Self { segment, page })
    }

    /// What a build has unless somebody changed it.
    pub(super) const USUAL: Self = Self { segment: 16 << 20, page: 8192 };
}

/// The name of a segment's file: 24 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// The timeline.
    pub(super) timeline: u32,
    high: u32,
    low: u32,
}

impl SegmentName {
    /// Reads a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let is_name = name.len() == 24 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        let part = |range| u32::from_str_radix(name.get(range)?, 16).ok();
        is_name.then_some(Self { timeline: part(0..8)?, high: part(8..16)?, low: part(16..24)? })
    }

    /// Where the segment begins.
    pub(super) fn start(self, geometry: Geometry) -> Lsn {
        Lsn::new(
            (u64::from(self.high) << 32).saturating_add(u64::from(self.low).saturating_mul(geometry.segment)),
        )
    }

    /// The segment of that timeline that holds `at`.
    pub(super) fn holding(timeline: u32, at: Lsn, geometry: Geometry) -> Self {
        let high = u32::try_from(at.get() >> 32).unwrap_or(u32::MAX);
        let low = u32::try_from((at.get() & 0xffff_ffff) / geometry.segment).unwrap_or(u32::MAX);
        Self { timeline, high, low }
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}{:08X}{:08X}", self.timeline, self.high, self.low)
    }
}
