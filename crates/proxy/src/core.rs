//! What all threads of a proxy share, and what each of them has besides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use journal::{Clock, Consumer, Journal, Scope, Seq, Start};
use tokio::sync::Semaphore;

use crate::call::Call;
use crate::chance;
use crate::counts::Counts;
use crate::error::StartError;
use crate::head::IDEMPOTENCY_KEY;
use crate::known::Known;
use crate::lane::{self, Lane, LaneNumber, Tallies, Unhurried};
use crate::notice::Notice;
use crate::roster;
use crate::settings::{Ambiguous, Feed, Settings};
use crate::teacher::Teacher;
use crate::upstream::{Backoff, Change, Pool, Route, Upstream};

/// Hears what happens.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Servers of one proxy. Each has a position in each lane.
pub const MOST_SERVERS: usize = 16;

/// Bytes that one permit of the room for bodies stands for.
pub(crate) const PERMIT: usize = 1024;

/// What all threads share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) known: Known,
    pub(crate) teacher: Teacher,
    lanes: Vec<Lane>,
    pub(crate) tallies: Arc<Tallies>,
    /// Those that are fed come first: their number is that of their track.
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    /// One for each that is fed.
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) unhurried: Arc<Unhurried>,
    pub(crate) counts: Counts,
    pub(crate) room: Arc<Semaphore>,
    /// The same for large writes that are sent again.
    pub(crate) replay_room: Arc<Semaphore>,
    listener: Listener,
    chance: AtomicU64,
}

/// What one thread has.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: Vec<Route>,
}

impl Shared {
    pub(crate) fn open(
        mut settings: Settings,
        journal: Journal,
        (clock, listener): (Clock, Listener),
    ) -> Result<Self, StartError> {
        check(&settings)?;
        settings.upstreams.sort_by_key(|server| server.feed == Feed::Primary);
        let upstreams: Result<Vec<_>, _> =
            settings.upstreams.iter().map(|server| Upstream::new(server, &settings).map(Arc::new)).collect();
        let refuse = |name: &str, cause: &dyn std::fmt::Display| StartError::Journal {
            name: name.to_owned(),
            cause: cause.to_string(),
        };
        let teacher =
            Teacher::recall(&journal, &settings.name).map_err(|error| refuse(&settings.name, &error))?;
        // On a full disk nothing new is learned, and the next start tries again.
        teacher.teach_now(&roster::changes(&settings, &teacher.known(), &journal)?).ok();
        let fed = settings.upstreams.iter().filter(|server| server.feed == Feed::Journal);
        let scope = Scope::Prefix(LaneNumber::prefix(&settings.name));
        let consumers: Result<Vec<_>, _> = fed
            .map(|server| {
                let name = roster::consumer(&settings.name, &server.name);
                journal.consumer_of(&name, Start::Oldest, scope.clone())
            })
            .collect();
        let consumers = consumers.map_err(|error| refuse(&settings.name, &error))?;
        if settings.replay.ambiguous == Ambiguous::Park {
            lane::park_heads(&settings.name, &consumers).map_err(|error| refuse(&settings.name, &error))?;
        }
        let prefix = format!("proxy/{}/", settings.name);
        for name in journal.consumers() {
            let upstream = name.strip_prefix(&prefix).filter(|upstream| !upstream.contains('/'));
            if let Some(upstream) =
                upstream.filter(|name| !settings.upstreams.iter().any(|one| one.name == *name))
            {
                listener(&Notice::Orphan { upstream: upstream.to_owned() });
            }
        }
        let permits = settings.limits.inflight_bytes.div_ceil(PERMIT);
        let room = || Arc::new(Semaphore::new(permits));
        let tallies = Arc::new(Tallies::new(consumers.len()));
        let lanes = lane::recall(&journal, &settings.name, &consumers, &tallies);
        Ok(Self {
            known: teacher.known(),
            teacher,
            lanes,
            tallies,
            upstreams: upstreams?,
            counts: Counts::new(consumers.len()),
            consumers,
            unhurried: Arc::default(),
            room: room(),
            replay_room: room(),
            listener,
            chance: AtomicU64::new(u64::try_from(clock().get()).unwrap_or(1) | 1),
            clock,
            settings,
            journal,
        })
    }

    pub(crate) fn lane(&self, number: LaneNumber) -> &Lane {
        let lane = self.lanes.get(number.index()).or_else(|| self.lanes.first());
        lane.unwrap_or_else(|| unreachable!("there is a lane for every number"))
    }

    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.listener)(notice);
    }

    pub(crate) fn chance(&self) -> u64 {
        // Two threads that meet here get the same number: it only spreads load.
        let next = chance::next(self.chance.load(Ordering::Relaxed));
        self.chance.store(next, Ordering::Relaxed);
        next
    }

    /// Pauses before a write is sent again.
    pub(crate) fn backoff(&self) -> Backoff {
        let replay = &self.settings.replay;
        Backoff::new(replay.backoff_initial, replay.backoff_max, self.chance())
    }

    /// The name of a write, by which anybody can ask for it.
    pub(crate) fn write_id(&self, lane: LaneNumber, seq: Seq) -> String {
        crate::id::WriteId { journal: self.journal.id(), lane, seq }.to_string()
    }

    /// The key that a write has whenever it is sent, if its client gave it none.
    pub(crate) fn idempotency_key(&self, lane: LaneNumber, seq: Seq) -> HeaderValue {
        let key = format!("seawall-{}-{}-{seq}", self.journal.id(), lane.get());
        HeaderValue::from_str(&key).unwrap_or_else(|_| HeaderValue::from_static("seawall"))
    }

    /// A server was checked just now.
    pub(crate) fn checked(&self, number: usize) {
        if let Some(upstream) = self.upstreams.get(number) {
            upstream.checked.store((self.clock)().get(), Ordering::Relaxed);
        }
    }

    /// A write with a key that no other one has, whatever key its client gave it.
    pub(crate) fn keyed(&self, call: &Call, (lane, seq): (LaneNumber, Seq)) -> Call {
        let mut call = call.clone();
        call.head.headers.insert(IDEMPOTENCY_KEY, self.idempotency_key(lane, seq));
        call
    }

    pub(crate) fn upstream_answered(&self, number: usize) {
        if let Some(upstream) = self.upstreams.get(number) {
            upstream.circuit.succeeded();
        }
    }
}

/// Refuses names that would make the streams or positions of one those of another, and servers that cannot be.
fn check(settings: &Settings) -> Result<(), StartError> {
    let is_name = |name: &str| !name.is_empty() && !name.contains('/');
    let name = settings.name.clone();
    if !is_name(&name) {
        return Err(StartError::Name(name));
    }
    let count = settings.upstreams.len();
    let is_fed = settings.upstreams.first().is_some_and(|first| first.feed == Feed::Journal);
    if !is_fed || count > MOST_SERVERS {
        return Err(StartError::Servers { name, count, most: MOST_SERVERS });
    }
    let mut names: Vec<&str> = settings.upstreams.iter().map(|server| server.name.as_str()).collect();
    names.sort_unstable();
    if let Some(bad) = names.iter().find(|name| !is_name(name)) {
        return Err(StartError::Name((*bad).to_owned()));
    }
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let name = pair.first().copied().unwrap_or_default().to_owned();
            Err(StartError::Server { name, cause: "there are two of this name".to_owned() })
        }
        None => Ok(()),
    }
}

impl Core {
    pub(crate) fn new(shared: &Arc<Shared>) -> Arc<Self> {
        let keep = shared.settings.times.idle;
        let route = |upstream: &Arc<Upstream>| Route {
            upstream: Arc::clone(upstream),
            pool: Arc::new(Pool::new(keep)),
        };
        Arc::new(Self { shared: Arc::clone(shared), routes: shared.upstreams.iter().map(route).collect() })
    }

    /// Sends what was pending when the process began.
    pub(crate) fn take_up(self: &Arc<Self>) {
        for lane in self.shared.lanes() {
            lane::start(self, lane.number, lane.starts());
        }
    }

    /// A server did not answer a request or a check.
    pub(crate) fn upstream_failed(self: &Arc<Self>, number: usize, cause: &str) {
        let Some(upstream) = self.shared.upstreams.get(number) else { return };
        if upstream.circuit.failed() != Change::Lost {
            return;
        }
        self.shared.tell(&Notice::Lost { upstream: upstream.name().to_owned(), cause: cause.to_owned() });
        for lane in self.shared.lanes() {
            lane::start(self, lane.number, lane.lose(number));
        }
    }

    /// A check of a server went well.
    pub(crate) fn upstream_is_there(self: &Arc<Self>, number: usize) {
        let Some(upstream) = self.shared.upstreams.get(number) else { return };
        if upstream.circuit.close() != Change::Back {
            return;
        }
        let pending = self.shared.tallies.backlog(number);
        self.shared.tell(&Notice::Back { upstream: upstream.name().to_owned(), pending });
        for lane in self.shared.lanes() {
            lane::start(self, lane.number, lane.come_back(number));
        }
    }
}
