//! What the proxy knows about one API: which requests read, which write, which writes have an order, and how a request
//! or an answer differs from one upstream to the next.
//!
//! Everything here is a pure function of a request, an answer, and what is [`Known`]. What a dialect learns it returns as
//! [`Lesson`]s. The proxy makes them durable before it settles the write that they came from, so that no crash leaves a
//! write applied and its lesson lost.

mod chroma;
mod plain;

pub use chroma::Chroma;
pub use plain::{LaneRule, Plain};

use crate::call::{Answer, Call, Head};
use crate::known::{Known, Lesson};

/// One API.
pub trait Dialect: Send + Sync + 'static {
    /// Its name, as it is configured.
    fn name(&self) -> &'static str;

    /// The path that is asked to find out whether an upstream is there.
    fn probe(&self) -> &str;

    /// What kind of request this is. It is asked before the body is there.
    fn class(&self, head: &Head, known: &Known) -> Class;

    /// Which lane a write belongs to.
    fn lane(&self, call: &Call, known: &Known) -> LaneKey;

    /// The request as this upstream has to get it.
    fn outbound(&self, call: &Call, upstream: &str, known: &Known) -> Outbound {
        let _ = (call, upstream, known);
        Outbound::AsItIs
    }

    /// What the answer to the question of an [`Outbound::Ask`] says about the call that it was asked for.
    fn asked(&self, call: &Call, upstream: &str, answer: &Answer, known: &Known) -> Asked {
        let _ = (call, upstream, answer, known);
        Asked::Instead(Outbound::AsItIs)
    }

    /// Whether the answer's body has to be there as a whole for [`Dialect::inbound`] and [`Dialect::learn`]. Otherwise it
    /// is streamed, and they are not called.
    fn interest(&self, head: &Head) -> Interest {
        let _ = head;
        Interest::None
    }

    /// An upstream's answer as the client has to get it.
    fn inbound(&self, call: &Call, upstream: &str, answer: Answer, known: &Known) -> Answer {
        let _ = (call, upstream, known);
        answer
    }

    /// What an answer of an upstream teaches: a successful one, to a write or a read, and one by which a write
    /// [had been applied](Dialect::had_been_applied). It is asked before [`Dialect::inbound`]. The `Idempotency-Key` of a
    /// write is then its own, here and in [`Dialect::promise`], whatever its client has sent.
    fn learn(&self, call: &Call, upstream: &str, answer: &Answer, known: &Known) -> Vec<Lesson> {
        let _ = (call, upstream, answer, known);
        Vec::new()
    }

    /// Whether an answer to a write that is sent again means that the write had been there before: a collection that
    /// exists, a record that is gone. It is asked where there is [interest](Dialect::interest) in the body.
    fn had_been_applied(&self, call: &Call, answer: &Answer) -> Before {
        let _ = (call, answer);
        Before::No
    }

    /// What to answer when no upstream can: to a write that was queued, or to a read of what is promised. Nothing: a
    /// queued write is answered with 202, and a read with 503.
    fn promise(&self, call: &Call, known: &Known) -> Option<Promise> {
        let _ = (call, known);
        None
    }
}

/// What kind of request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// It changes nothing and goes to one upstream.
    Read(Reach, Carriage),
    /// It is journaled, and goes to all upstreams.
    Write,
    /// It is answered with an error.
    Refused(Refusal),
}

/// What a read may see, and so which writes an upstream has to have applied to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What the writes of one lane make.
    Lane(LaneKey),
    /// Anything.
    Everything,
}

/// How the body of a read travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// As it comes. [`Dialect::outbound`] sees it empty, and may change the head alone.
    Streamed,
    /// As a whole, up to the limit of bodies.
    Whole,
}

/// The name of a lane. Writes of a lane are applied in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey(String);

impl LaneKey {
    /// The lane of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status, 400 to 599.
    pub status: http::StatusCode,
    /// A word for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// How an upstream gets a request.
#[derive(Clone, Debug)]
pub enum Outbound {
    /// As the client sent it.
    AsItIs,
    /// Like this.
    Rewritten(Box<Call>),
    /// First this, which reads; [`Dialect::asked`] says how to go on.
    Ask(Box<Call>),
    /// Not now: what it needs is not known yet. It is tried again, as if the upstream were not there.
    NotYet(String),
    /// Never: what it needs will not come. It is parked, for this reason.
    Never(String),
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Asked {
    /// This is known now, and [`Dialect::outbound`] has all that it needs.
    Learned(Vec<Lesson>),
    /// The upstream gets the request like this. It is no other question.
    Instead(Outbound),
}

/// Whether an answer's body matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// It is passed on as it comes.
    None,
    /// It is read as a whole first.
    Body,
}

/// Whether a write had been applied before it was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It had: the write is settled as delivered.
    Applied,
    /// It had not: the answer counts by its status.
    No,
}

/// An answer that no upstream gave.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What the client gets.
    pub answer: Answer,
    /// What has to be durable before it does.
    pub lessons: Vec<Lesson>,
}
