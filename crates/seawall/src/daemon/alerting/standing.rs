//! How journals and the servers behind proxies stand, as news. Values in, news out.
//!
//! The numbers are those that operators of the load balancer of Chroma have been told to alert on.

use std::time::Duration;

use journal::{Health, Millis};
use proxy::{Feeding, Status};
use watch::Severity;
use watch::alert::{News, Topic};

use crate::show::units;

/// Writes that wait for a server: worth attention, and dangerous.
const PENDING: (u64, u64) = (20, 50);

/// How long the oldest of them may wait.
const OLDEST: Duration = Duration::from_mins(5);

/// Events that were put aside, beyond which it is no accident any more.
pub(super) const PARKED: usize = 5;

/// Whether a journal takes events.
pub(super) fn journal(target: &str, health: &Health) -> News {
    let message = match health {
        Health::Well => return News::well(target, Topic::Journal),
        Health::Stopped(cause) => format!("the journal has stopped, and takes no more: {cause}"),
        Health::Full => "the disk of the journal is full, and it takes no more".to_owned(),
        Health::OverBudget => "the journal has reached its max_bytes, and takes no more".to_owned(),
    };
    News::trouble(target, Topic::Journal, Severity::Critical, message)
        .with_advice("Make room on its disk, or raise max_bytes; it goes on by itself then.")
}

/// Whether events of a journal were put aside; more than [`PARKED`] are not counted.
pub(super) fn parked(target: &str, count: usize) -> News {
    let (severity, message) = match count {
        0 => return News::well(target, Topic::Parked),
        1..=PARKED => (Severity::Warning, format!("put aside: {count}")),
        _ => (Severity::Critical, format!("put aside: more than {PARKED}")),
    };
    let advice = "`seawall parked list` shows why; requeue them once that is set right, or drop them.";
    News::trouble(target, Topic::Parked, severity, message).with_advice(advice)
}

/// Whether too much waits for a server behind a proxy, for each of them.
pub(super) fn pending(status: &Status, now: Millis) -> Vec<News> {
    let fed = status.upstreams.iter().filter_map(|upstream| Some((upstream, upstream.feeding?)));
    fed.map(|(upstream, feeding)| {
        let target = format!("{}/{}", status.name, upstream.name);
        of_server(&target, feeding, now)
    })
    .collect()
}

fn of_server(target: &str, feeding: Feeding, now: Millis) -> News {
    let waits = feeding.oldest.map_or(0, |oldest| now.get().saturating_sub(oldest.get()));
    let waits = Duration::from_millis(u64::try_from(waits).unwrap_or(0));
    let severity = match feeding.pending {
        many if many > PENDING.1 => Severity::Critical,
        some if some > PENDING.0 => Severity::Warning,
        1.. if waits > OLDEST => Severity::Warning,
        _ => return News::well(target, Topic::Pending),
    };
    let (count, oldest) = (units::count(feeding.pending), units::span(waits.as_secs_f64()));
    let message = format!("writes that wait for it: {count}; the oldest for {oldest}");
    News::trouble(target, Topic::Pending, severity, message)
        .with_advice("See whether the server is there and takes writes; they are sent in order when it does.")
}

#[cfg(test)]
mod tests {
    use watch::alert::State;

    use super::*;

    fn severity(news: &News) -> Option<Severity> {
        match &news.state {
            State::Trouble(trouble) => Some(trouble.severity),
            State::Well => None,
        }
    }

    #[test]
    fn what_waits_is_trouble_by_its_number_and_by_its_age() {
        let minute = 60_000;
        for (pending, age, expected) in [
            (0, None, None),
            (20, Some(0), None),
            (21, Some(0), Some(Severity::Warning)),
            (50, Some(0), Some(Severity::Warning)),
            (51, Some(0), Some(Severity::Critical)),
            (1, Some(5 * minute), None),
            (1, Some(5 * minute + 1), Some(Severity::Warning)),
            (0, Some(9 * minute), None),
            (1, None, None),
        ] {
            let oldest = age.map(|age| Millis::new(10 * minute - age));
            let feeding = Feeding { pending, oldest, ..Feeding::default() };
            let news = of_server("chroma/primary", feeding, Millis::new(10 * minute));
            assert_eq!(severity(&news), expected, "{pending} {age:?}");
        }
    }

    #[test]
    fn what_was_put_aside_is_worse_when_it_is_more() {
        for (count, expected) in [
            (0, None),
            (1, Some(Severity::Warning)),
            (5, Some(Severity::Warning)),
            (6, Some(Severity::Critical)),
        ] {
            assert_eq!(severity(&parked("journal", count)), expected, "{count}");
        }
    }

    #[test]
    fn a_journal_that_takes_nothing_is_in_danger() {
        assert_eq!(severity(&journal("journal", &Health::Well)), None);
        assert_eq!(severity(&journal("journal", &Health::Full)), Some(Severity::Critical));
    }
}
