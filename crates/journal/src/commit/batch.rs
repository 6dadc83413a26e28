//! Events that go into the queue together: nothing comes between them, so their numbers follow each other.

use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::group::{Answer, Group, Outcome};
use super::shared::Shared;
use super::ticket::Unpark;
use crate::{CommitError, Seq, Span, StreamNumber};

/// Events on their way to the disk: a future of the numbers that they have, for which a thread can wait as well.
///
/// They are one in their order, and not in their fate: if it fails, the first of them may be in the journal.
#[must_use = "what is in the log is known from the batch alone"]
pub struct Batch {
    shared: Arc<Shared>,
    stage: Stage,
}

/// Why events are not all in the journal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct BatchError {
    /// The first of them, if some are.
    pub durable: Option<Span>,
    /// What became of the one behind them.
    #[source]
    pub error: CommitError,
}

enum Stage {
    /// They were refused at once.
    Refused(CommitError),
    /// The queue is full.
    Outside { stream: StreamNumber, name: Arc<str>, payloads: Vec<Vec<u8>> },
    /// They are in the queue, and nobody was told yet.
    Queued(Arc<Group>, Range<usize>),
    /// Somebody will write them.
    Under(Arc<Group>, Range<usize>),
}

impl Batch {
    pub(crate) fn refused(shared: Arc<Shared>, error: CommitError) -> Self {
        Self { shared, stage: Stage::Refused(error) }
    }

    /// Queues events, or holds them until there is room for all of them.
    pub(crate) fn of(
        shared: Arc<Shared>,
        (stream, name): (StreamNumber, Arc<str>),
        payloads: &[impl AsRef<[u8]>],
    ) -> Self {
        let stage = match shared.push_events((stream, &name), payloads, None) {
            Some((group, numbers)) => Stage::Queued(group, numbers),
            None => {
                let payloads = payloads.iter().map(|payload| payload.as_ref().to_vec()).collect();
                Stage::Outside { stream, name, payloads }
            }
        };
        Self { shared, stage }
    }

    /// Blocks until all of them are synced, or one has failed.
    pub fn wait(mut self) -> Result<Span, BatchError> {
        if let Stage::Queued(group, numbers) = &self.stage {
            self.stage = Stage::Under(Arc::clone(group), numbers.clone());
            self.shared.write();
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut batch = pin!(self);
        loop {
            match batch.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn enter(&mut self, context: &Context<'_>) {
        if let Stage::Outside { stream, name, payloads } = &self.stage
            && let Some((group, numbers)) =
                self.shared.push_events((*stream, name), payloads, Some(context.waker()))
        {
            self.stage = Stage::Queued(group, numbers);
        }
        if let Stage::Queued(group, numbers) = &self.stage {
            self.stage = Stage::Under(Arc::clone(group), numbers.clone());
            self.shared.kick();
        }
    }
}

impl Future for Batch {
    type Output = Result<Span, BatchError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.enter(context);
        match &self.stage {
            Stage::Refused(error) => Poll::Ready(Err(BatchError { durable: None, error: error.clone() })),
            Stage::Outside { .. } | Stage::Queued(..) => Poll::Pending,
            // All of a group is answered at once.
            Stage::Under(group, numbers) => {
                let answers = numbers.clone().map(|number| group.poll(number, context));
                total(answers)
            }
        }
    }
}

/// What became of all of them; nothing as long as it is not known of the first.
fn total(answers: impl Iterator<Item = Poll<Outcome>>) -> Poll<Result<Span, BatchError>> {
    let mut durable: Option<Span> = None;
    for answer in answers {
        match answer {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(BatchError { durable, error: *error })),
            Poll::Ready(Ok(Answer::Appended(seq))) => durable = grown(durable, seq),
            // Nothing else is answered to an append.
            Poll::Ready(Ok(Answer::Registered(_) | Answer::Done)) => {}
        }
    }
    durable.map_or(Poll::Pending, |span| Poll::Ready(Ok(span)))
}

fn grown(durable: Option<Span>, seq: Seq) -> Option<Span> {
    durable.map_or(Some(Span::one(seq)), |span| Span::new(span.first(), seq))
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Stage::Queued(..) = self.stage {
            self.shared.kick();
        }
    }
}

impl Unpin for Batch {}
