//! What is known of restarts, as it is kept: a daemon that is restarted itself must not restart a server sooner, or more often.

use formats::UnixTime;

use super::RestartOutcome;
use super::course::{MOST, RestartTally, Restarted, Restarts, Withheld};
use crate::Reason;
use crate::course::named;
use crate::kept::{Fields, Line, Page};

impl Restarts {
    /// Writes it down.
    pub(crate) fn keep(&self, page: &mut Page) {
        for begun in &self.begun {
            drop(page.line("restart_begun").time(*begun));
        }
        let RestartTally { effective, ineffective, lost, failed } = self.tally;
        drop(page.line("restarts").word(effective).word(ineffective).word(lost).word(failed));
        let Withheld { damaged, cooldown, enough } = self.withheld;
        drop(page.line("restarts_withheld").word(damaged).word(cooldown).word(enough));
        let Some(Restarted { at, reason, outcome }) = &self.made else { return };
        let line = page.line("restarted").time(*at).word(reason.name()).word(outcome.name());
        put(line, outcome);
    }

    /// Takes up what a line says; nothing if that makes no sense.
    pub(crate) fn recall(&mut self, name: &str, fields: &mut Fields<'_>, now: UnixTime) -> Option<()> {
        match name {
            "restart_begun" if self.begun.len() < MOST => self.begun.push_back(fields.time()?.min(now)),
            "restarts" => {
                let mut next = || fields.number();
                let (effective, ineffective, lost, failed) = (next()?, next()?, next()?, next()?);
                self.tally = RestartTally { effective, ineffective, lost, failed };
            }
            "restarts_withheld" => {
                let mut next = || fields.number();
                let (damaged, cooldown, enough) = (next()?, next()?, next()?);
                self.withheld = Withheld { damaged, cooldown, enough };
            }
            "restarted" => {
                let at = fields.time()?.min(now);
                let reason = named(&Reason::ALL, Reason::name, fields.word()?)?;
                self.made = Some(Restarted { at, reason, outcome: outcome(fields)? });
            }
            _ => {}
        }
        Some(())
    }
}

fn put(line: Line<'_>, outcome: &RestartOutcome) {
    drop(match outcome {
        RestartOutcome::Helped { took, freed_bytes, freed_replay } => {
            line.span(*took).word(freed_bytes).word(freed_replay)
        }
        RestartOutcome::InVain { took } => line.span(*took),
        RestartOutcome::Lost(why) | RestartOutcome::Failed(why) => line.text(why),
    });
}

fn outcome(fields: &mut Fields<'_>) -> Option<RestartOutcome> {
    Some(match fields.word()? {
        "effective" => {
            let (took, freed_bytes) = (fields.span()?, fields.number()?);
            RestartOutcome::Helped { took, freed_bytes, freed_replay: fields.number()? }
        }
        "ineffective" => RestartOutcome::InVain { took: fields.span()? },
        "lost" => RestartOutcome::Lost(fields.text()?),
        "failed" => RestartOutcome::Failed(fields.text()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kept::lines;
    use crate::restart::{Hindrance, OverDamage, RestartRules};
    use crate::{Facts, Judgement};

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(second)
    }

    fn again(restarts: &Restarts, now: UnixTime) -> Restarts {
        let mut page = Page::new();
        restarts.keep(&mut page);
        let file = page.close();
        let mut again = Restarts::default();
        lines(&file).unwrap().for_each(|(name, mut fields)| again.recall(name, &mut fields, now).unwrap());
        again
    }

    #[test]
    fn a_cooldown_and_the_most_of_a_day_hold_over_a_restart_of_the_daemon() {
        let rules = RestartRules {
            after: 2,
            cooldown: Duration::from_mins(10),
            most_a_day: 2,
            over_damage: OverDamage::Refuse,
        };
        let took = Duration::from_secs(3);
        for outcome in [
            RestartOutcome::Helped { took, freed_bytes: 1, freed_replay: 2 },
            RestartOutcome::InVain { took },
            RestartOutcome::Lost("it does not\nanswer".to_owned()),
            RestartOutcome::Failed("no such unit".to_owned()),
        ] {
            let mut restarts = Restarts::default();
            restarts.rule(Some(rules));
            for begun in [at(1_000), at(2_000)] {
                restarts.begin(Reason::Critical, Facts::default(), begun);
                restarts.settle(outcome.clone(), begun);
            }
            for hindrance in [Hindrance::Damaged, Hindrance::Enough, Hindrance::Enough] {
                restarts.withhold(hindrance);
            }
            let mut again = again(&restarts, at(2_100));
            again.rule(Some(rules));
            assert_eq!(again.cooldown(at(2_100)), Some(Duration::from_secs(500)));
            let sound = Judgement::default();
            assert_eq!(
                again.hindrance(Reason::Critical, &sound, at(9_000)),
                restarts.hindrance(Reason::Critical, &sound, at(9_000))
            );
            assert!(again.hindrance(Reason::Critical, &sound, at(9_000)).is_some());
            assert_eq!((again.tally, again.made), (restarts.tally, restarts.made));
            assert_eq!(again.withheld, Withheld { damaged: 1, cooldown: 0, enough: 2 });
        }
    }
}
