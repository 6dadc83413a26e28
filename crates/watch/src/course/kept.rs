//! What a course knows, as it is kept over a restart, and a course that goes on with it.
//!
//! Health is not kept: whoever begins anew says how the log is. What was held against it is, so that one that hovers around
//! a limit is not well because of a restart.

use formats::UnixTime;

use super::{Course, Made, Soundness, Tally};
use crate::kept::{Fields, Line, Page};
use crate::{Breach, Measure, Outcome, Reason, Severity};

impl Course {
    /// Writes down what is worth it.
    pub(crate) fn keep(&self, page: &mut Page) {
        self.history.keep(page);
        for (severity, breach) in &self.judgement.breaches {
            let line = page.line("breach").word(severity.name()).word(breach.measure.name());
            line.maybe(breach.value, Line::word).word(breach.limit);
        }
        let line = page.line("course").maybe(self.attempted, Line::time).maybe(self.helped, Line::time);
        let line = line.maybe(self.scheduled, Line::time).maybe(self.wanted, |line, it| line.word(it.name()));
        drop(line.word(self.in_vain));
        let is_flawed = self.soundness == Soundness::Flawed;
        drop(page.line("told").word(u8::from(self.has_told_forecast)).word(u8::from(is_flawed)));
        let Tally { effective, ineffective, failed, freed_bytes } = self.tally;
        drop(page.line("tally").word(effective).word(ineffective).word(failed).word(freed_bytes));
        if let Some(Made { at, reason, outcome }) = &self.made {
            let line = page.line("made").time(*at).word(reason.name()).word(outcome.name());
            match outcome {
                Outcome::Effective { freed_bytes, freed_replay, took } => {
                    line.word(freed_bytes).word(freed_replay).span(*took);
                }
                Outcome::Idle => {}
                Outcome::Ineffective { waited, said } => {
                    drop(line.span(*waited).maybe(said.as_deref(), Line::text));
                }
                Outcome::Failed(why) => drop(line.text(why)),
            }
        }
        self.restarts.keep(page);
    }

    /// Takes up what a line says; nothing if that makes no sense. What lies beyond the present was written by a clock that was
    /// set back since, and has happened just now.
    pub(crate) fn recall(&mut self, name: &str, fields: &mut Fields<'_>, now: UnixTime) -> Option<()> {
        let past = |at: Option<UnixTime>| at.map(|at| at.min(now));
        match name {
            "spacing" | "point" => self.history.recall(name, fields)?,
            "breach" => {
                let severity = severity(fields.word()?)?;
                let measure = named(&Measure::ALL, Measure::name, fields.word()?)?;
                let (value, limit) = (fields.maybe(Fields::number)?, fields.number()?);
                self.judgement.breaches.push((severity, Breach { measure, value, limit }));
            }
            "course" => {
                self.attempted = past(fields.maybe(Fields::time)?);
                self.helped = past(fields.maybe(Fields::time)?);
                self.scheduled = past(fields.maybe(Fields::time)?);
                self.wanted = fields.maybe(|fields| severity(fields.word()?))?;
                self.in_vain = fields.number()?;
            }
            "told" => {
                self.has_told_forecast = fields.number::<u8>()? == 1;
                let is_flawed = fields.number::<u8>()? == 1;
                self.soundness = if is_flawed { Soundness::Flawed } else { Soundness::Sound };
            }
            "tally" => {
                let mut next = || fields.number();
                let (effective, ineffective, failed, freed_bytes) = (next()?, next()?, next()?, next()?);
                self.tally = Tally { effective, ineffective, failed, freed_bytes };
            }
            "made" => {
                let at = fields.time()?.min(now);
                let reason = named(&Reason::ALL, Reason::name, fields.word()?)?;
                self.made = Some(Made { at, reason, outcome: outcome(fields)? });
            }
            _ => self.restarts.recall(name, fields, now)?,
        }
        Some(())
    }

    /// All was taken up.
    pub(crate) fn resume(&mut self, now: UnixTime) {
        self.history.resume(now);
    }
}

pub(crate) fn severity(word: &str) -> Option<Severity> {
    named(&[Severity::Warning, Severity::Critical], Severity::name, word)
}

/// That of all which has this name.
pub(crate) fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, word: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == word)
}

fn outcome(fields: &mut Fields<'_>) -> Option<Outcome> {
    Some(match fields.word()? {
        "effective" => {
            let (freed_bytes, freed_replay) = (fields.number()?, fields.number()?);
            Outcome::Effective { freed_bytes, freed_replay, took: fields.span()? }
        }
        "idle" => Outcome::Idle,
        "ineffective" => Outcome::Ineffective { waited: fields.span()?, said: fields.maybe(Fields::text)? },
        "failed" => Outcome::Failed(fields.text()?),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "kept_test.rs"]
mod tests;
