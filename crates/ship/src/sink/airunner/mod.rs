//! The sink `airunner`: `job.v1.JobEventsService/PublishJobEvents` in the Connect protocol, with protobuf, over HTTP/1.1.
//!
//! The call is a stream of requests that has one response. Each batch is a call of its own, with one request: nothing in
//! the protocol says of an open stream which of its messages have arrived. The server has the events once the stream of
//! the response has ended without an error; a status of 200 alone says nothing.
//!
//! An event is a `job.v1.JobEvent` in protobuf, as job logs hold it, and is passed on as it is. One that is no protobuf
//! at all is never sent.

mod envelope;
mod message;

use std::path::PathBuf;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use journal::archive::file_stem;

use super::beside::{Beside, Secret};
use super::http::answer;
use super::{Sending, Sink};
use crate::client::{Client, Post, Reply};
use crate::{Address, Answer, Batch, StartError, Times, Trust};

/// A server that runs jobs.
pub struct Airunner {
    client: Client,
    beside: Beside,
    tasks: TaskTokens,
}

/// The word by which the server knows a job.
#[derive(Clone, Debug)]
pub enum TaskTokens {
    /// One for all streams.
    One(Secret),
    /// A file for each stream in a directory, called as the stream's archive is, with `.token` at its end.
    Folder(PathBuf),
}

/// The route of the call.
const ROUTE: &str = "/job.v1.JobEventsService/PublishJobEvents";

const CONTENT: &str = "application/connect+proto";
const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");

/// Bytes of an answer that are read.
const MOST_ANSWER: usize = 1 << 20;

impl Airunner {
    /// A server at an address, of which the path is what stands before the route. Nothing is sent yet.
    pub fn new(
        address: Address,
        (trust, times): (&Trust, Times),
        beside: Beside,
        tasks: TaskTokens,
    ) -> Result<Self, StartError> {
        let target = format!("{}{ROUTE}", address.target.trim_end_matches('/'));
        let client = Client::new(Address { target, ..address }, trust, times)?;
        Ok(Self { client, beside, tasks })
    }

    fn post(&self, batch: &Batch) -> Result<Post, Answer> {
        let token = self.tasks.of(&batch.stream).map_err(Answer::Unfit)?;
        if let Some(event) = batch.events.iter().find(|event| !message::is_message(&event.payload)) {
            return Err(Answer::Unfit(format!("event {} is no protobuf, so it is no JobEvent", event.seq)));
        }
        let request = message::publish(&token, batch.events.iter().map(|event| event.payload.as_slice()));
        let body = envelope::message(&request).map_err(Answer::Unfit)?;
        let mut headers = self.beside.headers().map_err(Answer::Absent)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        headers.insert(VERSION, HeaderValue::from_static("1"));
        Ok(Post { target: self.client.address.target_for(&batch.stream), headers, body: Bytes::from(body) })
    }
}

impl TaskTokens {
    fn of(&self, stream: &str) -> Result<String, String> {
        match self {
            Self::One(secret) => secret.read(),
            Self::Folder(folder) => Secret::File(folder.join(format!("{}.token", file_stem(stream)))).read(),
        }
    }
}

impl Sink for Airunner {
    fn place(&self) -> String {
        self.client.address.to_string()
    }

    fn send<'a>(&'a self, batch: &'a Batch) -> Sending<'a> {
        Box::pin(async move {
            let post = match self.post(batch) {
                Ok(post) => post,
                Err(answer) => return answer,
            };
            match self.client.post(post, MOST_ANSWER).await {
                Ok(reply) => understood(&reply),
                Err(none) => none.into(),
            }
        })
    }
}

/// What a reply says. One that is not of the protocol comes from something that stands before the server.
fn understood(reply: &Reply) -> Answer {
    if !reply.status.is_success() {
        return answer(reply);
    }
    let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind != CONTENT {
        return Answer::Silent(format!("the answer is of the type {kind:?} and not of the Connect protocol"));
    }
    match envelope::ending(&reply.body) {
        Ok(None) => Answer::Taken,
        Ok(Some(error)) => error.answer(),
        Err(cause) => Answer::Silent(format!("the answer is not of the Connect protocol: {cause}")),
    }
}
