//! Where letters leave: for each channel a desk and a task that carries its letters, one after the other.
//!
//! News are told from any thread and hold nobody up: the desks change at once, and the tasks are woken. What they know is kept
//! over a restart, but for servers behind proxies: whether one of these is back, a new start does not hear. A letter that a
//! kill has cut off is sent again.

mod kept;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use formats::UnixTime;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::Shelf;
use crate::alert::{Channel, Desk, Key, Letter, Lost, News, Rules, State, Stationery, Tally, Verdict};

/// Who sends letters, and how.
#[derive(Debug)]
pub struct Sender {
    /// Its name.
    pub name: String,
    /// The way.
    pub channel: Channel,
    /// How letters read.
    pub paper: Stationery,
    /// What is told.
    pub rules: Rules,
}

/// What became of a letter, for whoever logs.
#[derive(Debug)]
pub enum Telling<'a> {
    /// It was taken.
    Delivered {
        /// By whom.
        alert: &'a str,
        /// The letter.
        letter: &'a Letter,
    },
    /// It is tried again.
    Failed {
        /// By whom it was not taken.
        alert: &'a str,
        /// The letter.
        letter: &'a Letter,
        /// Why.
        reason: &'a str,
    },
    /// It was given up.
    Lost {
        /// By whom it was not taken.
        alert: &'a str,
        /// What, and why.
        lost: Lost,
    },
}

/// How one of the senders stands.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// The kind of its channel.
    pub kind: &'static str,
    /// What was counted.
    pub tally: Tally,
    /// Troubles that it knows of.
    pub firing: usize,
    /// Letters that wait.
    pub waiting: usize,
}

pub(super) use kept::is_kept;

/// Tells the time.
type Now = fn() -> UnixTime;

/// Hears what became of letters.
type Listener = Box<dyn Fn(&Telling<'_>) + Send + Sync>;

/// The longest sleep: a clock may be set meanwhile.
const NAP: Duration = Duration::from_mins(1);

/// Troubles that are remembered for senders that come later.
const MOST: usize = 1_000;

/// All senders.
pub struct Office {
    tools: Arc<Tools>,
    runtime: Handle,
}

/// What all tasks work with.
struct Tools {
    now: Now,
    listener: Listener,
    is_ending: AtomicBool,
    posts: Mutex<Vec<Post>>,
    /// What is so, for senders that come later.
    board: Mutex<BTreeMap<Key, News>>,
    shelf: Shelf,
    /// What was kept last, and what senders knew before the start.
    kept: Mutex<(String, BTreeMap<String, Desk>)>,
}

/// One sender.
struct Post {
    name: String,
    kind: &'static str,
    counter: Arc<Counter>,
    /// Taken when it is waited for.
    task: Option<JoinHandle<()>>,
}

impl Post {
    fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Where news meet letters.
struct Counter {
    desk: Mutex<Desk>,
    bell: Notify,
}

impl Office {
    /// Opens, on the runtime that this is called on, with what the shelf has kept.
    pub fn open(senders: &[Arc<Sender>], (now, shelf): (Now, Shelf), listener: Listener) -> Self {
        let (board, desks) = shelf.alerts(|file| kept::recall(senders, (file, now()))).unwrap_or_default();
        let (posts, board, kept) = (Mutex::default(), Mutex::new(board), Mutex::new((String::new(), desks)));
        let is_ending = AtomicBool::new(false);
        let tools = Arc::new(Tools { now, listener, is_ending, posts, board, shelf, kept });
        let office = Self { tools, runtime: Handle::current() };
        office.adopt(senders);
        office
    }

    /// Tells news to all whom they concern.
    pub fn tell(&self, news: &News) {
        let now = (self.tools.now)();
        let mut board = hold(&self.tools.board);
        match &news.state {
            State::Well => {
                board.remove(&news.key);
            }
            State::Trouble(trouble) if trouble.lasts.is_none() && board.len() < MOST => {
                board.insert(news.key.clone(), news.clone());
            }
            State::Trouble(_) => {}
        }
        // Under the lock of the board, so that a sender that comes now hears of everything once.
        for post in hold(&self.tools.posts).iter() {
            hold(&post.counter.desk).hear(news, now);
            post.counter.bell.notify_one();
        }
        drop(board);
        self.tools.keep();
    }

    /// What is so, but for what ends by itself.
    pub fn troubles(&self) -> Vec<Key> {
        hold(&self.tools.board).keys().cloned().collect()
    }

    /// Takes other senders. One with the name of an old one takes its place, and knows what that has told.
    pub fn adopt(&self, senders: &[Arc<Sender>]) {
        let now = (self.tools.now)();
        let board = hold(&self.tools.board);
        let mut posts = hold(&self.tools.posts);
        let mut old = std::mem::take(&mut *posts);
        for sender in senders {
            let before = old.iter().position(|post| post.name == sender.name).map(|at| old.swap_remove(at));
            let counter = match &before {
                Some(post) if post.kind == sender.channel.kind() => Arc::clone(&post.counter),
                _ => {
                    let known = hold(&self.tools.kept).1.remove(&sender.name);
                    let desk = known.unwrap_or_else(|| Desk::new(sender.rules.clone()));
                    Arc::new(Counter { desk: Mutex::new(desk), bell: Notify::new() })
                }
            };
            before.inspect(Post::abort);
            let mut desk = hold(&counter.desk);
            desk.rule(sender.rules.clone());
            // To tell again what is told already does no harm.
            board.values().for_each(|news| desk.hear(news, now));
            drop(desk);
            posts.push(self.post(Arc::clone(sender), counter));
        }
        old.iter().for_each(Post::abort);
        drop((board, posts));
        self.tools.keep();
    }

    fn post(&self, sender: Arc<Sender>, counter: Arc<Counter>) -> Post {
        let (name, kind) = (sender.name.clone(), sender.channel.kind());
        let task = carry(sender, Arc::clone(&counter), Arc::clone(&self.tools));
        Post { name, kind, counter, task: Some(self.runtime.spawn(task)) }
    }

    /// How all of them stand.
    pub fn figures(&self) -> Vec<Figures> {
        let now = (self.tools.now)();
        let figures = |post: &Post| {
            let desk = hold(&post.counter.desk);
            let (tally, firing, waiting) = (desk.tally(), desk.firing(), desk.waiting(now));
            Figures { name: post.name.clone(), kind: post.kind, tally, firing, waiting }
        };
        hold(&self.tools.posts).iter().map(figures).collect()
    }

    /// Sends what can be sent at once, and ends. Letters to receivers that do not answer are not waited for.
    pub async fn end(&self, patience: Duration) {
        self.tools.is_ending.store(true, Ordering::Relaxed);
        let tasks: Vec<_> = hold(&self.tools.posts)
            .iter_mut()
            .filter_map(|post| {
                post.counter.bell.notify_one();
                post.task.take()
            })
            .collect();
        let all = async {
            for mut task in tasks {
                if timeout(patience, &mut task).await.is_err() {
                    task.abort();
                }
            }
        };
        // Each waits for itself, and all of them together no longer than one.
        timeout(patience, all).await.ok();
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        hold(&self.tools.posts).iter().for_each(Post::abort);
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

async fn carry(sender: Arc<Sender>, counter: Arc<Counter>, tools: Arc<Tools>) {
    loop {
        let now = (tools.now)();
        let letter = hold(&counter.desk).due(now);
        if let Some(letter) = letter {
            let verdict = sender.channel.send(&letter, &sender.paper, now).await;
            let lost = hold(&counter.desk).settle(verdict.clone(), (tools.now)());
            tools.keep();
            tell(&tools, &sender.name, (&letter, verdict), lost);
            continue;
        }
        if tools.is_ending.load(Ordering::Relaxed) {
            return;
        }
        let next = hold(&counter.desk).next(now);
        let nap = next.map_or(NAP, |next| {
            Duration::try_from_secs_f64(next.seconds_since(now)).unwrap_or_default().min(NAP)
        });
        tokio::select! {
            () = counter.bell.notified() => {}
            () = sleep(nap) => {}
        }
    }
}

fn tell(tools: &Tools, alert: &str, (letter, verdict): (&Letter, Verdict), lost: Option<Lost>) {
    let telling = match (lost, &verdict) {
        (Some(lost), _) => Telling::Lost { alert, lost },
        (None, Verdict::Delivered { .. }) => Telling::Delivered { alert, letter },
        (None, Verdict::Retry { reason, .. } | Verdict::Refused { reason }) => {
            Telling::Failed { alert, letter, reason }
        }
    };
    (tools.listener)(&telling);
}

/// Nothing in there can be left half done.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
