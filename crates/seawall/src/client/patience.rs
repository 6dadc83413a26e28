//! Asking until there is an answer: a daemon that is being restarted, or has too much to do, is waited for.
//!
//! What is asked so may come twice, since an answer that was lost says nothing. Only what does no harm then is asked here.

use std::thread;
use std::time::{Duration, Instant};

use super::Client;
use crate::clock;
use crate::failure::{Failure, RemoteFailure};
use crate::show::{self, Screen};

/// How long the first pause before another attempt is; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a pause becomes.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the daemon may give no answer.
#[derive(Clone)]
pub(crate) struct Patience {
    limit: Duration,
    /// How whoever runs the command goes on once that is over.
    onward: &'static str,
    screen: Screen,
}

/// What is known of a wait.
struct Waiting {
    since: Instant,
    pause: Duration,
}

impl Patience {
    /// So long a one.
    pub(crate) const fn of(limit: Duration, onward: &'static str, screen: Screen) -> Self {
        Self { limit, onward, screen }
    }

    /// Does it until the daemon has answered; not longer than its patience lasts.
    pub(crate) fn ask<T>(
        &self,
        client: &mut Client,
        mut attempt: impl FnMut(&mut Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut waiting: Option<Waiting> = None;
        loop {
            let failure = match attempt(client) {
                Err(Failure::Remote(failure)) if failure.passes() => failure,
                done => {
                    if waiting.is_some() && done.is_ok() {
                        let place = client.place();
                        show::hint(&self.screen, &format!("the daemon at {place} answers again"));
                    }
                    return done;
                }
            };
            let waiting = waiting.get_or_insert_with(|| self.begin(&failure));
            self.wait(waiting, client, &failure)?;
        }
    }

    fn begin(&self, failure: &RemoteFailure) -> Waiting {
        show::hint(&self.screen, &format!("{failure}; trying again for {:?}", self.limit));
        Waiting { since: clock::instant(), pause: FIRST_PAUSE }
    }

    fn wait(&self, waiting: &mut Waiting, client: &Client, failure: &RemoteFailure) -> Result<(), Failure> {
        let left = self.limit.saturating_sub(clock::instant().duration_since(waiting.since));
        if left.is_zero() {
            let (place, patience, reason) = (client.place().to_string(), self.limit, failure.to_string());
            return Err(RemoteFailure::Silent { place, patience, reason, onward: self.onward }.into());
        }
        thread::sleep(failure.retry_after().unwrap_or(waiting.pause).min(left));
        waiting.pause = (waiting.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
