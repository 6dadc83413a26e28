//! The restart of a server, as the task of its log has it done.

use std::sync::Arc;
use std::time::Duration;

use formats::UnixTime;
use tokio::sync::oneshot;

use super::{Making, Work, hold};
use crate::restart::{self, Trouble};
use crate::{Facts, Happening, Hindrance, Reason, RestartOutcome, Target};

/// How long a server may take to be back that a new configuration says nothing about.
const PATIENCE: Duration = Duration::from_mins(10);

impl Work {
    /// Has the server restarted because somebody asks, and says whether that was begun.
    pub(super) fn ask_restart(&mut self, asked: oneshot::Sender<Result<(), Hindrance>>) {
        let rules = self.target.borrow().restart.as_ref().map(|restart| restart.rules);
        let step = {
            let mut state = hold(&self.state);
            // The log may not have been looked at yet since the rules were set.
            state.course.restarts.rule(rules);
            state.course.ask_restart((self.eyes.now)())
        };
        // Nobody may be waiting any more.
        asked.send(step.as_ref().map(|_| ()).map_err(|hindrance| *hindrance)).ok();
        if let Ok(step) = step {
            self.follow(vec![step], None);
        }
    }

    pub(super) fn begin_restart(&mut self, reason: Reason) {
        let target = Arc::clone(&self.target.borrow());
        // The course makes none without rules, which come from there.
        let Some(restart) = target.restart.clone() else { return };
        self.eyes.tell(&target.name, Happening::RestartBegun(reason));
        let with = (self.eyes.detect, (self.eyes.now)());
        let act = async move { restart::perform(restart, &target, reason, with).await };
        // It is written while the log is read, which comes first: a daemon that is killed meanwhile makes no other one at once.
        self.keep();
        self.making = Making::Restarting(tokio::spawn(act));
    }

    /// It was done, or not: from now on the server is looked at until it is back.
    pub(super) fn restarted(&mut self, done: Result<(), Trouble>) {
        match done {
            Ok(()) => {
                hold(&self.state).course.restarts.done((self.eyes.now)());
                self.making = Making::Returning;
            }
            Err(Trouble::Untouched(why)) => self.settle_restart(RestartOutcome::Failed(why)),
            Err(Trouble::Down(why)) => self.settle_restart(RestartOutcome::Lost(why)),
        }
    }

    /// Looks whether the server is back, and what that has done to its log.
    pub(super) fn returned(&mut self, target: &Target, seen: Option<&Facts>, now: UnixTime) {
        let patience = target.restart.as_ref().map_or(PATIENCE, |restart| restart.patience);
        let outcome = hold(&self.state).course.restarts.outcome(seen, now, patience);
        if let Some(outcome) = outcome {
            self.settle_restart(outcome);
        }
    }

    fn settle_restart(&mut self, outcome: RestartOutcome) {
        self.making = Making::Nothing;
        let steps = hold(&self.state).course.settle_restart(outcome, (self.eyes.now)());
        self.follow(steps, None);
        self.keep();
    }
}
