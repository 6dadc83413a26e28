//! Who may ask for what: a pure function of the route, the visitor and the configuration.

use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};

use super::answer::Refusal;
use super::route::Access;
use crate::config::{Reads, ServerSettings};

/// Which way somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Over TCP.
    Network,
    /// Over the Unix socket, whose permissions have let them in.
    Socket,
}

/// Refuses who may not.
pub(super) fn check(
    access: Access,
    visitor: Visitor,
    headers: &HeaderMap,
    server: &ServerSettings,
) -> Result<(), Refusal> {
    if visitor == Visitor::Socket || access == Access::Open {
        return Ok(());
    }
    let Some(token) = &server.token else { return against_pages(access, headers) };
    if access == Access::Read && server.reads == Reads::Open {
        return Ok(());
    }
    match bearer(headers) {
        Some(given) if token.is(given) => Ok(()),
        given => Err(unauthorized(given)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn unauthorized(given: Option<&[u8]>) -> Refusal {
    let message = if given.is_some() { "this is not the token" } else { "this needs the token" };
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("send `Authorization: Bearer TOKEN` with the token of server.token")
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// Without a token only this machine gets through, and a browser on it is this machine. A page from elsewhere must not use
/// it: neither by a name that leads here, nor by sending what it may not read the answer of.
fn against_pages(access: Access, headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse = |message: &str| {
        Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message)
            .hint("set server.token_file, and send the token"))
    };
    if headers.get(HOST).is_some_and(|host| !is_local(host)) {
        return refuse("without a token, the Host has to be an address of this machine, or localhost");
    }
    if access == Access::Change && headers.contains_key(ORIGIN) {
        return refuse("without a token, a page in a browser may not change anything");
    }
    Ok(())
}

fn is_local(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
