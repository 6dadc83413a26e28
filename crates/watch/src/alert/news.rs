//! What is told about a target: that it is in trouble, or that it no longer is.

use std::time::Duration;

use crate::Severity;

/// News about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Which one.
    pub key: Key,
    /// What is with it.
    pub state: State,
}

/// What news are about. News with the same key are about the same trouble.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The log, the journal, or `proxy/server`.
    pub target: String,
    /// What about it.
    pub topic: Topic,
}

/// How it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is trouble.
    Trouble(Trouble),
    /// There is none, or no longer.
    Well,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// After this it counts as over unless it is told again; nothing if it lasts until its end is told.
    pub lasts: Option<Duration>,
}

/// What news can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// How well a log is.
    Health,
    /// A checkpoint that failed, or did not help.
    Checkpoint,
    /// Somebody should think about a restart of a log's server.
    RestartConsideration,
    /// A restart that failed, or did not help.
    Restart,
    /// A log is damaged.
    Damage,
    /// A log will be critical, or its disk full.
    Forecast,
    /// A server behind a proxy is gone.
    Upstream,
    /// Writes wait for a server behind a proxy.
    Pending,
    /// Events, or writes, were put aside.
    Parked,
    /// A journal takes no more.
    Journal,
    /// A ship delivers nothing, or not from all streams.
    Delivery,
    /// A server refuses the event at the head of a stream, which waits.
    Blocked,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 12] = [
        Topic::Health,
        Topic::Checkpoint,
        Topic::RestartConsideration,
        Topic::Restart,
        Topic::Damage,
        Topic::Forecast,
        Topic::Upstream,
        Topic::Pending,
        Topic::Parked,
        Topic::Journal,
        Topic::Delivery,
        Topic::Blocked,
    ];

    /// Whether it is about a log under watch.
    pub const fn is_of_a_log(self) -> bool {
        matches!(
            self,
            Topic::Health
                | Topic::Checkpoint
                | Topic::RestartConsideration
                | Topic::Restart
                | Topic::Damage
                | Topic::Forecast
        )
    }

    /// The word in configurations and in JSON. Those of events are the events' own.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Health => "wal.health",
            Topic::Checkpoint => "wal.checkpoint",
            Topic::RestartConsideration => "wal.restart_consideration",
            Topic::Restart => "wal.restart",
            Topic::Damage => "wal.damage",
            Topic::Forecast => "wal.forecast",
            Topic::Upstream => "proxy.upstream",
            Topic::Pending => "proxy.pending",
            Topic::Parked => "parked",
            Topic::Journal => "journal",
            Topic::Delivery => "ship.delivery",
            Topic::Blocked => "ship.blocked",
        }
    }
}

impl News {
    /// There is trouble that lasts until its end is told.
    pub fn trouble(target: &str, topic: Topic, severity: Severity, message: String) -> Self {
        let trouble = Trouble { severity, message, advice: None, lasts: None };
        Self { key: Key { target: target.to_owned(), topic }, state: State::Trouble(trouble) }
    }

    /// There is no trouble, or no longer.
    pub fn well(target: &str, topic: Topic) -> Self {
        Self { key: Key { target: target.to_owned(), topic }, state: State::Well }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        if let State::Trouble(trouble) = &mut self.state {
            trouble.advice = Some(advice.into());
        }
        self
    }

    /// The same, over by itself after so long.
    #[must_use]
    pub fn for_now(mut self, lasts: Duration) -> Self {
        if let State::Trouble(trouble) = &mut self.state {
            trouble.lasts = Some(lasts);
        }
        self
    }
}
