//! The way of a request: route, access, body, handler, answer.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::timeout;
use tracing::debug;

use super::access::{self, Visitor};
use super::answer::{Answer, Content, Refusal};
use super::body::{self, Held};
use super::route::{Does, Found, Route, Takes, decoded, find};
use super::{Face, archives, consumers, health, imports, metrics, openapi, parked, reading, replays};
use super::{ships, streams, targets, writes};
use crate::clock;

/// A request that may be carried out.
pub(super) struct Call {
    /// What stands for the braces in the path.
    pub(super) names: Vec<String>,
    query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Held,
}

impl Call {
    /// The first name in the path.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A number in the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let refuse = |_| bad_query(&format!("{name} has to be a number, and is {text:?}"));
        text.parse().map(Some).map_err(refuse)
    }
}

/// Answers a request while the journals are read: that the daemon lives is all that can be told.
pub(super) fn starting(method: &Method, path: &str) -> Response<Content> {
    const REASON: &str = "the daemon is starting: it reads its journals";
    let answer = match find(method, path) {
        Found::Route(Route { does: Does::Livez, .. }, _) => health::livez(),
        Found::Route(Route { does: Does::Readyz, .. }, _) => health::ready(&[REASON.to_owned()], &[]),
        _ => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "starting", REASON)
            .hint("try again; GET /readyz tells when")
            .retry_after(1)
            .into(),
    };
    answer.response()
}

/// Answers a request, whatever it is.
pub(super) async fn answer(
    face: Arc<Face>,
    visitor: Visitor,
    request: Request<Incoming>,
) -> Response<Content> {
    let begun = clock::instant();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (label, answer) = match find(&method, &path) {
        Found::Route(route, names) => {
            let names = names.into_iter().map(std::borrow::Cow::into_owned).collect();
            (route.path, carry_out(&face, visitor, (route, names), request).await)
        }
        Found::Methods(methods) => {
            ("", Err(wrong_method(&methods.iter().map(|method| method.as_str()).collect::<Vec<_>>())))
        }
        Found::Nothing => ("", Err(unknown(&path))),
    };
    let answer = answer.and_then(|answer| answer.within(&face.answers)).unwrap_or_else(Answer::from);
    let (status, spent) = (answer.status.as_u16(), begun.elapsed());
    face.figures.requests.count(label, status, spent);
    debug!(%method, path, status, seconds = spent.as_secs_f64(), "answered");
    answer.response()
}

async fn carry_out(
    face: &Arc<Face>,
    visitor: Visitor,
    (route, names): (&'static Route, Vec<String>),
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let config = face.config();
    let server = &config.server;
    let (head, body) = request.into_parts();
    access::check(route.access, visitor, &head.headers, server)?;
    let query = query(head.uri.query().unwrap_or_default(), route)?;
    let body = match route.takes {
        Takes::Nothing => Held::default(),
        Takes::Events | Takes::Ids | Takes::Records | Takes::Mark => {
            body::read(body, server.max_body, server.request_timeout, &face.bodies).await?
        }
    };
    let call = Call { names, query, headers: head.headers, body };
    match timeout(server.request_timeout, perform(face, route.does, call)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(server.request_timeout)),
    }
}

async fn perform(face: &Arc<Face>, does: Does, call: Call) -> Result<Answer, Refusal> {
    match does {
        Does::Livez => Ok(health::livez()),
        Does::Readyz => Ok(health::readyz(face).await),
        Does::Metrics => metrics::page(face).await,
        Does::Openapi => Ok(openapi::document()),
        Does::ListStreams => streams::list(face, &call).await,
        Does::ListShips => ships::list(face).await,
        Does::ListParked => parked::list(face, &call).await,
        Does::ShowParked => parked::show(face, &call).await,
        Does::Requeue => parked::requeue(face, &call).await,
        Does::GiveUp => parked::give_up(face, &call).await,
        Does::RequeueSome => parked::requeue_some(face, &call).await,
        Does::GiveUpSome => parked::give_up_some(face, &call).await,
        Does::ListConsumers => consumers::list(face).await,
        Does::Unregister => consumers::unregister(face, &call).await,
        Does::ListWrites => writes::list(face, &call).await,
        Does::ShowWrite => writes::show(face, &call).await,
        Does::ReadEvents => reading::events(face, &call).await,
        Does::RunArchives => archives::run(face, &call),
        Does::ListArchives => archives::list(face).await,
        Does::HandOutArchive => archives::hand_out(face, &call).await,
        Does::RemoveArchives => archives::remove_some(face, &call).await,
        Does::ShowImport => imports::show(face, &call).await,
        Does::Import => imports::bring(face, call).await,
        Does::ShowReplay => replays::show(face, &call).await,
        Does::NoteReplay => replays::note(face, &call).await,
        Does::Append => streams::append(face, call).await,
        Does::Targets(does) => targets::perform(face, does, &call).await,
        Does::Close => streams::close(face, &call).await,
    }
}

/// The query as names and values. A name that the route does not read is a mistake that would go unnoticed.
fn query(text: &str, route: &Route) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let (Some(name), Some(value)) = (decoded(name), decoded(&value)) else {
            return Err(bad_query(&format!("{pair:?} is not percent-encoded UTF-8")));
        };
        if !route.query.iter().any(|known| known.name == name) {
            let known: Vec<&str> = route.query.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(
                bad_query(&format!("the query has no {name:?} here")).hint(format!("it reads: {known}"))
            );
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

/// A query that makes no sense.
pub(super) fn bad_query(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "bad-query", message)
}

fn wrong_method(methods: &[&str]) -> Refusal {
    let allowed = methods.join(", ");
    let refusal =
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", format!("this takes {allowed}"));
    match HeaderValue::from_str(&allowed) {
        Ok(allowed) => refusal.with(ALLOW, allowed),
        Err(_) => refusal,
    }
}

fn unknown(path: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not-found", format!("nothing is at {path}"))
        .hint("GET /api/v1/openapi.json lists what is")
}

fn late(patience: std::time::Duration) -> Refusal {
    Refusal::new(
        StatusCode::GATEWAY_TIMEOUT,
        "timeout",
        format!("it was not done after {patience:?}, the server.request_timeout; it goes on, and its outcome is unknown"),
    )
    .hint("look at the disk; ask again with the same Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_starting_lives_and_is_not_ready() {
        let status = |path| starting(&Method::GET, path).status().as_u16();
        assert_eq!(["/livez", "/readyz", "/metrics", "/nowhere"].map(status), [200, 503, 503, 503]);
        let refused = starting(&Method::POST, "/v1/streams/s/events");
        assert!(refused.headers().contains_key(hyper::header::RETRY_AFTER));
    }
}
