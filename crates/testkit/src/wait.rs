//! Waiting for a condition, with a limit that only a broken run reaches.

use std::thread;
use std::time::{Duration, Instant};

/// Short enough not to slow a test down, long enough not to take the processor from the server that is waited for.
const PAUSE: Duration = Duration::from_millis(15);

/// Asks until `answer` has one, for at most `limit`.
pub fn wait_for<T>(limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = now();
    loop {
        if let Some(found) = answer() {
            return Some(found);
        }
        if begin.elapsed() >= limit {
            return None;
        }
        thread::sleep(PAUSE);
    }
}

/// The only clock of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "real servers run by the real clock, and so do the limits on them"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_first_answer() {
        let mut asked = 0;
        let answer = wait_for(Duration::from_mins(1), || {
            asked += 1;
            (asked == 3).then_some("three")
        });
        assert_eq!((answer, asked), (Some("three"), 3));
    }

    #[test]
    fn waiting_gives_up_at_its_limit_but_asks_at_least_once() {
        let mut asked = 0;
        let answer: Option<()> = wait_for(Duration::ZERO, || {
            asked += 1;
            None
        });
        assert_eq!((answer, asked), (None, 1));
    }
}
