//! The journal as its callers see it: opening, streams, appending, closing, figures.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::commit::{Answer, Batch, Given, Made, Request, Shared, SharedBytes, Ticket};
use crate::consumer::Consumer;
use crate::events::Events;
use crate::format::{Openness, Start};
use crate::index;
use crate::log::{State, hold};
use crate::recover::{self, Found};
use crate::storage::{Disk, Fault, Storage};
use crate::writer::{Begin, Writer};
use crate::{
    Commit, CommitError, Counters, Damage, JournalId, LOCK, Lsn, News, OpenError, Options, Recovery, Scope,
    Seq, Span, Stats, StreamNumber, limits,
};

/// An open journal. Copies are the same journal; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Journal {
    pub(crate) shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Ends the thread, and writes what is left, when the last handle is gone.
struct Owner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.end();
        if let Some(thread) = hold(&self.thread).take() {
            // A thread that panicked has said so; what it did not write was not acknowledged.
            thread.join().ok();
        }
        self.shared.finish();
    }
}

/// A stream of a journal, by which events are appended to it.
#[derive(Clone, Debug)]
pub struct Stream {
    pub(crate) number: StreamNumber,
    pub(crate) name: Arc<str>,
}

impl Stream {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number: a name that is used again after its stream has ended belongs to another stream.
    pub fn number(&self) -> StreamNumber {
        self.number
    }
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Whether events may still come.
    pub openness: Openness,
    /// The number of the newest event; nothing if there was none.
    pub last: Option<Seq>,
    /// Events that somebody may still ask for.
    pub live: u64,
}

impl StreamInfo {
    fn of(stream: &index::Stream) -> Self {
        Self {
            name: stream.name.to_string(),
            openness: stream.openness,
            last: Some(stream.next.before()).filter(|last| *last >= Seq::FIRST),
            live: stream.live(),
        }
    }
}

impl Journal {
    /// Opens the journal in a directory, or makes one there.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let name = directory.display().to_string();
        let disk = Disk::at(directory).map_err(Fault::on("open the directory", &name))?;
        Self::open_in(&(Arc::new(disk) as Arc<dyn Storage>), options)
    }

    /// Opens the journal in a storage, or makes one there.
    pub fn open_in(storage: &Arc<dyn Storage>, options: Options) -> Result<Self, OpenError> {
        options.check()?;
        let lock = storage.lock(LOCK).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::Held { journal: storage.describe() },
            _ => OpenError::Disk(Fault::on("lock", &storage.describe())(error)),
        })?;
        let Found { id, index, segments, spot, recovery } = recover::recover(storage, &options)?;
        let is_new = recovery.frames == 0 && spot.next_segment == crate::SegmentId::FIRST;
        let state = State {
            index,
            segments,
            damage: recovery.damage.clone(),
            counters: Counters::default(),
            durable: spot.next.minus(1),
            curious: Vec::new(),
        };
        let begin = Begin { storage: Arc::clone(storage), options: options.clone(), id, spot };
        let (mut writer, state) = (Writer::new(begin), Mutex::new(state));
        writer.start(&state).map_err(refusal)?;
        if is_new {
            recover::write_id(&**storage, id, (options.clock)())?;
        }
        let state = state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let commit = options.commit;
        let shared = Arc::new(Shared::new(Made { writer, state, recovery, lock }, options, id));
        let thread = match commit {
            Commit::Caller => None,
            Commit::Thread => Some(spawn(Arc::clone(&shared))?),
        };
        let owner = Owner { shared: Arc::clone(&shared), thread: Mutex::new(thread) };
        Ok(Self { shared, owner: Arc::new(owner) })
    }

    /// Its id.
    pub fn id(&self) -> JournalId {
        self.shared.id
    }

    /// How many bytes an event may have.
    pub fn max_event(&self) -> u64 {
        self.shared.options.max_event
    }

    pub(crate) fn now(&self) -> crate::Millis {
        (self.shared.options.clock)()
    }

    /// What the start found.
    pub fn recovery(&self) -> &Recovery {
        &self.shared.recovery
    }

    /// Damage that was found, at the start and since.
    pub fn damage(&self) -> Vec<Damage> {
        hold(&self.shared.state).damage.clone()
    }

    /// The stream of that name, which is there from its first event on.
    pub fn stream(&self, name: &str) -> Result<Stream, CommitError> {
        limits::check_name(name)?;
        let mut state = hold(&self.shared.state);
        let number = match state.index.number_of(name) {
            Some(number) => number,
            None if state.index.stream_count() >= self.shared.options.max_streams => {
                return Err(CommitError::TooManyStreams { limit: self.shared.options.max_streams });
            }
            None => state.index.name_stream(name),
        };
        Ok(Stream { number, name: name.into() })
    }

    /// The stream of that name, if there is one.
    pub fn find_stream(&self, name: &str) -> Option<Stream> {
        let state = hold(&self.shared.state);
        state.index.number_of(name).map(|number| Stream { number, name: name.into() })
    }

    /// The events of a stream that somebody may still ask for, in order, whoever has settled them.
    pub fn events(&self, stream: &Stream) -> Events {
        Events::of(&self.shared, stream)
    }

    /// Appends an event. Its number is known once it is synced; the order of calls is the order of events.
    pub fn append(&self, stream: &Stream, payload: impl AsRef<[u8]>) -> Ticket<Seq> {
        self.append_given(stream, Given::Borrowed(payload.as_ref()))
    }

    /// Appends an event whose bytes are held until they are written, and not copied meanwhile: for large ones.
    pub fn append_shared(&self, stream: &Stream, payload: &SharedBytes) -> Ticket<Seq> {
        self.append_given(stream, Given::Shared(payload))
    }

    fn append_given(&self, stream: &Stream, payload: Given<'_>) -> Ticket<Seq> {
        let (bytes, limit) = (payload.bytes().len() as u64, self.shared.options.max_event);
        let shared = Arc::clone(&self.shared);
        if bytes > limit {
            return Ticket::refused(shared, CommitError::EventTooLarge { bytes, limit }, appended);
        }
        match self.shared.push_event((stream.number, &stream.name), payload, None) {
            Some(place) => Ticket::new(shared, place, appended),
            None => {
                let stream = (stream.number, Arc::clone(&stream.name));
                Ticket::outside(shared, stream, payload, appended)
            }
        }
    }

    /// Appends events one after the other and blocks until all of them are synced; says which numbers they have.
    ///
    /// They are not one: if it fails, some of them may be in the journal, the first ones before the later ones.
    pub fn append_all(
        &self,
        stream: &Stream,
        payloads: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Option<Span>, CommitError> {
        let payloads: Vec<_> = payloads.into_iter().collect();
        if payloads.is_empty() {
            return Ok(None);
        }
        self.append_batch(stream, &payloads).wait().map(Some).map_err(|failed| failed.error)
    }

    /// Appends events one after the other, of which there has to be one at least. Nothing comes between them, so their
    /// numbers follow each other. If one is too large, none is appended.
    pub fn append_batch(&self, stream: &Stream, payloads: &[impl AsRef<[u8]>]) -> Batch {
        let shared = Arc::clone(&self.shared);
        let limit = self.shared.options.max_event;
        let sizes = payloads.iter().map(|payload| payload.as_ref().len() as u64);
        match sizes.max() {
            None => Batch::refused(shared, CommitError::Nothing),
            Some(bytes) if bytes > limit => {
                Batch::refused(shared, CommitError::EventTooLarge { bytes, limit })
            }
            Some(_) => Batch::of(shared, (stream.number, Arc::clone(&stream.name)), payloads),
        }
    }

    /// Closes a stream. It is forgotten once its events are settled, and its name may then be used again.
    pub fn close_stream(&self, stream: &Stream) -> Ticket<()> {
        let request = Request::Close { stream: stream.number, name: Arc::clone(&stream.name) };
        Ticket::new(Arc::clone(&self.shared), self.shared.push(request), done)
    }

    /// How a stream stands; nothing if it has ended.
    pub fn info(&self, stream: &Stream) -> Option<StreamInfo> {
        hold(&self.shared.state).index.stream(stream.number).map(StreamInfo::of)
    }

    /// All streams that are open, or have events left.
    pub fn streams(&self) -> Vec<StreamInfo> {
        let state = hold(&self.shared.state);
        state.index.streams().into_iter().map(|(_, stream)| StreamInfo::of(stream)).collect()
    }

    /// The consumer of that name for all streams: [`Journal::consumer_of`] with [`Scope::All`].
    pub fn consumer(&self, name: &str, start: Start) -> Result<Consumer, CommitError> {
        self.consumer_of(name, start, Scope::All)
    }

    /// The consumer of that name, which is registered if it is not; blocks until that is synced.
    ///
    /// `start` counts for a new one alone, and `scope` is refused if the one that is there has another. Events are kept
    /// until every consumer has settled them in whose scope they are, and as long as there is none, they are all kept.
    pub fn consumer_of(&self, name: &str, start: Start, scope: Scope) -> Result<Consumer, CommitError> {
        limits::check_name(name)?;
        if let Scope::Prefix(prefix) = &scope {
            limits::check_name(prefix)?;
        }
        let request = Request::Register { name: name.to_owned(), start, scope };
        let place = self.shared.push(request);
        let ticket = Ticket::new(Arc::clone(&self.shared), place, |answer| match answer {
            Answer::Registered(number) => Some(number),
            _ => None,
        });
        Ok(Consumer { shared: Arc::clone(&self.shared), number: ticket.wait()?, name: name.into() })
    }

    /// The consumer of that name, if it is registered, whatever its scope.
    pub fn find_consumer(&self, name: &str) -> Option<Consumer> {
        let number = hold(&self.shared.state).index.consumer_called(name)?.number;
        Some(Consumer { shared: Arc::clone(&self.shared), number, name: name.into() })
    }

    /// The names of all consumers.
    pub fn consumers(&self) -> Vec<String> {
        hold(&self.shared.state).index.consumers().iter().map(|known| known.name.clone()).collect()
    }

    /// How many events each consumer has pending, by its name.
    ///
    /// They are counted one by one under the lock that appends take too: ask for it now and then.
    pub fn pending(&self) -> Vec<(String, u64)> {
        let state = hold(&self.shared.state);
        let known = state.index.consumers().iter();
        known.map(|known| (known.name.clone(), state.index.count_pending(known.number))).collect()
    }

    /// The last frame that is synced. It grows with everything that is appended or settled.
    pub fn durable(&self) -> Lsn {
        hold(&self.shared.state).durable
    }

    /// Waits until something is synced that came after `seen`.
    pub fn news(&self, seen: Lsn) -> News {
        News { shared: Arc::clone(&self.shared), seen }
    }

    /// Bytes of all segments, and of the spare one. Unlike [`Journal::stats`], this does not wait for who is writing.
    pub fn bytes(&self) -> u64 {
        hold(&self.shared.state).segments.bytes()
    }

    /// How it stands.
    pub fn stats(&self) -> Stats {
        let health = self.shared.health();
        let state = hold(&self.shared.state);
        let totals = state.index.totals();
        Stats {
            journal: self.shared.id,
            streams: state.index.stream_count(),
            live_events: state.index.live(),
            bytes: state.segments.bytes(),
            max_bytes: self.shared.options.max_bytes,
            segments: state.segments.iter().count() as u64,
            lost_to_damage: totals.lost_to_damage,
            lost_to_budget: totals.lost_to_budget,
            health,
            counters: state.counters,
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let handles = Arc::strong_count(&self.owner);
        f.debug_struct("Journal")
            .field("id", &self.shared.id)
            .field("handles", &handles)
            .finish_non_exhaustive()
    }
}

fn appended(answer: Answer) -> Option<Seq> {
    match answer {
        Answer::Appended(seq) => Some(seq),
        _ => None,
    }
}

pub(crate) fn done(answer: Answer) -> Option<()> {
    (answer == Answer::Done).then_some(())
}

/// The first segment could not be begun.
fn refusal(error: CommitError) -> OpenError {
    match error {
        CommitError::DiskFull(fault) | CommitError::Unknown(fault) | CommitError::Stopped(fault) => {
            OpenError::Disk(fault)
        }
        other => OpenError::Disk(Fault::on("begin", "a segment")(std::io::Error::other(other.to_string()))),
    }
}

fn spawn(shared: Arc<Shared>) -> Result<JoinHandle<()>, Fault> {
    let builder = std::thread::Builder::new().name("journal".to_owned());
    builder.spawn(move || shared.run()).map_err(Fault::on("start", "the thread that writes"))
}
