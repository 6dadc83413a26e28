//! Makes what a dialect learns durable: each lesson is an event of one stream, and is settled once another replaces it. So
//! what is pending there is what is known.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use journal::{CommitError, Consumer, Journal, Outcome, ReadError, Scope, Seq, Start, Stream};
use serde_json::{Value, json};

use crate::known::{Known, Lesson};

pub(crate) struct Teacher {
    journal: Journal,
    stream: Stream,
    consumer: Consumer,
    known: Known,
    turn: tokio::sync::Mutex<()>,
    /// The event that says what is known under a word.
    sources: Mutex<HashMap<String, Seq>>,
}

/// Why what was known cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecallError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("event {0} of the stream of what was learned is no lesson; it comes from another program")]
    Foreign(Seq),
}

impl Teacher {
    /// Recalls what was learned.
    pub(crate) fn recall(journal: &Journal, proxy: &str) -> Result<Self, RecallError> {
        let name = format!("proxy/{proxy}/known");
        let stream = journal.stream(&name)?;
        let consumer = journal.consumer_of(&format!("{name}/reader"), Start::Oldest, Scope::Prefix(name))?;
        let teacher = Self {
            journal: journal.clone(),
            stream,
            consumer,
            known: Known::default(),
            turn: tokio::sync::Mutex::default(),
            sources: Mutex::new(HashMap::new()),
        };
        for event in teacher.consumer.pending(&teacher.stream) {
            let event = event?;
            let lesson = decode(&event.payload).ok_or(RecallError::Foreign(event.seq))?;
            teacher.take_in(&lesson, event.seq);
        }
        Ok(teacher)
    }

    pub(crate) fn known(&self) -> Known {
        self.known.clone()
    }

    /// Makes lessons durable, one after the other, and then known.
    ///
    /// They are asked for when nobody else is being taught, so that two answers to one write, or an answer and a promise,
    /// build on each other.
    pub(crate) async fn teach(&self, lessons: impl FnOnce() -> Vec<Lesson>) -> Result<(), CommitError> {
        let _turn = self.turn.lock().await;
        let lessons = lessons();
        // All of them are on their way to the disk before the first one is there.
        let tickets: Vec<_> =
            lessons.iter().map(|lesson| self.journal.append(&self.stream, encode(lesson))).collect();
        for (lesson, ticket) in lessons.iter().zip(tickets) {
            let seq = ticket.await?;
            self.take_in(lesson, seq);
        }
        Ok(())
    }

    /// The same before there is anybody else, and blocks.
    pub(crate) fn teach_now(&self, lessons: &[Lesson]) -> Result<(), CommitError> {
        for lesson in lessons {
            self.take_in(lesson, self.journal.append(&self.stream, encode(lesson)).wait()?);
        }
        Ok(())
    }

    /// Returns when everything is durable that the journal was given before.
    pub(crate) async fn sync(&self) -> Result<(), CommitError> {
        self.teach(|| vec![Lesson::Forget { key: String::new() }]).await
    }

    fn take_in(&self, lesson: &Lesson, seq: Seq) {
        self.known.take_in(lesson);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        // If a settlement is lost, the event is read again before the one that replaces it.
        let settle = |seq| drop(self.consumer.settle(&self.stream, seq, Outcome::Delivered));
        match lesson {
            Lesson::Put { key, .. } => {
                if let Some(before) = sources.insert(key.clone(), seq) {
                    settle(before);
                }
            }
            Lesson::Forget { key } => {
                if let Some(before) = sources.remove(key) {
                    settle(before);
                }
                settle(seq);
            }
        }
    }
}

fn encode(lesson: &Lesson) -> Vec<u8> {
    let value = match lesson {
        Lesson::Put { key, value } => json!([key, value]),
        Lesson::Forget { key } => json!([key]),
    };
    value.to_string().into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Lesson> {
    let Value::Array(parts) = serde_json::from_slice(bytes).ok()? else { return None };
    match parts.as_slice() {
        [Value::String(key), Value::String(value)] => {
            Some(Lesson::Put { key: key.clone(), value: value.clone() })
        }
        [Value::String(key)] => Some(Lesson::Forget { key: key.clone() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use journal::{Commit, Millis, Options};

    use super::*;

    fn open(directory: &tempfile::TempDir) -> Journal {
        let options = Options { commit: Commit::Caller, ..Options::new(|| Millis::new(0)) };
        Journal::open(directory.path(), options).unwrap()
    }

    fn put(key: &str, value: &str) -> Lesson {
        Lesson::Put { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn what_was_learned_outlives_the_process_and_what_was_replaced_is_settled() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let journal = open(&directory);
        let teacher = Teacher::recall(&journal, "shop").unwrap();
        let lessons = [put("a", "1"), put("b", "2"), put("a", "3"), Lesson::Forget { key: "b".to_owned() }];
        runtime.block_on(teacher.teach(|| lessons.to_vec())).unwrap();
        runtime.block_on(teacher.teach(|| vec![put("c", "4")])).unwrap();
        drop((teacher, journal));

        let journal = open(&directory);
        let teacher = Teacher::recall(&journal, "shop").unwrap();
        let known = teacher.known();
        assert_eq!(
            (known.get("a").as_deref(), known.get("b"), known.get("c").as_deref()),
            (Some("3"), None, Some("4"))
        );
        assert_eq!(teacher.consumer.backlog()[0].pending, 2);
    }

    #[test]
    fn only_lessons_are_lessons() {
        for bytes in [&b""[..], b"{}", b"[]", b"[1]", b"[\"a\",\"b\",\"c\"]", b"\xff"] {
            assert_eq!(decode(bytes), None);
        }
    }
}
