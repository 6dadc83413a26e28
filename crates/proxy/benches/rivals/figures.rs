//! What rounds come to, and how it is shown.

use std::time::Duration;

use crate::contestant::Running;

/// What a round came to.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// Answers other than 200.
    pub(crate) refused: usize,
    /// Answers of 200, those with them that came before what counts.
    pub(crate) answers: usize,
    /// Processor time of the contestant for each request.
    pub(crate) processor: Duration,
}

impl Round {
    pub(crate) fn of(mut delays: Vec<Duration>, (answers, refused): (usize, usize), time: Duration) -> Self {
        delays.sort_unstable();
        let quantile =
            |thousandth: usize| delays.get(delays.len() * thousandth / 1000).copied().unwrap_or_default();
        Self {
            per_second: delays.len() as f64 / time.as_secs_f64(),
            p50: quantile(500),
            p99: quantile(990),
            p999: quantile(999),
            refused,
            answers,
            processor: Duration::ZERO,
        }
    }

    /// A round of a contestant, with the processor time that it took meanwhile.
    pub(crate) fn by(running: &Running, round: impl FnOnce() -> Self) -> Self {
        let before = running.processor_time();
        let mut round = round();
        let taken = running.processor_time().saturating_sub(before);
        round.processor = taken.div_f64(round.answers.max(1) as f64);
        round
    }
}

/// The medians of each figure.
pub(crate) fn medians(rounds: &[Round]) -> Round {
    fn median<T: PartialOrd + Copy>(rounds: &[Round], figure: impl Fn(&Round) -> T) -> T {
        let mut all: Vec<T> = rounds.iter().map(figure).collect();
        all.sort_by(|one, other| one.partial_cmp(other).unwrap());
        all.get(all.len() / 2).copied().unwrap()
    }
    Round {
        per_second: median(rounds, |round| round.per_second),
        p50: median(rounds, |round| round.p50),
        p99: median(rounds, |round| round.p99),
        p999: median(rounds, |round| round.p999),
        refused: rounds.iter().map(|round| round.refused).sum(),
        answers: rounds.iter().map(|round| round.answers).sum(),
        processor: median(rounds, |round| round.processor),
    }
}

/// A delay as people read it.
pub(crate) fn shown(delay: Duration) -> String {
    let micros = delay.as_secs_f64() * 1e6;
    match micros {
        0.0 => String::new(),
        ..10.0 => format!("{micros:.1} us"),
        ..1000.0 => format!("{micros:.0} us"),
        _ => format!("{:.1} ms", micros / 1000.0),
    }
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        1_073_741_824.. => format!("{} GiB", bytes >> 30),
    }
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}
