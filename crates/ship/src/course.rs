//! What becomes of the batches of one stream: a pure state machine of how many events the next one has, and of what an
//! answer leads to.
//!
//! A batch that is to be sent again has the same events, so that it has the same key. One that is refused is halved until
//! it is taken, or is one event: that one alone is to blame. What follows is doubled from batch to batch, up to what the
//! policy allows: a second event that is refused is found as fast as the first one, and a server that takes only small
//! batches is sent small ones. Nothing here knows which events there are, so whatever happens to them in the journal
//! meanwhile cannot confuse it.

use std::time::Duration;

use crate::verdict::{Fault, Verdict};
use crate::{OnRefused, Policy};

/// One stream's course.
#[derive(Clone, Debug)]
pub struct Course {
    /// Events that a batch may have, as long as refusals are being narrowed down.
    cap: usize,
    /// Events of the batch that is to be sent again.
    same: Option<usize>,
    /// Failures in a row.
    failures: u32,
    /// How often the batch was sent that is to be sent again, as far as that counts against it.
    tries: u32,
}

/// What an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The batch is delivered.
    Settle,
    /// The only event of the batch is put aside, for this reason.
    Park(String),
    /// A smaller batch is sent, at once.
    Smaller,
    /// The same batch is sent again after this pause.
    Pause(Duration, Cause),
    /// The same batch is sent again once the server may be asked again, which is after this pause if it has said so.
    Hold(Option<Duration>, String),
}

/// Why a stream pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server did not take the batch this time.
    Failed(String),
    /// The server refuses the event at the head, and nothing may overtake it.
    Blocked(String),
}

impl Default for Course {
    fn default() -> Self {
        Self { cap: usize::MAX, same: None, failures: 0, tries: 0 }
    }
}

impl Course {
    /// How many events the next batch has at most.
    pub fn most(&self) -> usize {
        self.same.unwrap_or(self.cap)
    }

    /// Whether the next batch is one that was sent before.
    pub fn is_again(&self) -> bool {
        self.same.is_some()
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// What the answer to a batch of so many events leads to. `share` is chance, 0 to 1.
    pub fn turn(&mut self, events: usize, verdict: Verdict, policy: &Policy, share: f64) -> Turn {
        match verdict {
            Verdict::Delivered => {
                self.go_on();
                Turn::Settle
            }
            Verdict::Retry { after, fault: Fault::Server, reason } => {
                self.same = Some(events);
                Turn::Hold(after, reason)
            }
            Verdict::Retry { after, fault: Fault::Batch, reason } => {
                self.tries = self.tries.saturating_add(1);
                match policy.attempts.filter(|most| self.tries >= *most) {
                    Some(most) => self.refused(events, format!("{reason}, {most} times"), policy, share),
                    None => self.pause(events, after, (policy, share), Cause::Failed(reason)),
                }
            }
            Verdict::Refused { reason } => self.refused(events, reason, policy, share),
        }
    }

    fn refused(&mut self, events: usize, reason: String, policy: &Policy, share: f64) -> Turn {
        if events > 1 {
            self.cap = events / 2;
            self.same = None;
            self.tries = 0;
            return Turn::Smaller;
        }
        match policy.on_refused {
            OnRefused::Park => {
                self.cap = 1;
                self.go_on();
                Turn::Park(reason)
            }
            OnRefused::Block => self.pause(events, None, (policy, share), Cause::Blocked(reason)),
        }
    }

    fn pause(
        &mut self,
        events: usize,
        after: Option<Duration>,
        (policy, share): (&Policy, f64),
        cause: Cause,
    ) -> Turn {
        self.same = Some(events);
        self.failures = self.failures.saturating_add(1);
        let pause = policy.backoff.pause(self.failures, share).max(after.unwrap_or_default());
        Turn::Pause(pause, cause)
    }

    fn go_on(&mut self) {
        self.cap = self.cap.saturating_mul(2);
        self.same = None;
        self.failures = 0;
        self.tries = 0;
    }
}

#[cfg(test)]
#[path = "course_test.rs"]
mod tests;
