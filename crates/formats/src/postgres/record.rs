//! The header of a record, and what kinds of records there are.

use super::lsn::Lsn;
use crate::{Bytes, Malformed, Record};

/// Bytes of a record's header.
pub(super) const HEADER: usize = 24;
/// How many of them the checksum covers, after all of the rest.
pub(super) const SUMMED: usize = 20;
/// The longest record that a server writes.
pub(super) const MAX_TOTAL: u32 = 1020 * 1024 * 1024;

/// The modules that write records, by number.
const MODULES: [&str; 22] = [
    "xlog",
    "transaction",
    "storage",
    "clog",
    "database",
    "tablespace",
    "multixact",
    "relmap",
    "standby",
    "heap2",
    "heap",
    "btree",
    "hash",
    "gin",
    "gist",
    "sequence",
    "spgist",
    "brin",
    "commit-ts",
    "replication-origin",
    "generic",
    "logical-message",
];

/// A record header as it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) total: u32,
    xid: u32,
    /// Where the record before begins.
    pub(super) before: Lsn,
    info: u8,
    module: u8,
    pub(super) sum: u32,
}

impl RecordHeader {
    /// Reads a header.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Bytes::new(bytes);
        let total = fields.u32_le("length")?;
        let xid = fields.u32_le("transaction")?;
        let before = Lsn::new(fields.u64_le("previous record")?);
        let (info, module) = (fields.u8("info")?, fields.u8("module")?);
        fields.take(2, "padding")?;
        Ok(Self { total, xid, before, info, module, sum: fields.u32_le("checksum")? })
    }

    /// Whether nothing follows in this segment: the server went to the next one.
    pub(super) fn switches(&self) -> bool {
        self.module == 0 && self.info & 0xf0 == 0x40
    }

    /// As a record to hand out.
    pub(super) fn into_record(self, at: Lsn) -> Record {
        // Numbers from 128 on belong to extensions.
        let kind = MODULES.get(usize::from(self.module)).copied().unwrap_or("other");
        Record::new(kind)
            .with("lsn", at.to_string())
            .with("module", self.module)
            .with("info", self.info)
            .with("transaction", self.xid)
            .with("length", self.total)
            .with("previous", self.before.to_string())
    }
}

/// Whether a record can have that length.
pub(super) fn is_length(total: u32) -> bool {
    (24..=MAX_TOTAL).contains(&total)
}
