//! What a round is, and what it came to.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What every contestant is asked for.
pub(crate) struct Order {
    pub(crate) writers: usize,
    pub(crate) payload: Vec<u8>,
    pub(crate) time: Duration,
    /// A writer ends earlier when it has come to so many appends.
    pub(crate) most: usize,
}

impl Order {
    /// Whether a writer goes on that has come to so many appends since the round began.
    pub(crate) fn goes_on(&self, begun: Instant, appends: usize) -> bool {
        appends < self.most && begun.elapsed() < self.time
    }
}

/// What a round came to.
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// The p99 of a sync alone, from who measures it.
    pub(crate) sync_p99: Option<Duration>,
    /// Processor time of an append, its writer's with it; nothing if another process has a part in it.
    pub(crate) cpu: Option<Duration>,
}

impl Round {
    /// Adds up the delays of all appends that ended within `time`.
    pub(crate) fn of(mut delays: Vec<Duration>, time: Duration) -> Self {
        delays.sort_unstable();
        Self {
            per_second: delays.len() as f64 / time.as_secs_f64(),
            median: quantile(&delays, 500),
            p99: quantile(&delays, 990),
            p999: quantile(&delays, 999),
            sync_p99: None,
            cpu: None,
        }
    }
}

/// Of sorted delays, the one that so many of a thousand are below.
pub(crate) fn quantile(sorted: &[Duration], of_a_thousand: usize) -> Duration {
    sorted.get(sorted.len() * of_a_thousand / 1000).copied().unwrap_or_default()
}

/// The median of something that rounds came to.
pub(crate) fn median<T: PartialOrd>(rounds: &[Round], figure: impl Fn(&Round) -> T) -> T {
    let mut all: Vec<T> = rounds.iter().map(figure).collect();
    all.sort_by(|a, b| a.partial_cmp(b).expect("figures can be compared"));
    let middle = all.len() / 2;
    all.swap_remove(middle)
}

/// Processor time that this process has taken.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// A log that takes part.
pub(crate) trait Contestant {
    /// What is done once in the life of a log, before anything is measured.
    fn prepare(&mut self) {}

    /// Lets writers append, each the next once its last is acknowledged, until the time is over.
    fn round(&mut self, order: &Order) -> Round;

    /// What it does between rounds, which is not measured.
    fn rest(&mut self) {}
}

/// Lets one writer append on its own thread.
pub(crate) fn alone(order: &Order, mut append: impl FnMut()) -> Round {
    let begun = Instant::now();
    let mut delays = Vec::new();
    while order.goes_on(begun, delays.len()) {
        let start = Instant::now();
        append();
        delays.push(start.elapsed());
    }
    Round::of(delays, begun.elapsed())
}

/// Lets each writer append on a thread of its own: for logs whose calls block. `writer` makes what a thread calls.
pub(crate) fn threads<A: FnMut()>(order: &Order, writer: impl Fn(u64) -> A + Sync) -> Round {
    let begun = Instant::now();
    let delays = std::thread::scope(|scope| {
        let run = |number| {
            let mut append = writer(number);
            let mut delays = Vec::new();
            while order.goes_on(begun, delays.len()) {
                let start = Instant::now();
                append();
                delays.push(start.elapsed());
            }
            delays
        };
        let running: Vec<_> =
            (0..order.writers as u64).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    Round::of(delays, begun.elapsed())
}
