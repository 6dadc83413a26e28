//! Keys: when they are known again, and what they make of an intake.

use hyper::body::Bytes;
use journal::Options;
use tempfile::TempDir;

use super::*;

const WINDOW: Duration = Duration::from_mins(10);

/// A journal with its keys, and a way to start anew.
struct Place(TempDir);

impl Place {
    /// Opens both. What was noted last may still be on its way, with a handle of its own.
    async fn open(&self) -> (Journal, Arc<Recall>) {
        loop {
            let journal = Journal::open(&self.0.path().join("j"), Options::new(clock::millis)).unwrap();
            match Recall::open(&self.0.path().join("j/keys"), &journal, WINDOW) {
                Err(OpenError::Held { .. }) => tokio::task::yield_now().await,
                recall => return (journal, Arc::new(recall.unwrap())),
            }
        }
    }
}

fn place() -> Place {
    Place(tempfile::tempdir().unwrap())
}

fn events(count: u64) -> Vec<Bytes> {
    (0..count).map(|number| Bytes::from(number.to_string())).collect()
}

fn span(first: u64, last: u64) -> Span {
    Span::new(Seq::new(first), Seq::new(last)).unwrap()
}

fn claim(recall: &Arc<Recall>, (stream, key): (&str, &str), body: &str, at: Instant) -> Verdict {
    recall.claim((stream, key), body.as_bytes(), (at, WINDOW))
}

async fn answer(journal: &Journal, verdict: Verdict, (stream, count): (&str, u64)) -> Span {
    let Verdict::New(claim) = verdict else { panic!("it is new") };
    claim.append(journal, &journal.stream(stream).unwrap(), &events(count)).await.unwrap()
}

#[tokio::test]
async fn a_key_is_answered_as_before_until_its_window_has_passed() {
    let place = place();
    let (journal, recall) = place.open().await;
    let now = clock::instant();
    let first = claim(&recall, ("a", "k"), "body", now);
    assert!(matches!(claim(&recall, ("a", "k"), "body", now), Verdict::Busy));
    assert_eq!(answer(&journal, first, ("a", 3)).await, span(1, 3));
    let again = |body, at| claim(&recall, ("a", "k"), body, at);
    assert!(matches!(again("body", now), Verdict::Known(found) if found == span(1, 3)));
    assert!(matches!(again("another", now), Verdict::Other));
    assert!(matches!(claim(&recall, ("b", "k"), "body", now), Verdict::New(_)), "keys belong to a stream");
    assert!(matches!(again("body", clock::instant() + WINDOW), Verdict::New(_)));
}

#[tokio::test]
async fn a_key_whose_request_was_not_begun_is_new_again() {
    let place = place();
    let (_journal, recall) = place.open().await;
    let now = clock::instant();
    drop(claim(&recall, ("a", "k"), "body", now));
    assert!(matches!(claim(&recall, ("a", "k"), "body", now), Verdict::New(_)));
}

#[tokio::test]
async fn a_start_knows_what_was_answered_before_it() {
    let place = place();
    let (journal, recall) = place.open().await;
    let now = clock::instant();
    answer(&journal, claim(&recall, ("a", "k"), "body", now), ("a", 3)).await;
    drop((journal, recall));
    let (_journal, recall) = place.open().await;
    let now = clock::instant();
    assert!(matches!(claim(&recall, ("a", "k"), "body", now), Verdict::Known(found) if found == span(1, 3)));
    assert!(matches!(claim(&recall, ("a", "k"), "another", now), Verdict::Other));
    assert!(matches!(claim(&recall, ("a", "k"), "body", now + WINDOW), Verdict::New(_)));
}

/// A note as a kill leaves it, with so many of its four events in the journal.
async fn killed(place: &Place, there: u64) {
    let (journal, recall) = place.open().await;
    let stream = journal.stream("a").unwrap();
    journal.append_all(&stream, events(2)).unwrap();
    let print = checksum(CrcAlgorithm::Crc64Nvme, b"body");
    let whose = Whose { stream: "a", key: "k", print };
    recall.notes.begin(whose, (&stream, span(3, 6)), None).await.unwrap();
    journal.append_all(&stream, events(there)).unwrap();
}

#[tokio::test]
async fn a_start_tells_from_the_stream_how_much_of_a_request_is_there() {
    for there in 0..=4 {
        let place = place();
        killed(&place, there).await;
        let (journal, recall) = place.open().await;
        // Others append before it is repeated.
        journal.append_all(&journal.stream("a").unwrap(), events(5)).unwrap();
        let verdict = claim(&recall, ("a", "k"), "body", clock::instant());
        match there {
            4 => assert!(matches!(verdict, Verdict::Known(found) if found == span(3, 6))),
            0 => assert_eq!(answer(&journal, verdict, ("a", 4)).await, span(8, 11)),
            _ => assert_eq!(answer(&journal, verdict, ("a", 4)).await, span(3, 11), "{there}"),
        }
        let last = journal.info(&journal.find_stream("a").unwrap()).unwrap().last;
        assert_eq!(last, Some(Seq::new(11)), "{there}: each of its events is there once");
    }
}

#[tokio::test]
async fn what_others_append_after_a_start_is_not_taken_for_what_was_begun_before_it() {
    for there in 0..=3 {
        let place = place();
        killed(&place, there).await;
        let (journal, recall) = place.open().await;
        journal.append_all(&journal.stream("a").unwrap(), events(5)).unwrap();
        drop((journal, recall));
        let (journal, recall) = place.open().await;
        let verdict = claim(&recall, ("a", "k"), "body", clock::instant());
        answer(&journal, verdict, ("a", 4)).await;
        let last = journal.info(&journal.find_stream("a").unwrap()).unwrap().last;
        assert_eq!(last, Some(Seq::new(11)), "{there}");
    }
}

#[tokio::test]
async fn no_more_keys_are_remembered_than_the_limit() {
    let place = place();
    let (_journal, recall) = place.open().await;
    let now = clock::instant();
    for number in 0..=MOST {
        let id = recall.id("a", &number.to_string());
        recall.hold().enter(id, State::Answered(checksum(CrcAlgorithm::Crc64Nvme, b""), span(1, 1)), now);
    }
    let known = |key: &str| claim(&recall, ("a", key), "", now);
    assert!(matches!(known("0"), Verdict::New(_)));
    assert!(matches!(known(&MOST.to_string()), Verdict::Known(_)));
}
