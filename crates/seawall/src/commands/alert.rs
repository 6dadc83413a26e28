//! `seawall alert`: who is told of trouble, and whether that works.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Builder;
use watch::Severity;
use watch::alert::{Endings, Key, Letter, Occasion, Sender, Topic, Verdict};

use crate::cli::{Alerting, ConfigFile, Form, ListAlertsArgs, TestAlertArgs};
use crate::clock;
use crate::commands::config::{self, Search};
use crate::exit::Exit;
use crate::failure::{DaemonFailure, Failure};
use crate::json;
use crate::show::{self, Screen};

/// Does what was asked for.
pub(crate) fn run(what: &Alerting, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match what {
        Alerting::List(args) => list(args, form, screen),
        Alerting::Test(args) => test(args, form, screen),
    }
}

fn senders(file: &ConfigFile) -> Result<Vec<Arc<Sender>>, Failure> {
    Ok(config::load(&config::sources(file, Search::Here))?.alerts)
}

fn list(args: &ListAlertsArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let senders = senders(&args.config)?;
    let object = |sender: &Arc<Sender>| {
        let route = &sender.rules.route;
        json!({
            "name": sender.name,
            "kind": sender.channel.kind(),
            "place": sender.channel.place(),
            "events": route.topics.iter().map(|topic| topic.name()).collect::<Vec<_>>(),
            "severity": route.least.name(),
            "targets": route.targets.iter().map(|pattern| pattern.0.as_str()).collect::<Vec<_>>(),
            "reminder_seconds": sender.rules.reminder.map(|reminder| reminder.as_secs()),
            "resolved": sender.rules.endings == Endings::Told,
        })
    };
    match form {
        Form::Json => show::print(&json::lines(senders.iter().map(object)))?,
        Form::Text => show::print(&show::alerts(&senders, screen))?,
    }
    Ok(Exit::Fine)
}

/// An alert that was tried.
pub(crate) struct Tried {
    /// Which one.
    pub(crate) sender: Arc<Sender>,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

impl Tried {
    /// Whether it was taken, and what was said.
    pub(crate) fn outcome(&self) -> (Taken, &str) {
        match &self.verdict {
            Verdict::Delivered { said } => (Taken::Yes, said),
            Verdict::Retry { reason, .. } | Verdict::Refused { reason } => (Taken::No, reason),
        }
    }
}

/// Whether a test was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was.
    Yes,
    /// It was not.
    No,
}

fn test(args: &TestAlertArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let all = senders(&args.config)?;
    let is_meant = |sender: &Arc<Sender>| args.name.as_ref().is_none_or(|name| *name == sender.name);
    let meant: Vec<Arc<Sender>> = all.iter().filter(|sender| is_meant(sender)).cloned().collect();
    if meant.is_empty() {
        let names: Vec<&str> = all.iter().map(|sender| sender.name.as_str()).collect();
        return Err(Failure::Usage(match &args.name {
            Some(name) if !names.is_empty() => {
                format!("no alert is called {name:?}; there is {}", names.join(", "))
            }
            _ => "no alert is configured: write an [[alert]], or set SLACK_WEBHOOK_URL".to_owned(),
        }));
    }
    let tried = try_all(meant)?;
    match form {
        Form::Json => {
            let object = |tried: &Tried| {
                let (taken, said) = tried.outcome();
                let (kind, place) = (tried.sender.channel.kind(), tried.sender.channel.place());
                json!({
                    "name": tried.sender.name,
                    "kind": kind,
                    "place": place,
                    "delivered": taken == Taken::Yes,
                    "answer": said,
                })
            };
            show::print(&json::lines(tried.iter().map(object)))?;
        }
        Form::Text => show::print(&show::tried(&tried, screen))?,
    }
    let is_well = tried.iter().all(|tried| tried.outcome().0 == Taken::Yes);
    Ok(if is_well { Exit::Fine } else { Exit::Failed })
}

/// Tries all of them at once, each once.
fn try_all(senders: Vec<Arc<Sender>>) -> Result<Vec<Tried>, Failure> {
    let system = |source| DaemonFailure::System { what: "what sends", source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(system)?;
    let now = clock::now();
    let tries: Vec<_> = senders
        .into_iter()
        .map(|sender| {
            runtime.spawn(async move {
                let verdict = sender.channel.send(&letter(), &sender.paper, now).await;
                Tried { sender, verdict }
            })
        })
        .collect();
    let done = runtime.block_on(async {
        let mut done = Vec::new();
        for one in tries {
            done.extend(one.await.ok());
        }
        done
    });
    Ok(done)
}

fn letter() -> Letter {
    let now = clock::now();
    Letter {
        key: Key { target: "alert-test".to_owned(), topic: Topic::Health },
        occasion: Occasion::Test,
        severity: Severity::Warning,
        message: "This is a test: nothing is wrong.".to_owned(),
        advice: None,
        since: now,
        at: now,
    }
}
