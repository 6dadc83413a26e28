//! As many writers as wanted on one thread, as an executor of futures runs them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use crate::round::{Order, Round};

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
        let mut tasks = self.ready.tasks.lock().unwrap();
        tasks.push(self.number);
        // The thread takes all of them, so only the first has to rouse it.
        if tasks.len() == 1 {
            drop(tasks);
            self.ready.some.notify_one();
        }
    }
}

/// Lets writers append until the time is over.
pub(crate) fn drive<F: Future + Unpin>(order: &Order, append: impl Fn() -> F) -> Round {
    let writers = order.writers;
    let ready = Arc::new(Ready::default());
    let wakers: Vec<Waker> = (0..writers)
        .map(|number| Waker::from(Arc::new(Task { number, ready: Arc::clone(&ready) })))
        .collect();
    let begun = Instant::now();
    let mut running: Vec<(F, Instant)> = (0..writers).map(|_| (append(), Instant::now())).collect();
    let mut delays = Vec::new();
    ready.tasks.lock().unwrap().extend(0..writers);
    let mut woken = Vec::new();
    while order.goes_on(begun, delays.len()) {
        let tasks = ready.some.wait_while(ready.tasks.lock().unwrap(), |tasks| tasks.is_empty());
        std::mem::swap(&mut *tasks.unwrap(), &mut woken);
        for number in woken.drain(..) {
            let mut context = Context::from_waker(&wakers[number]);
            while Pin::new(&mut running[number].0).poll(&mut context).is_ready() {
                delays.push(running[number].1.elapsed());
                running[number] = (append(), Instant::now());
            }
        }
    }
    Round::of(delays, begun.elapsed())
}
