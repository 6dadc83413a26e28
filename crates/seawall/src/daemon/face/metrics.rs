//! `/metrics`: figures of the journal, of archives, of the disk, of this face, of proxies, of the logs under watch and of the process,
//! in Prometheus' text format.

mod alerts;
mod exposition;
mod process;
mod proxies;
mod ships;
mod targets;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use journal::archive::ARCHIVER;
use journal::{Health, Journal};
use tracing::{info, warn};

use super::answer::{Answer, Refusal};
use super::health;
use super::ships::age;
use super::{Face, body, unread};
use exposition::{Kind, Page};

/// Upper ends of the buckets of durations, in microseconds: from a fast disk's sync to a hanging one's.
const BUCKETS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Why batches are refused for a reason that is the daemon's. Each is told from the start: a counter that begins at one has
/// not increased.
const REASONS: [&str; 8] = [
    "behind",
    "disk-full",
    "no-consumer",
    "over-budget",
    "stopped",
    "too-many-pending",
    "too-many-streams",
    "unknown",
];

/// Durations that were counted.
#[derive(Debug, Default)]
pub(super) struct Durations {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Durations {
    fn count(&self, spent: Duration) {
        let micros = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) =
            BUCKETS.iter().zip(&self.buckets).find(|(end, _)| micros <= **end).map(|(_, bucket)| bucket)
        {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn write(&self, page: &mut Page, name: &str) {
        let mut below = 0;
        for (end, bucket) in BUCKETS.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            page.sample(&format!("{name}_bucket"), &[("le", &seconds(*end))], below);
        }
        // Counted last, so that no bucket holds more than all of them.
        let all = self.count.load(Ordering::Relaxed).max(below);
        page.sample(&format!("{name}_bucket"), &[("le", "+Inf")], all);
        page.sample(&format!("{name}_sum"), &[], seconds(self.micros.load(Ordering::Relaxed)));
        page.sample(&format!("{name}_count"), &[], all);
    }
}

fn seconds(micros: u64) -> String {
    format!("{}", micros as f64 / 1e6)
}

/// Requests by route and status: there are few of both.
#[derive(Debug, Default)]
pub(super) struct Requests {
    counts: Mutex<BTreeMap<(&'static str, u16), u64>>,
    durations: Durations,
}

impl Requests {
    pub(super) fn count(&self, route: &'static str, status: u16, spent: Duration) {
        *hold(&self.counts).entry((route, status)).or_default() += 1;
        self.durations.count(spent);
    }
}

/// What is counted in this process.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) requests: Requests,
    appends: Durations,
    /// Why the last events were refused, if they were.
    refused: Mutex<Option<&'static str>>,
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Figures {
    /// Events were synced.
    pub(super) fn appended(&self, spent: Duration) {
        self.appends.count(spent);
        if let Some(refused) = hold(&self.refused).take() {
            info!(after = refused, "events are taken again");
        }
    }

    /// Events were refused, for a reason that is the daemon's.
    pub(super) fn refuse(&self, code: &'static str, reason: &str) {
        *hold(&self.failures).entry(code).or_default() += 1;
        // Told once, however many clients try again.
        if hold(&self.refused).replace(code) != Some(code) {
            warn!(code, reason, "events are refused");
        }
    }
}

/// Nothing that is counted can be left half done.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All figures. What cannot be told now is left out.
pub(super) async fn page(face: &Arc<Face>) -> Result<Answer, Refusal> {
    let facts = health::facts(face).await;
    let mut page = Page::default();
    journal(&mut page, face, &facts);
    if facts.stats.is_some() {
        let journal = face.journal.clone();
        consumers(&mut page, &face.working.run(move || claims(&journal)).await.unwrap_or_default());
    }
    let views = face.ships.views();
    let looked = views.clone();
    let ages = face.working.run(move || looked.iter().map(age).collect::<Vec<_>>()).await.unwrap_or_default();
    ships::write(&mut page, &views, &ages);
    archives(&mut page, face);
    requests(&mut page, face);
    proxies::write(&mut page, face).await;
    targets::write(&mut page, &face.watch.reports());
    alerts::write(&mut page, &face.office.figures());
    process::write(&mut page);
    page.one(
        "seawall_config_last_reload_successful",
        Kind::Gauge,
        "Whether the last SIGHUP found a configuration that could be taken; 1 before the first.",
        u8::from(face.reloads.last_was_taken()),
    );
    page.family("seawall_ready", Kind::Gauge, "Whether events are taken.");
    page.sample("seawall_ready", &[], u8::from(health::reasons(&facts).is_empty()));
    page.family("seawall_build_info", Kind::Gauge, "The version.");
    page.sample("seawall_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    Ok(Answer::new(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.text()))
}

fn journal(page: &mut Page, face: &Face, facts: &health::Facts) {
    page.family("wal_append_duration_seconds", Kind::Histogram, "From a batch of events to its sync.");
    face.figures.appends.write(page, "wal_append_duration_seconds");
    failures(page, face);
    if let Some((free, total)) = facts.disk {
        page.one("disk_total_bytes", Kind::Gauge, "Size of the file system that the journal lies on.", total);
        page.one(
            "seawall_disk_free_bytes",
            Kind::Gauge,
            "What is free there for users other than root.",
            free,
        );
    }
    let Some(stats) = &facts.stats else { return };
    let counters = &stats.counters;
    let (counter, gauge) = (Kind::Counter, Kind::Gauge);
    page.one("wal_appends_total", counter, "Events that were synced since the start.", counters.appended);
    page.one(
        "seawall_journal_live_events",
        gauge,
        "Events that somebody may still ask for, the archive included.",
        stats.live_events,
    );
    page.one("seawall_journal_streams", gauge, "Streams that are open, or have events left.", stats.streams);
    page.one("seawall_journal_bytes", gauge, "Bytes of the journal's segments.", stats.bytes);
    page.one(
        "seawall_journal_max_bytes",
        gauge,
        "The journal's budget.",
        face.config().journal.options.max_bytes,
    );
    page.one("seawall_journal_segments", gauge, "Segments of the journal.", stats.segments);
    page.one(
        "seawall_journal_appended_bytes_total",
        counter,
        "Bytes of events that were synced since the start.",
        counters.appended_bytes,
    );
    page.one("seawall_journal_syncs_total", counter, "Syncs that covered something.", counters.syncs);
    page.one("seawall_journal_faults_total", counter, "Writes and syncs that failed.", counters.faults);
    page.one(
        "seawall_journal_carried_events_total",
        counter,
        "Events that were carried forward.",
        counters.carried,
    );
    page.one(
        "seawall_journal_damage",
        gauge,
        "Damaged places that were found since the start.",
        face.journal.damage().len(),
    );
    page.family("seawall_journal_lost_events", gauge, "Events that were lost, ever, by cause.");
    page.sample("seawall_journal_lost_events", &[("cause", "damage")], stats.lost_to_damage);
    page.sample("seawall_journal_lost_events", &[("cause", "budget")], stats.lost_to_budget);
    health_of(page, &stats.health);
}

fn health_of(page: &mut Page, health: &Health) {
    page.family("seawall_journal_health", Kind::Gauge, "1 for the state that the journal is in.");
    let is = [
        ("well", *health == Health::Well),
        ("full", *health == Health::Full),
        ("over-budget", *health == Health::OverBudget),
        ("stopped", matches!(health, Health::Stopped(_))),
    ];
    for (state, is) in is {
        page.sample("seawall_journal_health", &[("state", state)], u8::from(is));
    }
}

fn failures(page: &mut Page, face: &Face) {
    page.family(
        "wal_failures_total",
        Kind::Counter,
        "Batches of events that were refused or failed, by reason; and events that no server took, as parked.",
    );
    let parked: u64 = face.ships.views().iter().map(|view| view.status().totals.parked).sum();
    page.sample("wal_failures_total", &[("reason", "parked")], parked);
    let failures = hold(&face.figures.failures);
    for code in REASONS {
        page.sample("wal_failures_total", &[("reason", code)], failures.get(code).copied().unwrap_or(0));
    }
}

/// What a consumer has to do.
struct Claims {
    consumer: String,
    pending: u64,
    parked: u64,
}

/// Those of every consumer but the archiver, which holds what is in an open stream; nobody waits for that.
fn claims(journal: &Journal) -> Vec<Claims> {
    let parked = |name: &str| journal.find_consumer(name).map_or(0, |consumer| consumer.count_parked());
    let pending = journal.pending().into_iter().filter(|(name, _)| name != ARCHIVER);
    pending.map(|(consumer, pending)| Claims { parked: parked(&consumer), consumer, pending }).collect()
}

fn consumers(page: &mut Page, all: &[Claims]) {
    page.one(
        "wal_pending_events",
        Kind::Gauge,
        "Events that a consumer other than the archive has not settled.",
        all.iter().map(|claims| claims.pending).sum::<u64>(),
    );
    page.family("seawall_consumer_pending_events", Kind::Gauge, "The same, for each consumer.");
    for Claims { consumer, pending, .. } in all {
        page.sample("seawall_consumer_pending_events", &[("consumer", consumer)], pending);
    }
    let name = "seawall_consumer_parked_events";
    page.family(name, Kind::Gauge, "Events that a consumer has put aside until somebody decides.");
    for Claims { consumer, parked, .. } in all {
        page.sample(name, &[("consumer", consumer)], parked);
    }
}

fn archives(page: &mut Page, face: &Face) {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    if let Some(bytes) = face.kept.bytes() {
        page.one("wal_archive_size_bytes", Kind::Gauge, "Bytes of all archives.", bytes);
    }
    let counter = Kind::Counter;
    page.one("seawall_archives_made_total", counter, "Archives that were made.", load(&face.kept.made));
    page.one(
        "seawall_archives_removed_total",
        counter,
        "Archives that retention removed.",
        load(&face.kept.removed),
    );
    page.one(
        "seawall_archive_failures_total",
        counter,
        "Rounds of archiving that failed.",
        load(&face.kept.failures),
    );
}

fn requests(page: &mut Page, face: &Face) {
    page.family(
        "seawall_http_requests_total",
        Kind::Counter,
        "Requests that were answered; without a route if none was found.",
    );
    for ((route, status), count) in hold(&face.figures.requests.counts).iter() {
        let labels = [("route", *route), ("status", &status.to_string())];
        page.sample("seawall_http_requests_total", &labels, count);
    }
    page.family(
        "seawall_http_request_duration_seconds",
        Kind::Histogram,
        "From a request's head to its answer.",
    );
    face.figures.requests.durations.write(page, "seawall_http_request_duration_seconds");
    let server = &face.config().server;
    let held = body::kibibytes(server.max_body_memory).saturating_sub(face.bodies.available_permits());
    let held = held * body::UNIT;
    page.one("seawall_http_body_bytes", Kind::Gauge, "Memory that is set aside for bodies.", held);
    let unread = body::kibibytes(unread::MOST_UNREAD).saturating_sub(face.answers.available_permits());
    let unread = unread * body::UNIT;
    page.one(
        "seawall_http_unread_bytes",
        Kind::Gauge,
        "Memory of large answers that clients have not read yet.",
        unread,
    );
    let open = face.config().server.max_connections.saturating_sub(face.places.available_permits());
    page.one("seawall_http_connections", Kind::Gauge, "Connections that are open.", open);
}
