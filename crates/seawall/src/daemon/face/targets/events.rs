//! The stream of what happens, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::watch::Receiver;
use tokio::time::timeout;
use watch::Event;

use super::objects;
use crate::daemon::Phase;
use crate::daemon::face::Face;
use crate::daemon::face::answer::{Answer, Refusal};
use crate::daemon::face::dispatch::{Call, bad_query};

/// Those who may listen at once.
pub(in crate::daemon::face) const MOST_LISTENERS: usize = 64;

/// How long nothing may be said: proxies cut what is silent for longer, and who is gone is noticed by then.
const SILENCE: Duration = Duration::from_secs(15);

/// Answers with what happened since, and with what happens as long as somebody listens.
pub(super) fn answer(face: &Arc<Face>, call: &Call) -> Result<Answer, Refusal> {
    let Ok(place) = Arc::clone(&face.listening).try_acquire_owned() else {
        let message = format!("{MOST_LISTENERS} are listening, which are the most");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(10));
    };
    let newest = face.watch.bus().newest();
    let heard =
        match call.headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok())) {
            Some(Some(seq)) => Some(seq),
            Some(None) => return Err(bad_query("Last-Event-ID has to be the number of an event")),
            None => call.number("since")?,
        };
    let heard = heard.unwrap_or(*newest.borrow());
    let (tell, told) = channel(8);
    let teller =
        Teller { face: Arc::clone(face), target: call.query("target").map(str::to_owned), heard, tell };
    tokio::spawn(async move {
        teller.run(newest).await;
        drop(place);
    });
    Ok(Answer::growing("text/event-stream", told))
}

/// Tells one listener.
struct Teller {
    face: Arc<Face>,
    target: Option<String>,
    /// The number of the last event that was looked at.
    heard: u64,
    tell: Sender<Bytes>,
}

impl Teller {
    async fn run(mut self, mut newest: Receiver<u64>) {
        let mut phase = self.face.phase.clone();
        // Whoever connects knows by this that it listens, before anything happens.
        if self.tell.send(Bytes::from_static(b": listening\n\n")).await.is_err() {
            return;
        }
        loop {
            newest.mark_unchanged();
            if self.catch_up().await.is_none() {
                return;
            }
            let woken = tokio::select! {
                woken = timeout(SILENCE, newest.changed()) => woken,
                _ = phase.wait_for(|phase| *phase == Phase::Draining) => return,
                () = self.tell.closed() => return,
            };
            let still_here = Bytes::from_static(b": still here\n\n");
            let is_heard = match woken {
                Ok(changed) => changed.is_ok(),
                Err(_) => self.tell.send(still_here).await.is_ok(),
            };
            if !is_heard {
                return;
            }
        }
    }

    /// Tells what happened since; nothing if nobody listens any more.
    async fn catch_up(&mut self) -> Option<()> {
        // A number that is not there yet was heard from a daemon before this one: its events begin anew.
        let newest = *self.face.watch.bus().newest().borrow();
        if self.heard > newest {
            self.heard = 0;
        }
        let events = self.face.watch.bus().since(self.heard);
        if let Some(first) = events.first().filter(|first| first.seq > self.heard + 1) {
            let lost = json!({"from": self.heard + 1, "to": first.seq - 1});
            self.tell.send(format!("event: gap\ndata: {lost}\n\n").into()).await.ok()?;
        }
        for event in events {
            self.heard = event.seq;
            if self.target.as_ref().is_none_or(|target| *target == event.target) {
                self.tell.send(line(&event).into()).await.ok()?;
            }
        }
        Some(())
    }
}

fn line(event: &Event) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.what.name(), objects::event(event))
}
