//! How long a server took to replay its log, in its own words.

use std::time::Duration;

/// The server's own measure of one replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Reading the checkpoint.
    pub checkpoint: Duration,
    /// Reading the segments behind it.
    pub wal: Duration,
    /// Reading the log of out-of-order samples.
    pub wbl: Duration,
    /// From begin to end.
    pub total: Duration,
}

impl Replay {
    /// Finds the line that tells it in a server's log.
    pub(crate) fn in_log(log: &str) -> Option<Self> {
        let line = log.lines().rfind(|line| line.contains("msg=\"WAL replay completed\""))?;
        let field = |name: &str| {
            let value =
                line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
            go_duration(value)
        };
        Some(Self {
            checkpoint: field("checkpoint_replay_duration")?,
            wal: field("wal_replay_duration")?,
            // Servers that know no such log do not name it.
            wbl: field("wbl_replay_duration").unwrap_or_default(),
            total: field("total_replay_duration")?,
        })
    }
}

/// Reads a duration as Go writes it: `1m2.5s`, `13.989us` (with either micro sign), `187ns`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(unit_at)?;
        let next_at = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(next_at)?;
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit_that_go_writes() {
        for (text, nanoseconds) in [
            ("187ns", 187),
            ("13.5us", 13_500),
            ("13.5\u{b5}s", 13_500),
            ("2.5ms", 2_500_000),
            ("1.5s", 1_500_000_000),
            ("1m2.5s", 62_500_000_000),
            ("1h0m1s", 3_601_000_000_000),
            ("0s", 0),
        ] {
            assert_eq!(go_duration(text), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
        for text in ["5", "s", "1 s", "1.2.3s", "5days"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_replay_in_a_log_is_found_in_old_and_new_servers_words() {
        let old = "level=info caller=head.go:722 msg=\"WAL replay completed\" checkpoint_replay_duration=1ms \
                   wal_replay_duration=2ms total_replay_duration=3ms\n";
        let new = "level=INFO source=head.go:862 msg=\"WAL replay completed\" checkpoint_replay_duration=1s \
                   wal_replay_duration=2s wbl_replay_duration=3s chunk_snapshot_load_duration=0s \
                   total_replay_duration=6s\n";
        let seconds = |number| Duration::from_secs(number);
        assert_eq!(Replay::in_log(old).map(|replay| replay.wbl), Some(Duration::ZERO));
        let replay = Replay { checkpoint: seconds(1), wal: seconds(2), wbl: seconds(3), total: seconds(6) };
        assert_eq!(Replay::in_log(&format!("{old}{new}level=INFO msg=\"after\"\n")), Some(replay));
        assert_eq!(Replay::in_log("level=INFO msg=\"Replaying WAL, this may take a while\"\n"), None);
    }
}
