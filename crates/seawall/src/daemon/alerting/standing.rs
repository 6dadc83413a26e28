//! How journals, ships and the servers behind proxies stand, as news. Values in, news out.
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

/// How many times its patience a ship may wait before that is critical.
const CRITICAL: u32 = 10;

/// Whether a ship has waited for longer than its patience, or one of its streams has.
pub(super) fn delivery(
    name: &str,
    status: &ship::Status,
    patience: Duration,
    (oldest, now): (Option<Millis>, Millis),
) -> News {
    let Some(waited) = status.waiting_for.filter(|waited| *waited >= patience) else {
        return News::well(name, Topic::Delivery);
    };
    let severity = if waited >= patience * CRITICAL { Severity::Critical } else { Severity::Warning };
    let waits = units::span(waited.as_secs_f64());
    let message = match (&status.cause, status.waiting.first()) {
        (Some(cause), _) => format!("nothing is delivered, for {waits} now: {cause}"),
        (None, first) => {
            let streams = units::counted(status.waiting_count, "stream waits", "streams wait");
            let first = first.map_or(String::new(), |(stream, cause)| format!("; {stream}: {cause}"));
            format!("{streams}, the longest for {waits}{first}")
        }
    };
    let age = |oldest| units::span(standing_for(oldest, now).as_secs_f64());
    let oldest = oldest.map(|oldest| format!("; the oldest event that waits came {} ago", age(oldest)));
    let message = message + &oldest.unwrap_or_default();
    News::trouble(name, Topic::Delivery, severity, message).with_advice(
        "See whether the server is there and lets it in: `cause` in /api/v1/ships says why not. What waits is kept, and sent \
         once it is taken.",
    )
}

/// Whether streams of a ship wait for an event that the server refuses.
pub(super) fn blocked(name: &str, status: &ship::Status) -> News {
    let Some((stream, cause)) = status.blocked.first() else { return News::well(name, Topic::Blocked) };
    let streams = units::counted(status.blocked_count, "stream is", "streams are");
    let message = format!("{streams} blocked by an event that the server refuses; {stream}: {cause}");
    News::trouble(name, Topic::Blocked, Severity::Warning, message).with_advice(
        "It is tried again until the server takes it; with on_refused = \"park\" it is put aside, and its stream goes on.",
    )
}

fn standing_for(since: Millis, now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(now.get().saturating_sub(since.get())).unwrap_or(0))
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
    let waits = feeding.oldest.map_or(Duration::ZERO, |oldest| standing_for(oldest, now));
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

    fn shipping(waiting_for: Option<u64>, streams: &[(&str, &str)]) -> ship::Status {
        let streams: Vec<_> = streams.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        ship::Status {
            place: "http://collector/".to_owned(),
            state: ship::State::Held,
            cause: None,
            waiting_count: streams.len() as u64,
            blocked_count: streams.len() as u64,
            waiting: streams.clone(),
            blocked: streams,
            waiting_for: waiting_for.map(Duration::from_secs),
            in_flight: 0,
            totals: ship::Totals::default(),
        }
    }

    #[test]
    fn a_ship_that_waits_is_trouble_once_its_patience_is_over() {
        let minute = Duration::from_mins(1);
        let time = (Some(Millis::new(0)), Millis::new(120_000));
        for (waits, expected) in [
            (None, None),
            (Some(59), None),
            (Some(60), Some(Severity::Warning)),
            (Some(599), Some(Severity::Warning)),
            (Some(600), Some(Severity::Critical)),
        ] {
            let news = delivery("collector", &shipping(waits, &[("a", "503")]), minute, time);
            assert_eq!(severity(&news), expected, "{waits:?}");
        }
        let gone = ship::Status { cause: Some("refused".to_owned()), ..shipping(Some(90), &[]) };
        let State::Trouble(trouble) = delivery("collector", &gone, minute, time).state else { panic!() };
        let said =
            "nothing is delivered, for 1 min 30 s now: refused; the oldest event that waits came 2 min ago";
        assert_eq!(trouble.message, said);
    }

    #[test]
    fn a_stream_that_is_blocked_is_trouble_at_once() {
        assert_eq!(severity(&blocked("collector", &shipping(None, &[]))), None);
        let State::Trouble(trouble) =
            blocked("collector", &shipping(Some(0), &[("a", "422"), ("b", "x")])).state
        else {
            panic!()
        };
        assert_eq!(trouble.message, "2 streams are blocked by an event that the server refuses; a: 422");
    }

    #[test]
    fn a_journal_that_takes_nothing_is_in_danger() {
        assert_eq!(severity(&journal("journal", &Health::Well)), None);
        assert_eq!(severity(&journal("journal", &Health::Full)), Some(Severity::Critical));
    }
}
