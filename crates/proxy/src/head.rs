//! Heads of requests and answers: what belongs to one connection alone, and what a proxy adds.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, Entry, FORWARDED, HOST, HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, request};

use crate::call::Head;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The header that lets a server recognise a write that it has had before.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that `forwarded` adds.
const ADDED: usize = 4;

/// Whether a header is meant for the next hop alone (RFC 9110, 7.6.1), whatever `Connection` says.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Who asks, and how: what is said about every request of a connection, made once.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    protocol: &'static str,
    /// Its address.
    address: HeaderValue,
    /// What `Forwarded` says of it.
    element: String,
}

impl Client {
    pub(crate) fn new(address: IpAddr, protocol: &'static str) -> Self {
        let node = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        let element = format!("for={node};proto={protocol}");
        let address = HeaderValue::from_str(&address.to_string());
        Self { protocol, address: address.unwrap_or(HeaderValue::from_static("unknown")), element }
    }

    pub(crate) fn address(&self) -> &str {
        self.address.to_str().unwrap_or("unknown")
    }

    /// The element of `Forwarded`, with the host that the client named.
    fn element(&self, host: Option<&HeaderValue>) -> Option<HeaderValue> {
        let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\']));
        let size = self.element.len() + host.map_or(0, |host| ";host=\"\"".len() + host.len());
        let mut element = Vec::with_capacity(size);
        element.extend_from_slice(self.element.as_bytes());
        if let Some(host) = host {
            element.extend_from_slice(b";host=\"");
            element.extend_from_slice(host.as_bytes());
            element.push(b'"');
        }
        HeaderValue::from_maybe_shared(Bytes::from(element)).ok()
    }
}

/// Removes what belongs to one connection alone, and the length, which is the body's.
pub(crate) fn strip(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    // Most heads have none of them, and looking through a head costs less than looking each of them up.
    if !headers.keys().any(is_hop_by_hop) {
        return;
    }
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let mut doomed: Vec<HeaderName> = named.collect();
    doomed.extend(headers.keys().filter(|name| is_hop_by_hop(name)).cloned());
    for name in doomed {
        headers.remove(name);
    }
}

/// The headers of an answer as they are passed on. An answer to `HEAD` has the length of a body that does not come.
pub(crate) fn passed_back(method: &Method, headers: &mut HeaderMap) {
    let length = if *method == Method::HEAD { headers.get(CONTENT_LENGTH).cloned() } else { None };
    strip(headers);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
}

/// HTTP/2 may cut cookies into several headers, which HTTP/1.1 does not know (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, whole);
    }
}

/// The head of a client's request as it is forwarded: without what belongs to its connection, and with who asked.
pub(crate) fn forwarded(parts: request::Parts, client: &Client) -> Head {
    let mut headers = parts.headers;
    strip(&mut headers);
    join_cookies(&mut headers);
    let named = headers.remove(HOST);
    headers.reserve(ADDED);
    // HTTP/2 has the host in its target.
    let authority =
        parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let host = authority.or(named);
    append(&mut headers, X_FORWARDED_FOR, client.address.clone());
    if let Some(element) = client.element(host.as_ref()) {
        append(&mut headers, FORWARDED, element);
    }
    if let Some(host) = host {
        headers.entry(X_FORWARDED_HOST).or_insert(host);
    }
    headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(client.protocol));
    let target = parts.uri.into_parts().path_and_query;
    let target = target.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
    Head { method: parts.method, target, headers }
}

/// Adds an element to a list that may have come in several headers.
fn append(headers: &mut HeaderMap, name: HeaderName, element: HeaderValue) {
    let mut before = match headers.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(element);
            return;
        }
        Entry::Occupied(entry) => entry,
    };
    let mut whole = Vec::new();
    for value in before.iter() {
        whole.extend_from_slice(value.as_bytes());
        whole.extend_from_slice(b", ");
    }
    whole.extend_from_slice(element.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(whole)) {
        before.insert(value);
    }
}

/// Whether the client wants to speak something else on this connection.
pub(crate) fn wants_another_protocol(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    if *method == Method::CONNECT {
        return Some("CONNECT");
    }
    // Some clients offer HTTP/2 this way and go on without it.
    let upgrade = headers.get(UPGRADE)?;
    (!upgrade.as_bytes().eq_ignore_ascii_case(b"h2c")).then_some("Upgrade")
}

/// For how long the client wants to wait for a write to be applied, in seconds: `Prefer: wait=N` (RFC 7240).
pub(crate) fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let mut preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences.find_map(|value| {
        value.split([',', ';']).find_map(|preference| {
            let (name, seconds) = preference.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then_some(())?;
            seconds.trim().trim_matches('"').parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn forward(request: Request<()>, address: &str) -> Head {
        forwarded(request.into_parts().0, &Client::new(address.parse().unwrap(), "http"))
    }

    #[test]
    fn what_belongs_to_a_connection_does_not_travel() {
        let request = Request::get("/a?b")
            .header("connection", "close, X-Mine")
            .header("x-mine", "1")
            .header("te", "trailers")
            .header("upgrade", "h2c")
            .header("transfer-encoding", "chunked")
            .header("keep-alive", "1")
            .header("proxy-authorization", "secret")
            .header("content-length", "3")
            .header("authorization", "kept");
        let head = forward(request.body(()).unwrap(), "10.0.0.1");
        let mut names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "forwarded", "x-forwarded-for", "x-forwarded-proto"]);
        assert_eq!(head.target, "/a?b");
    }

    #[test]
    fn who_asked_is_added_to_who_asked_before() {
        let request = Request::get("/")
            .header("host", "shop.example")
            .header("x-forwarded-for", "1.1.1.1")
            .header("x-forwarded-for", "2.2.2.2")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "for=1.1.1.1");
        let headers = forward(request.body(()).unwrap(), "::1").headers;
        assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, ::1");
        assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(headers["forwarded"], "for=1.1.1.1, for=\"[::1]\";proto=http;host=\"shop.example\"");
        assert_eq!(
            (&headers["x-forwarded-host"], &headers["x-forwarded-proto"]),
            (&HeaderValue::from_static("shop.example"), &HeaderValue::from_static("https"))
        );
    }

    #[test]
    fn cookies_that_http2_has_cut_are_one_header_again() {
        let request = Request::get("/").header("cookie", "a=1").header("cookie", "b=2");
        let headers = forward(request.body(()).unwrap(), "10.0.0.1").headers;
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn another_protocol_is_seen_and_an_offer_of_http2_is_not_one() {
        let upgrade =
            |value: &'static str| HeaderMap::from_iter([(UPGRADE, HeaderValue::from_static(value))]);
        assert_eq!(wants_another_protocol(&Method::GET, &upgrade("websocket")), Some("Upgrade"));
        assert_eq!(wants_another_protocol(&Method::GET, &upgrade("h2c")), None);
        assert_eq!(wants_another_protocol(&Method::CONNECT, &HeaderMap::new()), Some("CONNECT"));
    }

    #[test]
    fn a_preference_to_wait_is_read_wherever_it_stands() {
        let prefer = |value: &'static str| {
            preferred_wait(&HeaderMap::from_iter([(
                HeaderName::from_static("prefer"),
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(prefer("wait=5"), Some(5));
        assert_eq!(prefer("respond-async, Wait=\"7\""), Some(7));
        assert_eq!(prefer("wait=soon"), None);
        assert_eq!(prefer("handling=lenient"), None);
    }
}
