//! One write on its way to one server: as the dialect has it, with its key, and what is learned from the answer.

use http::{Response, StatusCode};
use journal::{CommitError, Seq};

use super::LaneNumber;
use super::verdict::Sending;
use crate::answer;
use crate::asking;
use crate::body::{Body, NotWhole};
use crate::call::{Answer, Call};
use crate::core::Shared;
use crate::dialect::{Before, Interest, Outbound};
use crate::head::strip;
use crate::settings::Ambiguous;
use crate::upstream::{Arrival, Attempt, Outgoing, Route, send, send_afresh};

/// What became of sending a write.
pub(super) enum Sent {
    Answered(Reply),
    /// It was not sent, and will never be.
    Never(String),
    /// The server is not there.
    Absent(String),
    /// It has to be sent later, for a reason that is not the server's.
    NotYet(String),
    /// The server may have done it.
    Unknown(String),
}

/// A server's answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Whether it says that the write had been there before.
    pub(super) before: Before,
    /// As the client gets it.
    pub(super) response: Response<Body>,
}

/// A write, and where it goes.
pub(super) struct Delivery<'a> {
    pub(super) shared: &'a Shared,
    pub(super) route: &'a Route,
    pub(super) lane: LaneNumber,
    pub(super) track: usize,
    pub(super) seq: Seq,
    pub(super) sending: Sending,
}

impl Delivery<'_> {
    pub(super) async fn send(&self, call: &Call) -> Sent {
        if let Err(error) = self.settle_down(call).await {
            return Sent::NotYet(format!("what was settled before could not be made durable: {error}"));
        }
        let outbound = match asking::outbound(self.shared, self.route, call).await {
            Ok(outbound) => outbound,
            Err(cause) => return Sent::Absent(cause),
        };
        let sent = match &outbound {
            Outbound::AsItIs => call,
            Outbound::Rewritten(other) => other,
            Outbound::Ask(_) => return Sent::NotYet("there is no end of questions".to_owned()),
            Outbound::NotYet(cause) => return Sent::NotYet(cause.clone()),
            Outbound::Never(cause) => return Sent::Never(cause.clone()),
        };
        match self.attempt(sent).await {
            Attempt::Answered(response) => self.understand(call, response).await,
            Attempt::Absent(cause, _) => Sent::Absent(cause),
            Attempt::Unknown(doubt) => Sent::Unknown(doubt.cause),
        }
    }

    /// What was settled is durable before a write is sent that teaches something. Otherwise a start might send what came
    /// before it again, and that would meet what is known after it.
    async fn settle_down(&self, call: &Call) -> Result<(), CommitError> {
        match self.shared.settings.dialect.interest(&call.head) {
            Interest::None => Ok(()),
            Interest::Body => self.shared.teacher.sync().await,
        }
    }

    async fn attempt(&self, call: &Call) -> Attempt {
        let limit = self.shared.settings.times.request;
        let key = self.shared.idempotency_key(self.lane, self.seq);
        let outgoing =
            || Outgoing { head: &call.head, key: Some(&key), body: Body::whole(call.body.clone()) };
        match (send(self.route, outgoing(), limit).await, self.shared.settings.replay.ambiguous) {
            // Most often the server has closed an idle connection just then. It is repeated with its key.
            (Attempt::Unknown(doubt), Ambiguous::Replay) if doubt.is_broken => {
                self.shared.lane(self.lane).doubt(self.track, self.seq);
                match send_afresh(self.route, outgoing(), limit).await {
                    // The first attempt is as doubtful as before.
                    Attempt::Absent(..) => Attempt::Unknown(doubt),
                    other => other,
                }
            }
            (first, _) => first,
        }
    }

    /// What is learned from an answer is durable before the write is settled. If it cannot be, the write is not settled.
    async fn understand(&self, call: &Call, response: Response<Arrival>) -> Sent {
        let dialect = &self.shared.settings.dialect;
        let status = response.status();
        if dialect.interest(&call.head) == Interest::None {
            return Sent::Answered(Reply { status, before: Before::No, response: self.passed_on(response) });
        }
        let answer = match self.whole(response).await {
            Ok(answer) => answer,
            Err(error) => return Sent::Unknown(format!("its answer cannot be used: {error}")),
        };
        let (call, name) = (&self.shared.keyed(call, (self.lane, self.seq)), self.route.upstream.name());
        let before = match self.sending {
            Sending::Asked if !self.is_doubted() => Before::No,
            _ => dialect.had_been_applied(call, &answer),
        };
        if answer.status.is_success() || before == Before::Applied {
            let lessons = || dialect.learn(call, name, &answer, &self.shared.known);
            if let Err(error) = self.shared.teacher.teach(lessons).await {
                self.shared.lane(self.lane).doubt(self.track, self.seq);
                return Sent::NotYet(format!("what {name} answered could not be kept: {error}"));
            }
        }
        let response = answer::whole(dialect.inbound(call, name, answer, &self.shared.known));
        Sent::Answered(Reply { status, before, response })
    }

    /// Whether an attempt before this one may have been applied.
    fn is_doubted(&self) -> bool {
        self.shared.lane(self.lane).standing(self.track).doubt == Some(self.seq)
    }

    fn passed_on(&self, response: Response<Arrival>) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        strip(&mut parts.headers);
        Response::from_parts(parts, Body::arriving(body, self.shared.settings.times.stall))
    }

    async fn whole(&self, response: Response<Arrival>) -> Result<Answer, NotWhole> {
        let (parts, body) = self.passed_on(response).into_parts();
        let body = body.collect(self.shared.settings.limits.body_bytes).await?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}
