//! `meta.json` of a block: what has left the WAL, and how far.

use serde::Deserialize;

use crate::{Record, TimeRange, UnixTime};

/// The largest `meta.json` that is read: a block compacted from thousands of others has less than 1 MiB.
pub(super) const MAX_META: usize = 16 * 1024 * 1024;

/// What a block says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockMeta {
    /// Its name, which must be that of its directory.
    pub ulid: String,
    /// First millisecond.
    pub min_time: i64,
    /// The millisecond behind its last.
    pub max_time: i64,
    /// Version of the format, 1.
    pub version: u64,
    /// What it holds.
    pub stats: BlockStats,
    /// How it came about.
    pub compaction: Compaction,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// Samples.
    pub num_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
}

/// How a block came about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Compaction {
    /// How often its samples were merged.
    pub level: u64,
    /// Remarks that decide how it is treated.
    pub hints: Vec<String>,
}

/// Hints of blocks that do not push the beginning of the head.
const NOT_IN_ORDER: [&str; 3] = ["from-out-of-order", "from-stale-series", "from-selected-series"];

impl BlockMeta {
    /// Reads and checks a `meta.json` that lies in the directory `name`.
    pub fn parse(json: &[u8], name: &str) -> Result<Self, String> {
        let meta: Self =
            serde_json::from_slice(json).map_err(|error| format!("not a block description: {error}"))?;
        if meta.version != 1 {
            return Err(format!("block format version {} instead of 1", meta.version));
        }
        if meta.ulid != name {
            return Err(format!("names block {} and lies in {name}", meta.ulid));
        }
        if meta.min_time > meta.max_time {
            return Err("ends before it begins".to_owned());
        }
        Ok(meta)
    }

    /// Whether samples before the block's end are dropped from the WAL at a start.
    pub fn cuts_replay(&self) -> bool {
        !self.compaction.hints.iter().any(|hint| NOT_IN_ORDER.contains(&hint.as_str()))
    }

    pub(super) fn record(&self) -> Record {
        let times = TimeRange {
            min: UnixTime::from_millis(self.min_time),
            max: UnixTime::from_millis(self.max_time),
        };
        let mut record = Record::new("block")
            .with("ulid", self.ulid.as_str())
            .with("min_time", times.min)
            .with("max_time", times.max)
            .with("samples", self.stats.num_samples)
            .with("series", self.stats.num_series)
            .with("chunks", self.stats.num_chunks)
            .with("level", self.compaction.level)
            .with("cuts_replay", self.cuts_replay());
        record.times = Some(times);
        record.samples = self.stats.num_samples;
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn meta(version: u64, hints: &str) -> String {
        format!(
            r#"{{"ulid":"{NAME}","minTime":0,"maxTime":7200000,"stats":{{"numSamples":5,"numSeries":1,"numChunks":1}},
            "compaction":{{"level":1,"sources":["{NAME}"],"hints":[{hints}]}},"version":{version}}}"#
        )
    }

    #[test]
    fn a_block_says_what_it_holds_and_whether_it_cuts_the_replay() {
        let plain = BlockMeta::parse(meta(1, "").as_bytes(), NAME).unwrap();
        assert_eq!((plain.stats.num_samples, plain.max_time, plain.cuts_replay()), (5, 7_200_000, true));
        let late = BlockMeta::parse(meta(1, r#""from-out-of-order""#).as_bytes(), NAME).unwrap();
        assert!(!late.cuts_replay());
    }

    #[test]
    fn a_block_of_another_version_name_or_no_block_is_refused() {
        assert!(BlockMeta::parse(meta(2, "").as_bytes(), NAME).is_err());
        assert!(BlockMeta::parse(meta(1, "").as_bytes(), "01ARZ3NDEKTSV4RRFFQ69G5FAW").is_err());
        for len in 0..meta(1, "").len() {
            assert!(
                BlockMeta::parse(meta(1, "").get(..len).unwrap().as_bytes(), NAME).is_err(),
                "{len} bytes"
            );
        }
    }
}
