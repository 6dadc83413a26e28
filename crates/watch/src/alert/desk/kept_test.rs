//! A desk that goes on after a restart: what was told is not told again, and its end is.

use formats::UnixTime;

use super::*;
use crate::Severity;
use crate::alert::{Endings, Occasion, Route, Rules, Verdict};
use crate::kept::lines;

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn fresh() -> Desk {
    let (route, reminder) = (Route::default(), Some(Duration::from_hours(4)));
    Desk::new(Rules { route, reminder, endings: Endings::Told, patience: Duration::from_hours(1) })
}

fn bad() -> News {
    News::trouble("db 1", Topic::Health, Severity::Critical, "too\nlarge".to_owned()).with_advice("")
}

fn restarted(desk: &Desk) -> Desk {
    let mut page = Page::new();
    desk.keep(&mut page);
    let (file, mut again) = (page.close(), fresh());
    for (name, mut fields) in lines(&file).unwrap() {
        assert_eq!(name, "trouble");
        again.recall(&mut fields, at(1 << 40)).unwrap();
    }
    again
}

fn told(desk: &mut Desk, second: i64) -> Option<Occasion> {
    let letter = desk.due(at(second))?;
    desk.settle(Verdict::Delivered { said: String::new() }, at(second));
    Some(letter.occasion)
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again_is_reminded_of_and_its_end_is_told() {
    let mut desk = fresh();
    desk.hear(&bad(), at(0));
    assert_eq!(told(&mut desk, 1), Some(Occasion::Firing));
    let mut desk = restarted(&desk);
    desk.hear(&bad(), at(10));
    assert_eq!(told(&mut desk, 11), None);
    assert_eq!(told(&mut desk, 4 * 3_600 + 1), Some(Occasion::Reminder));
    let mut desk = restarted(&desk);
    desk.hear(&News::well("db 1", Topic::Health), at(15_000));
    let letter = desk.clone().due(at(15_000)).unwrap();
    assert_eq!(
        (letter.since, letter.message.as_str(), letter.advice.as_deref()),
        (at(0), "too\nlarge", Some(""))
    );
    assert_eq!(told(&mut restarted(&desk), 15_001), Some(Occasion::Resolved), "as a kill leaves it");
}

#[test]
fn a_letter_that_was_on_its_way_is_sent_again_and_what_ends_by_itself_does() {
    let mut desk = fresh();
    desk.hear(&bad().for_now(Duration::from_hours(1)), at(0));
    desk.due(at(1)).unwrap();
    let mut desk = restarted(&desk);
    assert_eq!(told(&mut desk, 2), Some(Occasion::Firing));
    let mut desk = restarted(&desk);
    assert_eq!(told(&mut desk, 3_599), None);
    assert_eq!(told(&mut desk, 3_600), Some(Occasion::Resolved));
}

#[test]
fn what_is_so_comes_back_as_it_was_and_words_that_make_no_sense_do_not() {
    let mut page = Page::new();
    keep_news(&bad(), &mut page);
    let file = page.close();
    let (_, mut fields) = lines(&file).unwrap().next().unwrap();
    assert_eq!(recall_news(&mut fields), Some(bad()));
    for wrong in ["", "wal.fun a critical b -", "wal.health a worse b -", "wal.health a critical"] {
        let mut page = Page::new();
        drop(page.line("news").word(wrong));
        let file = page.close();
        let (_, mut fields) = lines(&file).unwrap().next().unwrap();
        assert_eq!(recall_news(&mut fields), None, "{wrong}");
    }
}
