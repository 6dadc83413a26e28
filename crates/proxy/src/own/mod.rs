//! The routes that the proxy answers by itself. Everything else is the service's.
//!
//! Those that show what clients sent, or change something, need the token: whoever may use the service can reach them.

mod admin;
mod metrics;
mod report;
pub(crate) mod writes;

use std::sync::Arc;

pub use metrics::figures;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use subtle::ConstantTimeEq;

use crate::answer::{self, error};
use crate::body::Body;
use crate::core::Core;
use crate::settings::Settings;

/// A route of the proxy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Status,
    Health,
    Wal,
    Metrics,
    /// What became of a write.
    Write(String),
    /// Lists writes.
    List,
    /// Shows all of a write.
    Content(String),
    /// Sends a write again.
    Retry(String),
    /// Gives a write up.
    Drop(String),
    /// All that is pending or parked, as lines.
    Export,
    /// Below `/seawall/`, and none of these.
    Nothing,
    /// One of these, with another method.
    Method,
}

impl Route {
    /// The route that a request is for, if it is one of these.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let is_get = *method == Method::GET || *method == Method::HEAD;
        let read = |route: Self| Some(if is_get { route } else { Self::Method });
        match path {
            "/status" => return read(Self::Status),
            "/health" => return read(Self::Health),
            "/wal/status" => return read(Self::Wal),
            "/metrics" => return read(Self::Metrics),
            _ => {}
        }
        let segments: Vec<&str> = path.strip_prefix("/seawall/")?.split('/').collect();
        let route = match (segments.as_slice(), method) {
            (["writes"], _) => return read(Self::List),
            (["export"], _) => return read(Self::Export),
            (["writes", id, "content"], _) => return read(Self::Content((*id).to_owned())),
            (["writes", id, "retry"], &Method::POST) => Self::Retry((*id).to_owned()),
            (["writes", id], &Method::DELETE) => Self::Drop((*id).to_owned()),
            (["writes", id], _) => return read(Self::Write((*id).to_owned())),
            (["writes", _, "retry"], _) => Self::Method,
            _ => Self::Nothing,
        };
        Some(route)
    }

    fn needs_token(&self) -> bool {
        matches!(self, Self::List | Self::Content(_) | Self::Retry(_) | Self::Drop(_) | Self::Export)
    }
}

/// What is answered while the journal is being read: nothing is known of writes, and nothing taken.
pub(crate) fn starting(settings: &Settings, method: &Method, path: &str) -> Response<Body> {
    if Route::of(method, path) == Some(Route::Health) {
        return report::starting(settings.upstreams.len());
    }
    let message = "the proxy is starting: it reads its journal";
    let hint = "try again; /health tells when it serves";
    error(StatusCode::SERVICE_UNAVAILABLE, "starting", (message, hint))
}

pub(crate) async fn answer(core: &Arc<Core>, route: Route, request: Request<Incoming>) -> Response<Body> {
    let shared = &core.shared;
    if route.needs_token()
        && let Err(refusal) = admit(shared.settings.token.as_deref(), request.headers())
    {
        return *refusal;
    }
    let query = request.uri().query().unwrap_or_default();
    match route {
        Route::Status => with_status(core, report::status).await,
        Route::Health => with_status(core, report::health).await,
        Route::Wal => with_status(core, report::wal).await,
        Route::Metrics => with_status(core, metrics::metrics).await,
        Route::Write(id) => match writes::find(shared, &id) {
            Some(id) => writes::state(core, id),
            None => unknown_write(),
        },
        Route::List => writes::list(core, query).await,
        Route::Export => writes::export(core).await,
        Route::Content(id) => match writes::find(shared, &id) {
            Some(id) => writes::content(core, id).await,
            None => unknown_write(),
        },
        Route::Retry(id) => match writes::find(shared, &id) {
            Some(id) => admin::retry(core, id).await,
            None => unknown_write(),
        },
        Route::Drop(id) => match writes::find(shared, &id) {
            Some(id) => admin::give_up(core, id).await,
            None => unknown_write(),
        },
        Route::Nothing => {
            let message = "there is nothing at this path below /seawall/";
            error(StatusCode::NOT_FOUND, "not-found", (message, "the guide of the proxy lists what there is"))
        }
        Route::Method => {
            let message = "this path does not take this method";
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                (message, "the guide of the proxy lists what there is"),
            )
        }
    }
}

/// The status is gathered where reading from a disk keeps nobody waiting.
async fn with_status(
    core: &Arc<Core>,
    show: fn(&crate::status::Status, journal::Millis) -> Response<Body>,
) -> Response<Body> {
    let shared = Arc::clone(&core.shared);
    let status = tokio::task::spawn_blocking(move || shared.status()).await;
    match status {
        Ok(status) => show(&status, (core.shared.clock)()),
        Err(_) => answer::no_upstream("the proxy is stopping"),
    }
}

fn unknown_write() -> Response<Body> {
    let message = "there is no such write in this journal";
    error(StatusCode::NOT_FOUND, "unknown-write", (message, "take the id from the answer to the write"))
}

fn admit(token: Option<&str>, headers: &HeaderMap) -> Result<(), Box<Response<Body>>> {
    let Some(token) = token else {
        let message = "this route is closed, since no token is configured";
        let hint = "configure a token, and send it as `Authorization: Bearer ...`";
        return Err(Box::new(error(StatusCode::FORBIDDEN, "no-token", (message, hint))));
    };
    let given = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
    // It takes as long wherever the two differ.
    if given.ct_eq(token.as_bytes()).into() {
        return Ok(());
    }
    let hint = "send the token as `Authorization: Bearer ...`";
    Err(Box::new(error(StatusCode::UNAUTHORIZED, "unauthorized", ("this route needs the token", hint))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str) -> Option<Route> {
        Route::of(method, path)
    }

    #[test]
    fn only_its_own_paths_are_taken_from_the_service() {
        for path in ["/", "/status/", "/statuses", "/seawall", "/api/health", "/wal", "/seawalls/writes"] {
            assert_eq!(of(&Method::GET, path), None, "{path}");
        }
        assert_eq!(of(&Method::GET, "/status"), Some(Route::Status));
        assert_eq!(of(&Method::POST, "/status"), Some(Route::Method));
        assert_eq!(of(&Method::GET, "/seawall/"), Some(Route::Nothing));
        assert_eq!(of(&Method::DELETE, "/seawall/writes/a-1-2"), Some(Route::Drop("a-1-2".to_owned())));
        assert_eq!(of(&Method::GET, "/seawall/writes/a-1-2/retry"), Some(Route::Method));
    }

    #[test]
    fn what_shows_or_changes_writes_needs_the_token_and_nothing_else_does() {
        let id = || "a-1-2".to_owned();
        for route in [Route::List, Route::Export, Route::Content(id()), Route::Retry(id()), Route::Drop(id())]
        {
            assert!(route.needs_token(), "{route:?}");
        }
        for route in [Route::Status, Route::Health, Route::Wal, Route::Metrics, Route::Write(id())] {
            assert!(!route.needs_token(), "{route:?}");
        }
    }
}
