//! As many writers as wanted on one thread, each in a closed loop: append, wait for the acknowledgement, again.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Ready {
    tasks: Mutex<Vec<usize>>,
    some: Condvar,
}

struct Task {
    number: usize,
    ready: Arc<Ready>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.ready.tasks.lock().unwrap().push(self.number);
        self.ready.some.notify_one();
    }
}

/// What a round came to.
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// Lets `writers` append until the time is over.
pub(crate) fn drive<F: Future + Unpin>(writers: usize, time: Duration, append: impl Fn() -> F) -> Round {
    let ready = Arc::new(Ready::default());
    let wakers: Vec<Waker> = (0..writers)
        .map(|number| Waker::from(Arc::new(Task { number, ready: Arc::clone(&ready) })))
        .collect();
    let begun = now();
    let mut running: Vec<(F, Instant)> = (0..writers).map(|_| (append(), now())).collect();
    let mut delays = Vec::new();
    ready.tasks.lock().unwrap().extend(0..writers);
    let mut woken = Vec::new();
    while begun.elapsed() < time {
        let tasks = ready.some.wait_while(ready.tasks.lock().unwrap(), |tasks| tasks.is_empty());
        std::mem::swap(&mut *tasks.unwrap(), &mut woken);
        for number in woken.drain(..) {
            let mut context = Context::from_waker(&wakers[number]);
            while Pin::new(&mut running[number].0).poll(&mut context).is_ready() {
                delays.push(running[number].1.elapsed());
                running[number] = (append(), now());
            }
        }
    }
    summary(delays, begun.elapsed())
}

/// One writer that waits with its own thread.
pub(crate) fn alone(time: Duration, append: impl Fn()) -> Round {
    let begun = now();
    let mut delays = Vec::new();
    while begun.elapsed() < time {
        let start = now();
        append();
        delays.push(start.elapsed());
    }
    summary(delays, begun.elapsed())
}

fn summary(mut delays: Vec<Duration>, time: Duration) -> Round {
    delays.sort_unstable();
    let at = |part: usize| delays.get(delays.len() * part / 100).copied().unwrap_or_default();
    Round { per_second: delays.len() as f64 / time.as_secs_f64(), median: at(50), p99: at(99) }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
