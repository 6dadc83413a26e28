//! The header of a page.

use std::borrow::Cow;

use super::lsn::{Geometry, Lsn};
use crate::{Bytes, Malformed};

/// Bytes of the header that opens a segment.
pub(super) const LONG: u64 = 40;
/// Bytes of the header of every other page.
pub(super) const SHORT: u64 = 24;

const FIRST_CONTINUES: u16 = 1;
const IS_LONG: u16 = 2;
const FIRST_OVERWRITES: u16 = 8;
const KNOWN_FLAGS: u16 = 0x000f;

/// The magic numbers of the releases since 9.5, in which pages and records look as they do here.
const MAGICS: std::ops::RangeInclusive<u16> = 0xd087..=0xd1ff;

/// A page header as it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) magic: u16,
    flags: u16,
    timeline: u32,
    address: Lsn,
    /// Bytes that are left of the record that began on an earlier page.
    pub(super) remaining: u32,
    /// What only the first page of a segment has.
    pub(super) long: Option<LongHeader>,
}

/// What the first page of a segment says about all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongHeader {
    pub(super) system: u64,
    pub(super) segment_size: u32,
    pub(super) page_size: u32,
}

impl LongHeader {
    /// The sizes, if they are possible.
    pub(super) fn geometry(self) -> Option<Geometry> {
        Geometry::new(self.segment_size.into(), self.page_size.into())
    }
}

/// What all pages of a segment have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) magic: u16,
    pub(super) system: u64,
}

/// What a page must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: Lsn,
    pub(super) timeline: u32,
    pub(super) geometry: Geometry,
    pub(super) identity: Option<Identity>,
}

impl Place {
    /// Bytes of the header here.
    pub(super) fn header_len(&self) -> u64 {
        if self.at.within(self.geometry.segment) == 0 { LONG } else { SHORT }
    }
}

impl PageHeader {
    /// Reads the header at the start of `page`.
    pub(super) fn read(page: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Bytes::new(page);
        let magic = fields.u16_le("magic")?;
        let flags = fields.u16_le("flags")?;
        let timeline = fields.u32_le("timeline")?;
        let address = Lsn::new(fields.u64_le("page address")?);
        let remaining = fields.u32_le("remaining length")?;
        fields.take(4, "padding")?;
        let long = if flags & IS_LONG == 0 { None } else { Some(Self::read_long(&mut fields)?) };
        Ok(Self { magic, flags, timeline, address, remaining, long })
    }

    fn read_long(fields: &mut Bytes<'_>) -> Result<LongHeader, Malformed> {
        let system = fields.u64_le("system identifier")?;
        let segment_size = fields.u32_le("segment size")?;
        Ok(LongHeader { system, segment_size, page_size: fields.u32_le("page size")? })
    }

    /// Whether this may be the first page of a segment of any cluster.
    pub(super) fn opens_segment(&self) -> bool {
        MAGICS.contains(&self.magic) && self.long.is_some_and(|long| long.geometry().is_some())
    }

    /// Whether the page belongs to that place in the stream, whatever else is wrong with it.
    pub(super) fn is_of(&self, at: Lsn) -> bool {
        self.address == at
    }

    /// Whether the page belongs to an earlier place: then the file was recycled and not yet written again.
    pub(super) fn is_before(&self, at: Lsn) -> bool {
        self.address < at
    }

    /// Where the segment begins that the page says to belong to.
    pub(super) fn start_of_segment(&self, geometry: Geometry) -> Lsn {
        Lsn::new(self.address.get() - self.address.within(geometry.segment))
    }

    /// The timeline that it was written on.
    pub(super) fn timeline(&self) -> u32 {
        self.timeline
    }

    /// Whether the page goes on with a record of the page before.
    pub(super) fn continues(&self) -> bool {
        self.flags & FIRST_CONTINUES != 0
    }

    /// Whether the record of the page before was given up when the server started again.
    pub(super) fn overwrites(&self) -> bool {
        self.flags & FIRST_OVERWRITES != 0
    }

    /// What is wrong with the header for a page at `place`.
    pub(super) fn fault(&self, place: &Place) -> Option<Cow<'static, str>> {
        let Self { magic, flags, timeline, address, .. } = *self;
        if !place.identity.map_or(MAGICS.contains(&magic), |identity| identity.magic == magic) {
            return Some(format!("page header: magic {magic:#06x}").into());
        }
        if address != place.at {
            return Some(format!("page header: address {address} in place of {}", place.at).into());
        }
        if flags & !KNOWN_FLAGS != 0 || self.continues() && self.overwrites() {
            return Some(format!("page header: flags {flags:#06x}").into());
        }
        // A segment that begins a timeline opens with a copy of the pages of the one before.
        if timeline == 0 || timeline > place.timeline {
            return Some(format!("page header: timeline {timeline}").into());
        }
        if self.long.is_some() != (place.header_len() == LONG) {
            return Some("page header: of the wrong kind".into());
        }
        if self.remaining != 0 && !self.continues() && !self.overwrites() {
            return Some("page header: remaining length of no record".into());
        }
        self.long.and_then(|long| long_fault(long, place))
    }
}

fn long_fault(long: LongHeader, place: &Place) -> Option<Cow<'static, str>> {
    if place.identity.is_some_and(|identity| identity.system != long.system) {
        return Some(format!("page header: system identifier {}", long.system).into());
    }
    let is_right = long.geometry() == Some(place.geometry);
    (!is_right).then(|| format!("page header: sizes {} and {}", long.segment_size, long.page_size).into())
}

/// The major version that writes this magic number, where it is known.
pub(super) fn version(magic: u16) -> Option<&'static str> {
    Some(match magic {
        0xd087 => "9.5",
        0xd093 => "9.6",
        0xd097 => "10",
        0xd098 => "11",
        0xd101 => "12",
        0xd106 => "13",
        0xd10d => "14",
        0xd110 => "15",
        0xd113 => "16",
        0xd116 => "17",
        0xd118 => "18",
        _ => return None,
    })
}
