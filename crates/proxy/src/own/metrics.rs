//! `/metrics`: the figures of this proxy as Prometheus reads them.

use std::fmt::Write;

use http::{Response, StatusCode};
use journal::{Health, Millis};

use super::report::age;
use crate::answer;
use crate::body::Body;
use crate::status::{Feeding, Status, UpstreamStatus};

/// A family of metrics: its name, its kind, what it is.
type Family = (&'static str, &'static str, &'static str);

/// What a server of its own has: how it is read from its status; nothing is not shown.
type OfUpstream = fn(&UpstreamStatus) -> Option<u64>;
type OfFeeding = fn(&Feeding) -> u64;

const UPSTREAM: [(Family, OfUpstream); 3] = [
    (("seawall_proxy_upstream_up", "gauge", "Whether the server counts as there."), |of| {
        Some(of.is_there.into())
    }),
    (("seawall_proxy_upstream_requests_total", "counter", "Requests to the server."), |of| Some(of.requests)),
    (
        ("seawall_proxy_upstream_failures_total", "counter", "Requests and checks that it did not answer."),
        |of| Some(of.failed),
    ),
];

const FEEDING: [(Family, OfFeeding); 6] = [
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
        ("seawall_proxy_unknown_attempts_total", "counter", "Attempts of which nobody knows what they did."),
        |of| of.unknown,
    ),
];

pub(crate) fn metrics(status: &Status, now: Millis) -> Response<Body> {
    let mut page = Page { text: String::new(), proxy: escape(&status.name) };
    for (family, of) in UPSTREAM {
        page.family(family);
        for upstream in &status.upstreams {
            if let Some(value) = of(upstream) {
                page.of_upstream(family, upstream, value);
            }
        }
    }
    for (family, of) in FEEDING {
        page.family(family);
        for upstream in &status.upstreams {
            if let Some(feeding) = &upstream.feeding {
                page.of_upstream(family, upstream, of(feeding));
            }
        }
    }
    let oldest =
        ("seawall_proxy_oldest_pending_seconds", "gauge", "Age of the oldest write that the server lacks.");
    page.family(oldest);
    for upstream in &status.upstreams {
        let feeding = upstream.feeding.filter(|feeding| feeding.pending > 0);
        if let Some(age) = feeding.and_then(|feeding| age(feeding.oldest, now)) {
            page.of_upstream(oldest, upstream, age);
        }
    }
    let counters = status.counters;
    page.one(("seawall_proxy_requests_total", "counter", "Requests."), counters.requests);
    page.one(("seawall_proxy_writes_total", "counter", "Writes among them."), counters.writes);
    page.one(
        ("seawall_proxy_queued_writes_total", "counter", "Writes answered before any server had them."),
        counters.queued,
    );
    page.one(
        ("seawall_proxy_errors_total", "counter", "Requests that were answered with 500 or above."),
        counters.failed,
    );
    page.one(("seawall_proxy_connections", "gauge", "Open connections of clients."), status.connections);
    let is_well = u64::from(status.journal.health == Health::Well);
    page.one(("seawall_proxy_journal_up", "gauge", "Whether the journal takes writes."), is_well);
    answer::text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.text)
}

struct Page {
    text: String,
    proxy: String,
}

impl Page {
    fn family(&mut self, (name, kind, help): Family) {
        self.line(&format!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn of_upstream(&mut self, (name, ..): Family, upstream: &UpstreamStatus, value: impl std::fmt::Display) {
        let line =
            format!("{name}{{proxy=\"{}\",upstream=\"{}\"}} {value}", self.proxy, escape(&upstream.name));
        self.line(&line);
    }

    fn one(&mut self, family: Family, value: u64) {
        self.family(family);
        let line = format!("{}{{proxy=\"{}\"}} {value}", family.0, self.proxy);
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        // Writing to a string does not fail.
        writeln!(self.text, "{line}").ok();
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
