//! What becomes known of a log, reading by reading.

use formats::{Lost, Role};

use super::*;

const DAILY: Scrub = Scrub { every: Some(Duration::from_hours(24)), rate: 1 << 20 };
const HOUR: i64 = 3_600;

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn part(name: &str, bytes: u64) -> Part {
    Part { name: name.to_owned(), path: name.into(), role: Role::Live, bytes, modified: None }
}

fn damage(file: &str, start: u64) -> Damage {
    let cause = "checksum mismatch".into();
    Damage { file: file.to_owned(), start, end: start + 10, cause, lost: Lost::default() }
}

fn read(name: &str, starts: &[u64]) -> Read {
    let damage = starts.iter().map(|start| damage(name, *start)).collect();
    let stamp = Stamp::of(&part(name, 100));
    Read { part: name.to_owned(), stamp, bytes: 100, damage, more: 0, error: None }
}

fn denied(name: &str) -> Read {
    Read { error: Some((ErrorKind::PermissionDenied, "no".to_owned())), ..read(name, &[]) }
}

fn pass(knowledge: &mut Knowledge, scope: Scope, second: i64, reads: Vec<Read>) -> usize {
    let number = knowledge.begin(scope, Progress::default(), at(second));
    for read in reads {
        knowledge.hear(number, read);
    }
    knowledge.end(number, &Ending::Whole, at(second + 1));
    knowledge.take_news().len()
}

fn kinds(knowledge: &Knowledge) -> Vec<(FlawKind, Severity)> {
    knowledge.flaws().iter().map(|flaw| (flaw.kind, flaw.severity)).collect()
}

#[test]
fn a_pass_is_due_at_first_then_when_its_time_has_come_and_when_somebody_asks() {
    let mut knowledge = Knowledge::default();
    let never = Scrub { every: None, ..DAILY };
    assert_eq!(knowledge.due(&never, at(0)), None);
    assert_eq!(knowledge.due(&DAILY, at(0)), Some(Scope::All));
    pass(&mut knowledge, Scope::All, 0, vec![read("a", &[])]);
    assert_eq!(knowledge.due(&DAILY, at(24 * HOUR - 1)), None);
    assert_eq!(knowledge.due(&DAILY, at(24 * HOUR)), Some(Scope::All));
    let often = Scrub { every: Some(Duration::from_secs(1)), ..DAILY };
    assert_eq!(knowledge.due(&often, at(1)), Some(Scope::All), "one that went well needs no pause");
    assert_eq!(knowledge.due(&DAILY, at(-5)), Some(Scope::All), "a clock that was set back holds nothing up");
    assert!(knowledge.ask());
    assert_eq!(knowledge.due(&never, at(60)), Some(Scope::All));
    let number = knowledge.begin(Scope::All, Progress::default(), at(60));
    assert!(!knowledge.ask(), "it is on its way");
    assert_eq!(knowledge.due(&DAILY, at(99 * HOUR)), None);
    knowledge.end(number, &Ending::Failed, at(61));
    assert_eq!(knowledge.due(&DAILY, at(24 * HOUR + 100)), Some(Scope::All));
    let begun = at(24 * HOUR + 100);
    let number = knowledge.begin(Scope::All, Progress::default(), begun);
    knowledge.end(number, &Ending::Failed, begun);
    assert_eq!(knowledge.due(&DAILY, at(24 * HOUR + 101)), None, "what failed is not tried without end");
    assert_eq!(knowledge.due(&DAILY, at(24 * HOUR + 700)), Some(Scope::All));
}

#[test]
fn damage_is_told_once_however_often_it_is_read_and_new_damage_by_itself() {
    let mut knowledge = Knowledge::default();
    assert_eq!(pass(&mut knowledge, Scope::All, 0, vec![read("a", &[5]), read("b", &[])]), 1);
    assert_eq!(kinds(&knowledge), [(FlawKind::Found, Severity::Critical)]);
    assert_eq!(pass(&mut knowledge, Scope::All, 9, vec![read("a", &[5]), read("b", &[])]), 0);
    assert_eq!(pass(&mut knowledge, Scope::All, 99, vec![read("a", &[5]), read("b", &[7])]), 1);
    assert!(knowledge.flaws()[0].what.contains("one other place"), "{:?}", knowledge.flaws());
    assert_eq!(pass(&mut knowledge, Scope::All, 999, vec![read("a", &[]), read("b", &[])]), 0);
    assert!(knowledge.flaws().is_empty());
    assert_eq!(knowledge.report().passes, 4);
}

#[test]
fn damage_counts_as_soon_as_it_is_found_and_no_longer_than_until_it_is_not() {
    let mut knowledge = Knowledge::default();
    let number = knowledge.begin(Scope::All, Progress::default(), at(0));
    assert!(!knowledge.hear(number, read("a", &[])));
    assert!(knowledge.hear(number, read("b", &[1])));
    assert_eq!((kinds(&knowledge).len(), knowledge.take_news().len()), (1, 1));
    knowledge.end(number, &Ending::Whole, at(1));
    let number = knowledge.begin(Scope::All, Progress::default(), at(2));
    assert_eq!(kinds(&knowledge).len(), 1, "what the last pass found still counts");
    assert!(knowledge.hear(number, read("b", &[])));
    assert!(kinds(&knowledge).is_empty());
}

#[test]
fn a_damaged_file_that_changes_is_read_again_and_one_that_is_gone_is_damaged_no_longer() {
    let mut knowledge = Knowledge::default();
    pass(&mut knowledge, Scope::All, 0, vec![read("a", &[1]), read("b", &[2])]);
    knowledge.see(&[part("a", 100), part("b", 100)]);
    assert_eq!(knowledge.due(&DAILY, at(10)), None);
    knowledge.see(&[part("a", 70), part("b", 100)]);
    let only_a = Scope::Parts(BTreeSet::from(["a".to_owned()]));
    assert_eq!(knowledge.due(&DAILY, at(10)), Some(only_a.clone()));
    pass(&mut knowledge, only_a, 10, vec![read("a", &[])]);
    assert!(knowledge.flaws()[0].what.starts_with("b: "), "{:?}", knowledge.flaws());
    knowledge.see(&[part("b", 50)]);
    assert_eq!(knowledge.due(&DAILY, at(20)), None, "not again within the minute");
    knowledge.see(&[part("c", 1)]);
    assert!(knowledge.flaws().is_empty() && knowledge.due(&DAILY, at(99)).is_none());
}

#[test]
fn what_may_not_be_read_is_worth_attention_and_what_cannot_be_is_worse() {
    let mut knowledge = Knowledge::default();
    pass(&mut knowledge, Scope::All, 0, vec![denied("a")]);
    assert_eq!(kinds(&knowledge), [(FlawKind::Unreadable, Severity::Warning)]);
    let broken = Read { error: Some((ErrorKind::Other, "EIO".to_owned())), ..read("b", &[]) };
    pass(&mut knowledge, Scope::All, 9, vec![denied("a"), broken]);
    assert_eq!(kinds(&knowledge), [(FlawKind::Unreadable, Severity::Critical)]);
    assert_eq!(knowledge.report().unread, Some((2, "no".to_owned())));
}

#[test]
fn a_file_of_noise_takes_a_bounded_list_and_few_words() {
    let mut knowledge = Knowledge::default();
    let starts: Vec<u64> = (0..MOST_PLACES as u64).collect();
    let noise = |name: &str| Read { more: 1_000, ..read(name, &starts) };
    let news = pass(&mut knowledge, Scope::All, 0, vec![noise("a"), noise("b")]);
    assert_eq!(news, MOST_TOLD + 1);
    let report = knowledge.report();
    assert_eq!((report.places.len(), report.more), (MOST_PLACES, 2_000 + MOST_PLACES as u64));
}

#[test]
fn a_file_is_known_as_it_was_when_it_was_read() {
    let mut knowledge = Knowledge::default();
    assert_eq!(knowledge.of(&part("a", 100)), None);
    pass(&mut knowledge, Scope::All, 0, vec![read("a", &[]), read("b", &[3])]);
    assert_eq!(knowledge.of(&part("a", 100)), Some(Vec::new()));
    assert_eq!(knowledge.of(&part("b", 100)), Some(vec![damage("b", 3)]));
    assert_eq!(knowledge.of(&part("a", 101)), None, "it has grown since");
}

#[test]
fn a_pass_that_was_broken_off_says_nothing_any_more() {
    let mut knowledge = Knowledge::default();
    let number = knowledge.begin(Scope::All, Progress::default(), at(0));
    knowledge.stop();
    assert!(!knowledge.hear(number, read("a", &[1])));
    knowledge.end(number, &Ending::Whole, at(1));
    assert_eq!((knowledge.report().passes, knowledge.flaws().len()), (0, 0));
}
