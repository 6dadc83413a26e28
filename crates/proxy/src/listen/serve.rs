//! One request: what it is, and who answers it.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::answer;
use crate::body::Body;
use crate::core::Core;
use crate::counts::count;
use crate::dialect::Class;
use crate::head::{Client, forwarded, wants_another_protocol};
use crate::{own, reading, writing};

/// Answers a request; nothing that can be in one is an error of the connection.
pub(crate) async fn serve(
    core: Arc<Core>,
    client: Arc<Client>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    count(&core.shared.counts.requests);
    let answer = answer(&core, &client, request).await;
    if answer.status().is_server_error() {
        count(&core.shared.counts.failed);
    }
    Ok(answer)
}

async fn answer(core: &Arc<Core>, client: &Client, request: Request<Incoming>) -> Response<Body> {
    if let Some(protocol) = wants_another_protocol(request.method(), request.headers()) {
        let message = format!("{protocol} is not supported: a write that bypasses HTTP cannot be journaled");
        let hint = "connect to the server itself for WebSocket and tunnels";
        return answer::error(StatusCode::NOT_IMPLEMENTED, "not-supported", (&message, hint));
    }
    if let Some(route) = own::Route::of(request.method(), request.uri().path()) {
        return own::answer(core, route, request).await;
    }
    let (parts, incoming) = request.into_parts();
    let head = forwarded(parts, client);
    match core.shared.settings.dialect.class(&head, &core.shared.known) {
        Class::Read(reach, carriage) => reading::read(core, head, (reach, carriage), incoming).await,
        Class::Write => writing::write(core, head, incoming).await,
        Class::Refused(refusal) => answer::refusal(&refusal),
    }
}
