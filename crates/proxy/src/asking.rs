//! What a server has to be sent, and what has to be asked of it before that is known.

use bytes::Bytes;
use http::Response;
use hyper::body::Incoming;

use crate::body::Body;
use crate::call::{Answer, Call};
use crate::core::Shared;
use crate::dialect::{Asked, Outbound};
use crate::head::strip;
use crate::upstream::{Attempt, Doubt, Lease, Outgoing, Route, says_absent, send};

/// Questions for one request. A dialect needs one; what it learned from that may be gone the moment after.
const QUESTIONS: u32 = 3;

/// How a server gets a call. Otherwise the server is absent: why.
pub(crate) async fn outbound(shared: &Shared, route: &Route, call: &Call) -> Result<Outbound, String> {
    let (dialect, name) = (&shared.settings.dialect, route.upstream.name());
    for _ in 0..QUESTIONS {
        let outbound = dialect.outbound(call, name, &shared.known);
        let Outbound::Ask(question) = outbound else { return Ok(outbound) };
        let answer = ask(shared, route, &question).await?;
        match dialect.asked(call, name, &answer, &shared.known) {
            Asked::Learned(lessons) if lessons.is_empty() => break,
            Asked::Learned(_) => {
                let lessons = || match dialect.asked(call, name, &answer, &shared.known) {
                    Asked::Learned(lessons) => lessons,
                    Asked::Instead(_) => Vec::new(),
                };
                shared.teacher.teach(lessons).await.map_err(|error| error.to_string())?;
            }
            Asked::Instead(outbound) => return Ok(outbound),
        }
    }
    Ok(Outbound::NotYet(format!("{name} did not say what has to be known first")))
}

async fn ask(shared: &Shared, route: &Route, question: &Call) -> Result<Answer, String> {
    let times = &shared.settings.times;
    let outgoing = Outgoing {
        method: question.head.method.clone(),
        target: question.head.target.clone(),
        headers: question.head.headers.clone(),
        body: Body::EMPTY,
    };
    match send(route, outgoing, times.request).await {
        Attempt::Answered(answered) => {
            let (response, lease) = *answered;
            let status = response.status();
            if says_absent(status) || status.is_server_error() {
                return Err(format!("it answered {status} when it was asked for {}", question.head.path()));
            }
            whole(shared, response, lease).await
        }
        Attempt::Absent(cause, _) | Attempt::Unknown(Doubt { cause, .. }) => Err(cause),
    }
}

async fn whole(shared: &Shared, response: Response<Incoming>, lease: Lease) -> Result<Answer, String> {
    let settings = &shared.settings;
    let (mut parts, body) = response.into_parts();
    strip(&mut parts.headers);
    let body = Body::leased(body, settings.times.stall, lease).collect(settings.limits.body_bytes).await;
    let body: Bytes = body.map_err(|error| format!("its answer cannot be used: {error}"))?;
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}
