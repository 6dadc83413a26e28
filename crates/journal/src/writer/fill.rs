//! Requests to frames: what is refused, what number an event gets.

use std::sync::{Arc, Mutex};

use super::batch::{Active, Batch, NoRoom};
use super::segment::Purpose;
use super::{Writer, is_taking};
use crate::commit::{Answer, Became, Payload, Request, Requests, Settlement};
use crate::format::{Record, Settling, Start};
use crate::index::{Consumer, Index, Naming, Stream};
use crate::limits;
use crate::log::{State, hold};
use crate::{CommitError, ConsumerNumber, Millis, Outcome, Scope, Seq, StreamNumber};

/// Where requests come from and where frames and outcomes go.
pub(super) struct Fill<'f, 'r> {
    pub(super) state: &'f Mutex<State>,
    pub(super) requests: Requests<'r>,
    /// Events as the queue has laid them out.
    pub(super) laid: &'f mut [u8],
    pub(super) batch: &'f mut Batch<'r>,
    pub(super) outcomes: &'f mut Vec<Became>,
    pub(super) halted: &'f mut Halted,
}

/// Streams of which an event was refused, or failed: none that came with it may pass it by.
#[derive(Default)]
pub(super) struct Halted(Vec<StreamNumber>);

impl Halted {
    /// Takes note of a request that is not in the log.
    pub(super) fn note(&mut self, requests: Requests<'_>, request: Option<&Request>) {
        if let Some((stream, _)) = request.and_then(|request| requests.stream_of(request))
            && !self.0.contains(&stream)
        {
            self.0.push(stream);
        }
    }

    /// Why a request has to be refused, if an event before it was.
    fn check(&self, requests: Requests<'_>, request: &Request) -> Result<(), CommitError> {
        match requests.stream_of(request).filter(|(stream, _)| self.0.contains(stream)) {
            Some((_, name)) => Err(CommitError::Behind { stream: name.to_string() }),
            None => Ok(()),
        }
    }
}

/// Why a batch ends.
pub(super) enum Stop {
    /// There are no more requests, or what follows depends on this one.
    Enough,
    /// The segment is full; what for another is needed.
    Full(Purpose),
}

/// Where frames of a batch go, and when that is.
struct Target<'f, 'r> {
    batch: &'f mut Batch<'r>,
    laid: &'f mut [u8],
    active: &'f Active,
    now: Millis,
}

impl<'r> Target<'_, 'r> {
    fn put(&mut self, record: Record<'r>) -> Result<(), NoRoom> {
        self.batch.put(self.active, record, self.now)
    }

    fn put_event(&mut self, stream: StreamNumber, seq: Seq, payload: &'r Payload) -> Result<(), NoRoom> {
        match payload {
            Payload::Copied(laid) => {
                let record = Record::Event { stream, seq, payload: &[] };
                self.batch.put_laid(self.active, record, (*laid, self.laid), self.now)
            }
            Payload::Shared(bytes) => self.put(Record::Event { stream, seq, payload: (**bytes).as_ref() }),
        }
    }
}

/// Why a request is not in the batch.
enum Miss {
    NoRoom(Purpose),
    Refused(CommitError),
}

impl From<CommitError> for Miss {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

/// Frames that a batch has room for from the start; a large one grows.
const MOST_EXPECTED: usize = 4096;

/// Bytes of a batch, at most, but for its last event. Events that are shared lie in memory a second time for it; and for so
/// many, a sync is little beside writing them.
const MOST_BYTES: u64 = 4 << 20;

impl Writer {
    /// Puts requests into the batch, from the first without an outcome on, until one does not fit.
    pub(super) fn fill(&self, fill: &mut Fill<'_, '_>) -> Stop {
        let Some(active) = &self.active else { return Stop::Enough };
        let mut state = hold(fill.state);
        let mut target = Target { batch: fill.batch, laid: fill.laid, active, now: self.now() };
        let requests = fill.requests.all.iter().skip(fill.outcomes.len());
        target.batch.entries.reserve(requests.len().min(MOST_EXPECTED));
        for request in requests {
            let checked = fill.halted.check(fill.requests, request).map_err(Miss::Refused);
            let took =
                checked.and_then(|()| self.take(&mut state.index, &mut target, request, fill.requests));
            match took {
                Ok(answer) => fill.outcomes.push(Ok(answer)),
                Err(Miss::Refused(error)) => {
                    fill.halted.note(fill.requests, Some(request));
                    fill.outcomes.push(Err(error.into()));
                }
                Err(Miss::NoRoom(purpose)) => return Stop::Full(purpose),
            }
            if target.batch.bytes() >= MOST_BYTES {
                break;
            }
            // These change what the next request may do, and the index knows only once they are synced.
            if matches!(
                request,
                Request::Register { .. } | Request::Unregister { .. } | Request::Close { .. }
            ) {
                break;
            }
        }
        Stop::Enough
    }

    fn take<'r>(
        &self,
        index: &mut Index,
        target: &mut Target<'_, 'r>,
        request: &'r Request,
        requests: Requests<'r>,
    ) -> Result<Answer, Miss> {
        match request {
            Request::Append { payload, .. } => {
                // Whoever adds an event adds its stream.
                let stream = requests.stream_of(request).ok_or(CommitError::Nothing)?;
                self.take_event(index, target, stream, payload)
            }
            Request::Close { stream, name } => {
                let found = index.stream_mut(*stream).ok_or_else(|| closed(name))?;
                name_first(found, target, (*stream, name), Purpose::Upkeep)?;
                target.put(Record::Closed(*stream)).map_err(|NoRoom| Miss::NoRoom(Purpose::Upkeep))?;
                Ok(Answer::Done)
            }
            Request::Register { name, start, scope } => register(index, target, name, (*start, scope)),
            Request::Unregister { consumer, name } => {
                known(index, *consumer, name)?;
                let record = Record::Unregistered(*consumer);
                target.put(record).map_err(|NoRoom| Miss::NoRoom(Purpose::Upkeep))?;
                Ok(Answer::Done)
            }
            Request::Settle(settlement) => settle(index, target, settlement),
        }
    }

    fn take_event<'r>(
        &self,
        index: &mut Index,
        target: &mut Target<'_, 'r>,
        stream: (StreamNumber, &'r Arc<str>),
        payload: &'r Payload,
    ) -> Result<Answer, Miss> {
        let limit = self.options.max_pending;
        let found = index.stream_mut(stream.0).ok_or_else(|| closed(stream.1))?;
        if found.window() >= limit {
            return Err(CommitError::TooManyPending { stream: stream.1.to_string(), limit }.into());
        }
        name_first(found, target, stream, Purpose::Events)?;
        let seq = found.draft.next;
        target.put_event(stream.0, seq, payload).map_err(|NoRoom| Miss::NoRoom(Purpose::Events))?;
        found.draft.next = seq.next();
        Ok(Answer::Appended(seq))
    }
}

fn closed(name: &Arc<str>) -> Miss {
    Miss::Refused(CommitError::Closed { stream: name.to_string() })
}

/// Refuses a stream that is closed, and puts its name into the log if it is not there.
fn name_first<'r>(
    found: &mut Stream,
    target: &mut Target<'_, 'r>,
    (number, name): (StreamNumber, &'r Arc<str>),
    purpose: Purpose,
) -> Result<(), Miss> {
    let naming = is_taking(found.openness, found.draft.naming).ok_or_else(|| closed(name))?;
    if naming == Naming::Due {
        target.put(Record::Opened { stream: number, name }).map_err(|NoRoom| Miss::NoRoom(purpose))?;
        found.draft.naming = Naming::Drafted;
    }
    Ok(())
}

fn register<'r>(
    index: &Index,
    target: &mut Target<'_, 'r>,
    name: &'r str,
    (start, scope): (Start, &'r Scope),
) -> Result<Answer, Miss> {
    if let Some(known) = index.consumer_called(name) {
        if known.scope != *scope {
            return Err(
                CommitError::OtherScope { consumer: name.to_owned(), known: known.scope.clone() }.into()
            );
        }
        return Ok(Answer::Registered(known.number));
    }
    if index.consumers().len() >= limits::CONSUMERS {
        return Err(CommitError::TooManyConsumers { limit: limits::CONSUMERS }.into());
    }
    let consumer = index.totals().next_consumer;
    let record = Record::Registered { consumer, start, prefix: scope.prefix(), name };
    target.put(record).map_err(|NoRoom| Miss::NoRoom(Purpose::Upkeep))?;
    Ok(Answer::Registered(consumer))
}

fn known<'i>(index: &'i Index, consumer: ConsumerNumber, name: &Arc<str>) -> Result<&'i Consumer, Miss> {
    let gone = || CommitError::NoConsumer { consumer: name.to_string() };
    index.consumer(consumer).ok_or_else(|| gone().into())
}

fn settle<'r>(
    index: &Index,
    target: &mut Target<'_, 'r>,
    settlement: &'r Settlement,
) -> Result<Answer, Miss> {
    let consumer = known(index, settlement.consumer, &settlement.consumer_name)?;
    // A stream that is gone was settled by all.
    let Some(found) = index.stream(settlement.stream) else { return Ok(Answer::Done) };
    if !consumer.scope.covers(settlement.stream, &found.name) {
        let (consumer, scope) = (consumer.name.clone(), consumer.scope.clone());
        return Err(CommitError::OutOfScope { consumer, scope, stream: found.name.to_string() }.into());
    }
    let last = found.next.before();
    if let Some(wrong) = settlement.spans.iter().map(|span| span.last()).find(|&seq| seq > last) {
        return Err(not_appended(settlement, wrong, last));
    }
    let settling = match &settlement.outcome {
        Outcome::Delivered => Settling::Delivered,
        Outcome::Parked(reason) => Settling::Parked(limits::cut_reason(reason)),
        Outcome::Requeued => Settling::Requeued,
        Outcome::Dropped => Settling::Dropped,
    };
    let record = Record::Settled {
        stream: settlement.stream,
        consumer: settlement.consumer,
        settling,
        spans: settlement.spans.clone(),
    };
    target.put(record).map_err(|NoRoom| Miss::NoRoom(Purpose::Upkeep))?;
    Ok(Answer::Done)
}

fn not_appended(settlement: &Settlement, seq: Seq, last: Seq) -> Miss {
    Miss::Refused(CommitError::NotAppended { stream: settlement.stream_name.to_string(), seq, last })
}
