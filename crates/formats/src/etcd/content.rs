//! What the data of a record say: raft entries, states and snapshots, read no deeper than their outer fields.

use super::frame::Kind;
use crate::protobuf::{Wire, next_field};
use crate::{Bytes, Malformed, Record, Value};

/// The outer fields of a message whose fields of interest are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Fields 1 to 3.
    fields: [u64; 3],
    /// Bytes of field 4.
    payload: Option<u64>,
}

impl Numbers {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(data);
        let mut numbers = Self::default();
        while let Some(field) = next_field(&mut bytes)? {
            let slot = usize::try_from(field.number).ok().and_then(|number| number.checked_sub(1));
            match (field.value, slot) {
                (Wire::Varint(value), Some(slot)) => {
                    if let Some(number) = numbers.fields.get_mut(slot) {
                        *number = value;
                    }
                }
                (Wire::Bytes(bytes), Some(3)) => numbers.payload = Some(bytes.len() as u64),
                _ => {}
            }
        }
        Ok(numbers)
    }
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Metadata { member: u64, cluster: u64 },
    Entry { kind: u64, term: u64, index: u64, bytes: u64 },
    State { term: u64, vote: u64, commit: u64 },
    Crc,
    Snapshot { index: u64, term: u64 },
}

impl Content {
    /// Reads the data of a record of that kind; `None` when they are not of that kind.
    ///
    /// The checksum does not cover the kind, so this is what tells when that is the byte that changed. It cannot tell
    /// a state from an entry without data: both are three numbers.
    pub(super) fn read(kind: Kind, data: &[u8]) -> Option<Self> {
        let Numbers { fields: [first, second, third], payload } = Numbers::read(data).ok()?;
        let is_entry = kind == Kind::Entry;
        if payload.is_some() && !is_entry || data.is_empty() != (kind == Kind::Crc) {
            return None;
        }
        Some(match kind {
            Kind::Metadata => Content::Metadata { member: first, cluster: second },
            Kind::Entry => {
                Content::Entry { kind: first, term: second, index: third, bytes: payload.unwrap_or(0) }
            }
            Kind::State => Content::State { term: first, vote: second, commit: third },
            Kind::Crc => Content::Crc,
            Kind::Snapshot => Content::Snapshot { index: first, term: second },
        })
    }

    /// As a record to hand out.
    pub(super) fn into_record(self, kind: Kind, crc: u32) -> Record {
        let record = Record::new(kind.name());
        let hex = |id: u64| Value::from(format!("{id:x}"));
        match self {
            Content::Metadata { member, cluster } => {
                record.with("member_id", hex(member)).with("cluster_id", hex(cluster))
            }
            Content::Entry { kind, term, index, bytes } => {
                let kind = match kind {
                    0 => Value::from("normal"),
                    1 => Value::from("conf-change"),
                    2 => Value::from("conf-change-v2"),
                    other => Value::from(other),
                };
                record.with("type", kind).with("term", term).with("index", index).with("data_bytes", bytes)
            }
            Content::State { term, vote, commit } => {
                record.with("term", term).with("vote", hex(vote)).with("commit", commit)
            }
            Content::Crc => record.with("crc", crc),
            Content::Snapshot { index, term } => record.with("index", index).with("term", term),
        }
    }
}
