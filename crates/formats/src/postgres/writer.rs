//! Test-only: writes WAL as PostgreSQL 15 does, with segments of 1 MiB.

#![expect(clippy::little_endian_bytes, reason = "tests write what the reader reads")]

use crate::sum::crc32c;

pub(super) const PAGE: u64 = 8192;
pub(super) const SEGMENT: u64 = 1 << 20;
pub(super) const SYSTEM: u64 = 0x1234_5678_9abc_def0;

/// Writes a stream of WAL from the beginning of a segment on.
pub(super) struct Writer {
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) before: u64,
    /// Where each record begins.
    pub(super) records: Vec<u64>,
}

impl Writer {
    pub(super) fn new(start: u64) -> Self {
        Self { start, bytes: Vec::new(), before: start.saturating_sub(64), records: Vec::new() }
    }

    pub(super) fn at(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    pub(super) fn page_header(&mut self, remaining: u32) {
        let is_long = self.at().is_multiple_of(SEGMENT);
        let flags = u16::from(remaining > 0) | if is_long { 2 } else { 0 };
        let mut header = [&0xd110u16.to_le_bytes()[..], &flags.to_le_bytes(), &1u32.to_le_bytes()].concat();
        header.extend([&self.at().to_le_bytes()[..], &remaining.to_le_bytes(), &[0; 4]].concat());
        if is_long {
            header.extend(
                [&SYSTEM.to_le_bytes()[..], &(1u32 << 20).to_le_bytes(), &8192u32.to_le_bytes()].concat(),
            );
        }
        self.bytes.extend(header);
    }

    /// Appends bytes of a record, with page headers where they belong.
    pub(super) fn lay(&mut self, record: &[u8]) {
        for (index, byte) in record.iter().enumerate() {
            if self.at().is_multiple_of(PAGE) {
                self.page_header(if index == 0 { 0 } else { u32::try_from(record.len() - index).unwrap() });
            }
            self.bytes.push(*byte);
        }
    }

    /// Appends a record with so many bytes behind its header.
    pub(super) fn record(self, payload: usize) -> Self {
        self.record_of(0, 10, payload)
    }

    pub(super) fn record_of(mut self, info: u8, module: u8, payload: usize) -> Self {
        while !self.at().is_multiple_of(8) {
            self.bytes.push(0);
        }
        if self.at().is_multiple_of(PAGE) {
            self.page_header(0);
        }
        let at = self.at();
        let total = u32::try_from(24 + payload).unwrap();
        let body: Vec<u8> =
            (0..payload).map(|n| u8::try_from((n * 7 + self.records.len()) % 251).unwrap()).collect();
        let mut head = [&total.to_le_bytes()[..], &7u32.to_le_bytes(), &self.before.to_le_bytes()].concat();
        head.extend([info, module, 0, 0]);
        let sum = crc32c(&[&body[..], &head].concat());
        let record = [&head[..], &sum.to_le_bytes(), &body].concat();
        self.lay(&record);
        self.before = at;
        self.records.push(at);
        self
    }

    pub(super) fn records(self, count: usize, payload: usize) -> Self {
        (0..count).fold(self, |writer, _| writer.record(payload))
    }

    /// Switches to the next segment.
    pub(super) fn switch(self) -> Self {
        let mut writer = self.record_of(0x40, 0, 0);
        while !writer.at().is_multiple_of(SEGMENT) {
            if writer.at().is_multiple_of(PAGE) {
                writer.page_header(0);
            } else {
                writer.bytes.push(0);
            }
        }
        writer
    }

    /// Zeros to the end of the page, as the server writes pages.
    pub(super) fn page_filled(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len().next_multiple_of(8192), 0);
        self.bytes
    }

    /// Segments of full length, the last filled with what an older segment held.
    pub(super) fn segments(self) -> Vec<Vec<u8>> {
        let start = self.start;
        let bytes = self.page_filled();
        let recycled = Writer::new(start.saturating_sub(10 * SEGMENT)).records(9000, 90).bytes;
        let mut segments: Vec<Vec<u8>> = bytes.chunks(1 << 20).map(<[u8]>::to_vec).collect();
        for segment in &mut segments {
            let rest = recycled[segment.len()..1 << 20].to_vec();
            segment.extend(rest);
        }
        segments
    }
}
