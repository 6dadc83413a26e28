//! The sink `http`: a POST for each batch, and any answer of 2xx says that the server has it.

mod body;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue};

use super::beside::Beside;
use super::{Sending, Sink};
use crate::address::encoded;
use crate::client::{Client, Post, Reply, said};
use crate::{Address, Answer, Batch, RetryAfter, StartError, Times, Trust};

/// How events are written into a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object for the batch.
    Json,
    /// One JSON object for each event, in a line of its own.
    Lines,
    /// What is in the event and nothing else: one event for each request.
    Raw,
}

/// Whether bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// They are not.
    None,
    /// With Zstandard, which the server has to know.
    Zstd,
}

/// A server of HTTP.
pub struct Http {
    client: Client,
    beside: Beside,
    form: Form,
    packing: Packing,
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STREAM: HeaderName = HeaderName::from_static("seawall-stream");
const SEQ: HeaderName = HeaderName::from_static("seawall-seq");
const TIME: HeaderName = HeaderName::from_static("seawall-time");

/// Bytes of an answer that are read: what it says is shown to people, and the rest frees the connection.
const MOST_ANSWER: usize = 64 << 10;

/// Of Zstandard: the fastest, as for archives.
const LEVEL: i32 = 1;

impl Http {
    /// A server at an address. Nothing is sent yet.
    pub fn new(
        address: Address,
        (trust, times): (&Trust, Times),
        beside: Beside,
        (form, packing): (Form, Packing),
    ) -> Result<Self, StartError> {
        Ok(Self { client: Client::new(address, trust, times)?, beside, form, packing })
    }

    fn post(&self, batch: &Batch) -> Result<Post, Answer> {
        let mut headers = self.beside.headers().map_err(Answer::Absent)?;
        let mut set = |name: HeaderName, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|error| Answer::Unfit(error.to_string()))?;
            headers.insert(name, value);
            Ok::<(), Answer>(())
        };
        set(IDEMPOTENCY_KEY, &batch.key())?;
        set(STREAM, &encoded(&batch.stream))?;
        let (kind, bytes) = match self.form {
            Form::Json => ("application/json", body::object(batch)),
            Form::Lines => ("application/x-ndjson", body::lines(batch)),
            Form::Raw => {
                let event =
                    batch.events.first().ok_or_else(|| Answer::Unfit("it has no event".to_owned()))?;
                set(SEQ, &event.seq.to_string())?;
                set(TIME, &body::time(event.time))?;
                ("application/octet-stream", event.payload.clone())
            }
        };
        set(CONTENT_TYPE, kind)?;
        let bytes = match self.packing {
            Packing::None => bytes,
            Packing::Zstd => {
                set(CONTENT_ENCODING, "zstd")?;
                let packed = zstd::bulk::compress(&bytes, LEVEL);
                packed.map_err(|error| Answer::Unfit(format!("it cannot be compressed: {error}")))?
            }
        };
        let target = self.client.address.target_for(&batch.stream);
        Ok(Post { target, headers, body: Bytes::from(bytes) })
    }
}

impl Sink for Http {
    fn place(&self) -> String {
        self.client.address.to_string()
    }

    fn most_events(&self) -> usize {
        match self.form {
            Form::Json | Form::Lines => usize::MAX,
            Form::Raw => 1,
        }
    }

    fn send<'a>(&'a self, batch: &'a Batch) -> Sending<'a> {
        Box::pin(async move {
            let post = match self.post(batch) {
                Ok(post) => post,
                Err(answer) => return answer,
            };
            match self.client.post(post, MOST_ANSWER).await {
                Ok(reply) => answer(&reply),
                Err(none) => none.into(),
            }
        })
    }
}

/// What a reply of HTTP says.
pub(super) fn answer(reply: &Reply) -> Answer {
    if reply.status.is_success() {
        return Answer::Taken;
    }
    let wait = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Answer::Status {
        status: reply.status.as_u16(),
        retry_after: wait.and_then(RetryAfter::parse),
        said: said(&reply.body),
    }
}
