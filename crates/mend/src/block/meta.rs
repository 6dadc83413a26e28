//! `meta.json`: what a block says of itself.

use serde::{Serialize, Serializer};

use super::Ulid;

/// The version of the format of blocks.
const VERSION: u8 = 1;

/// What only the caller knows of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, which must be that of its directory.
    pub ulid: Ulid,
    /// How often its samples were merged; 1 for samples that come from a head.
    pub level: u8,
    /// Blocks of level 1 that its samples come from; nothing means itself.
    pub sources: Vec<Ulid>,
    /// Remarks that decide how it is treated.
    pub hints: Vec<Hint>,
}

impl Description {
    /// A block of level 1 whose source is itself, without a hint.
    pub fn of_head(ulid: Ulid) -> Self {
        Self { ulid, level: 1, sources: Vec::new(), hints: Vec::new() }
    }
}

/// A remark that decides how a block is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It does not say where the head begins: a replay keeps samples that are older than its end.
    FromOutOfOrder,
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Hint::FromOutOfOrder => serializer.serialize_str("from-out-of-order"),
        }
    }
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// All samples.
    pub num_samples: u64,
    /// Those that are numbers.
    pub num_float_samples: u64,
    /// Those that are native histograms.
    pub num_histogram_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    ulid: Ulid,
    min_time: i64,
    max_time: i64,
    stats: Stats,
    compaction: Compaction<'a>,
    version: u8,
}

#[derive(Serialize)]
struct Compaction<'a> {
    level: u8,
    sources: &'a [Ulid],
    #[serde(skip_serializing_if = "<[Hint]>::is_empty")]
    hints: &'a [Hint],
}

impl Description {
    /// The bytes of `meta.json` of a block that holds `stats` from `min_time` on and nothing from `max_time` on.
    pub(super) fn json(&self, stats: Stats, min_time: i64, max_time: i64) -> serde_json::Result<Vec<u8>> {
        let itself = [self.ulid];
        let sources = if self.sources.is_empty() { &itself[..] } else { &self.sources };
        let compaction = Compaction { level: self.level, sources, hints: &self.hints };
        let meta = Meta { ulid: self.ulid, min_time, max_time, stats, compaction, version: VERSION };
        serde_json::to_vec_pretty(&meta)
    }
}

#[cfg(test)]
mod tests {
    use formats::prometheus::BlockMeta;

    use super::*;

    const ULID: Ulid = Ulid::new(1_469_918_176_385, 7);
    const STATS: Stats = Stats {
        num_samples: 7,
        num_float_samples: 5,
        num_histogram_samples: 2,
        num_series: 3,
        num_chunks: 4,
    };

    #[test]
    fn a_block_says_what_it_holds_as_the_server_reads_it() {
        let json = Description::of_head(ULID).json(STATS, -5, 11).unwrap();
        let said: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let expected = serde_json::json!({
            "ulid": "01ARYZ6S410000000000000007", "minTime": -5, "maxTime": 11,
            "stats": {
                "numSamples": 7, "numFloatSamples": 5, "numHistogramSamples": 2, "numSeries": 3, "numChunks": 4,
            },
            "compaction": { "level": 1, "sources": ["01ARYZ6S410000000000000007"] },
            "version": 1,
        });
        assert_eq!(said, expected);
        let read = BlockMeta::parse(&json, "01ARYZ6S410000000000000007").unwrap();
        assert!(read.cuts_replay());
    }

    #[test]
    fn a_block_of_late_samples_does_not_cut_the_replay() {
        let late = Description { hints: vec![Hint::FromOutOfOrder], ..Description::of_head(ULID) };
        let json = late.json(STATS, 0, 1).unwrap();
        assert!(!BlockMeta::parse(&json, &ULID.to_string()).unwrap().cuts_replay());
    }

    #[test]
    fn sources_that_are_given_are_named() {
        let merged = Description { level: 2, sources: vec![Ulid::new(1, 1)], ..Description::of_head(ULID) };
        let said: serde_json::Value = serde_json::from_slice(&merged.json(STATS, 0, 1).unwrap()).unwrap();
        assert_eq!(said["compaction"]["level"], 2);
        assert_eq!(said["compaction"]["sources"][0], "00000000010000000000000001");
    }
}
