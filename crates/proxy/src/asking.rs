//! What a server has to be sent, and what has to be asked of it before that is known.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::call::{Answer, Call};
use crate::core::Shared;
use crate::dialect::{Asked, Outbound};
use crate::head::strip;
use crate::upstream::{Arrival, Attempt, Doubt, Outgoing, Route, says_absent, send, send_afresh};

/// Questions for one request. A dialect needs one; what it learned from that may be gone the moment after.
const QUESTIONS: u32 = 3;

/// How a server gets a call. Otherwise the server is absent: why.
pub(crate) async fn outbound(shared: &Shared, route: &Route, call: &Call) -> Result<Outbound, String> {
    let (dialect, name) = (&shared.settings.dialect, route.upstream.name());
    for _ in 0..QUESTIONS {
        let outbound = dialect.outbound(call, name, &shared.known);
        let Outbound::Ask(question) = outbound else { return Ok(outbound) };
        let answer = match ask(shared, route, &question).await? {
            Heard::Answer(answer) => answer,
            Heard::NotYet(cause) => return Ok(Outbound::NotYet(cause)),
        };
        match dialect.asked(call, name, &answer, &shared.known) {
            Asked::Learned(lessons) if lessons.is_empty() => break,
            Asked::Learned(_) => {
                let lessons = || match dialect.asked(call, name, &answer, &shared.known) {
                    Asked::Learned(lessons) => lessons,
                    Asked::Instead(_) => Vec::new(),
                };
                if let Err(error) = shared.teacher.teach(lessons).await {
                    return Ok(Outbound::NotYet(format!("what {name} answered could not be kept: {error}")));
                }
            }
            Asked::Instead(outbound) => return Ok(outbound),
        }
    }
    Ok(Outbound::NotYet(format!("{name} did not say what has to be known first")))
}

/// What came of a question to a server that is there.
enum Heard {
    Answer(Answer),
    NotYet(String),
}

async fn ask(shared: &Shared, route: &Route, question: &Call) -> Result<Heard, String> {
    let times = &shared.settings.times;
    let outgoing = || Outgoing { head: &question.head, key: None, body: Body::EMPTY };
    let attempt = match send(route, outgoing(), times.request).await {
        // Most often the server has closed an idle connection just then.
        Attempt::Unknown(doubt) if doubt.is_broken => send_afresh(route, outgoing(), times.request).await,
        other => other,
    };
    match attempt {
        Attempt::Answered(response) => {
            let status = response.status();
            let said = || format!("it answered {status} when it was asked for {}", question.head.path());
            if says_absent(status) {
                return Err(said());
            }
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                return Ok(Heard::NotYet(said()));
            }
            whole(shared, response).await.map(Heard::Answer)
        }
        Attempt::Absent(cause, _) | Attempt::Unknown(Doubt { cause, .. }) => Err(cause),
    }
}

async fn whole(shared: &Shared, response: Response<Arrival>) -> Result<Answer, String> {
    let settings = &shared.settings;
    let (mut parts, body) = response.into_parts();
    strip(&mut parts.headers);
    let body = Body::arriving(body, settings.times.stall).collect(settings.limits.body_bytes).await;
    let body: Bytes = body.map_err(|error| format!("its answer cannot be used: {error}"))?;
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}
