//! `/metrics`: the figures of a proxy, or of several, as Prometheus reads them.

use std::fmt::{Display, Write};

use http::{Response, StatusCode};
use journal::{Health, Millis};

use super::report::age;
use crate::answer;
use crate::body::Body;
use crate::status::{Feeding, Status, UpstreamStatus};

/// A family of figures: its name, its kind, what it is.
type Family = (&'static str, &'static str, &'static str);

/// What a server of its own has: how it is read from its status.
type OfUpstream = fn(&UpstreamStatus) -> u64;
type OfFeeding = fn(&Feeding) -> u64;
type OfProxy = fn(&Status) -> u64;

const UPSTREAM: [(Family, OfUpstream); 3] = [
    (("seawall_proxy_upstream_up", "gauge", "Whether the server counts as there."), |of| of.is_there.into()),
    (("seawall_proxy_upstream_requests_total", "counter", "Requests to the server."), |of| of.requests),
    (
        ("seawall_proxy_upstream_failures_total", "counter", "Requests and checks that it did not answer."),
        |of| of.failed,
    ),
];

const FEEDING: [(Family, OfFeeding); 7] = [
    (
        (
            "seawall_proxy_pending_writes",
            "gauge",
            "Writes that clients were told of and that the server lacks.",
        ),
        |of| of.pending,
    ),
    (("seawall_proxy_broken_lanes", "gauge", "Lanes in which the server is gone."), |of| of.broken),
    (("seawall_proxy_draining_lanes", "gauge", "Lanes that are drained or fenced."), |of| of.draining),
    (
        ("seawall_proxy_replayed_writes_total", "counter", "Writes sent after their clients were told."),
        |of| of.replayed,
    ),
    (("seawall_proxy_parked_writes_total", "counter", "Writes that the server did not take."), |of| {
        of.parked
    }),
    (
        ("seawall_proxy_parked_writes", "gauge", "Those of them that lie aside until somebody decides."),
        |of| of.aside,
    ),
    (
        ("seawall_proxy_unknown_attempts_total", "counter", "Attempts of which nobody knows what they did."),
        |of| of.unknown,
    ),
];

const PROXY: [(Family, OfProxy); 8] = [
    (("seawall_proxy_requests_total", "counter", "Requests."), |of| of.counters.requests),
    (("seawall_proxy_writes_total", "counter", "Writes among them."), |of| of.counters.writes),
    (("seawall_proxy_queued_writes_total", "counter", "Writes answered before any server had them."), |of| {
        of.counters.queued
    }),
    (("seawall_proxy_errors_total", "counter", "Requests that were answered with 500 or above."), |of| {
        of.counters.failed
    }),
    (("seawall_proxy_connections", "gauge", "Open connections of clients."), |of| of.connections),
    (("seawall_proxy_journal_up", "gauge", "Whether the journal takes writes."), |of| {
        u64::from(of.journal.health == Health::Well)
    }),
    (("seawall_proxy_journal_bytes", "gauge", "Bytes of the journal's segments."), |of| of.journal.bytes),
    (("seawall_proxy_journal_max_bytes", "gauge", "The journal's budget."), |of| of.journal.max_bytes),
];

const OLDEST: Family =
    ("seawall_proxy_oldest_pending_seconds", "gauge", "Age of the oldest write that the server lacks.");

pub(crate) fn metrics(status: &Status, now: Millis) -> Response<Body> {
    let page = figures(std::slice::from_ref(status), now);
    answer::text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page)
}

/// The figures of proxies in Prometheus' text format, each family once. What is not known is left out.
pub fn figures(proxies: &[Status], now: Millis) -> String {
    let mut page = Page::default();
    for (family, of) in UPSTREAM {
        page.of_upstreams(family, proxies, |upstream| Some(of(upstream)));
    }
    for (family, of) in FEEDING {
        page.of_upstreams(family, proxies, |upstream| Some(of(upstream.feeding.as_ref()?)));
    }
    page.of_upstreams(OLDEST, proxies, |upstream| {
        let feeding = upstream.feeding.filter(|feeding| feeding.pending > 0)?;
        age(feeding.oldest, now)
    });
    for (family, of) in PROXY {
        page.family(family);
        for proxy in proxies {
            page.line(&format!("{}{{proxy=\"{}\"}} {}", family.0, escape(&proxy.name), of(proxy)));
        }
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, (name, kind, help): Family) {
        self.line(&format!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn of_upstreams<T: Display>(
        &mut self,
        family: Family,
        proxies: &[Status],
        of: impl Fn(&UpstreamStatus) -> Option<T>,
    ) {
        self.family(family);
        for proxy in proxies {
            for upstream in &proxy.upstreams {
                let Some(value) = of(upstream) else { continue };
                let labels =
                    format!("proxy=\"{}\",upstream=\"{}\"", escape(&proxy.name), escape(&upstream.name));
                self.line(&format!("{}{{{labels}}} {value}", family.0));
            }
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a string does not fail.
        writeln!(self.0, "{line}").ok();
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
