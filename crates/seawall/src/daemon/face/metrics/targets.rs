//! Figures of the logs under watch. Their names are those of the configuration, so there are never many.

use watch::{FlawKind, Health, Replaying, Report, Withheld};

use super::exposition::{Kind, Page};

/// A figure that only grows: its name, what it is, and its value.
type Counter = (&'static str, &'static str, fn(&Report) -> u64);

/// A name, what it is, and its value, if that is known.
type Gauge = (&'static str, &'static str, fn(&Report) -> Option<f64>);

/// Adds them. What is not known is left out.
pub(super) fn write(page: &mut Page, reports: &[Report]) {
    page.family("seawall_target_health", Kind::Gauge, "1 for the health that a log under watch has.");
    for report in reports {
        for health in Health::ALL {
            let labels = [("target", report.target.name.as_str()), ("health", health.name())];
            page.sample("seawall_target_health", &labels, u8::from(report.judgement.health == health));
        }
    }
    let gauges: [Gauge; 11] = [
        ("seawall_target_files", "Files that a start has to read.", |report| {
            number(report.facts.as_ref()?.files)
        }),
        ("seawall_target_bytes", "Their bytes.", |report| number(report.facts.as_ref()?.bytes)),
        ("seawall_target_oldest_age_seconds", "The age of the oldest of them.", |report| {
            number(report.facts.as_ref()?.oldest.map(|age| age.seconds))
        }),
        (
            "seawall_target_replay",
            "Files or frames that a start replays, where that is less than the files.",
            |report| number(report.facts.as_ref()?.replay.map(|replay| replay.count)),
        ),
        ("seawall_target_free_bytes", "Room that is left on its file system.", |report| {
            number(report.facts.as_ref()?.room.map(|room| room.free))
        }),
        ("seawall_target_growth_bytes_per_second", "How fast it grows, where that can be told.", |report| {
            report.forecast.map(|forecast| forecast.growth)
        }),
        ("seawall_target_blockers", "Known reasons why it is not reclaimed.", |report| {
            report.facts.as_ref().map(|_| report.judgement.blockers.len() as f64)
        }),
        (
            "seawall_target_server_ready",
            "1 where its server was asked and serves, 0 where it does not.",
            |report| Some(f64::from(u8::from(report.facts.as_ref()?.server?.is_ready))),
        ),
        (
            "seawall_target_server_replayed_ratio",
            "How much of its log its server has read, while it starts.",
            |report| {
                let Replaying { first, current, last } = report.facts.as_ref()?.server?.replaying?;
                Some(current.saturating_sub(first) as f64 / last.saturating_sub(first).max(1) as f64)
            },
        ),
        ("seawall_target_looked_timestamp_seconds", "When it was looked at.", |report| {
            report.looked.map(|at| at.nanos() as f64 / 1e9)
        }),
        ("seawall_target_interval_seconds", "How often it is looked at.", |report| {
            Some(report.target.interval.as_secs_f64())
        }),
    ];
    write_gauges(page, reports, &gauges);
    flaws(page, reports);
    scrubs(page, reports);
    forecasts(page, reports);
    checkpoints(page, reports);
    restarts(page, reports);
}

fn write_gauges(page: &mut Page, reports: &[Report], gauges: &[Gauge]) {
    for (name, help, value) in gauges {
        page.family(name, Kind::Gauge, help);
        for report in reports {
            if let Some(value) = value(report) {
                page.sample(name, &[("target", &report.target.name)], value);
            }
        }
    }
}

fn restarts(page: &mut Page, reports: &[Report]) {
    let name = "seawall_target_restarts_total";
    page.family(name, Kind::Counter, "Restarts of its server by what became of them.");
    for report in reports.iter().filter(|report| report.target.restart.is_some()) {
        let tally = report.restarts.tally;
        for (outcome, count) in [
            ("effective", tally.effective),
            ("ineffective", tally.ineffective),
            ("lost", tally.lost),
            ("failed", tally.failed),
        ] {
            page.sample(name, &[("target", report.target.name.as_str()), ("outcome", outcome)], count);
        }
    }
    let name = "seawall_target_restarts_withheld_total";
    page.family(name, Kind::Counter, "Restarts of its server that were due and not made, by what kept them.");
    for report in reports.iter().filter(|report| report.target.restart.is_some()) {
        let Withheld { damaged, cooldown, enough } = report.restarts.withheld;
        for (reason, count) in [("damaged", damaged), ("cooldown", cooldown), ("enough", enough)] {
            page.sample(name, &[("target", report.target.name.as_str()), ("reason", reason)], count);
        }
    }
}

fn number(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

fn flaws(page: &mut Page, reports: &[Report]) {
    let name = "seawall_target_flaws";
    page.family(name, Kind::Gauge, "What is wrong with it by itself, whatever its limits, by kind.");
    for report in reports.iter().filter(|report| report.facts.is_some()) {
        for kind in FlawKind::ALL {
            let count = report.judgement.flaws.iter().filter(|flaw| flaw.kind.name() == kind.name()).count();
            page.sample(name, &[("target", report.target.name.as_str()), ("kind", kind.name())], count);
        }
    }
}

/// What reading logs in full has found.
fn scrubs(page: &mut Page, reports: &[Report]) {
    let gauges: [Gauge; 4] = [
        (
            "seawall_target_scrub_damage",
            "Damaged places that reading it in full has found, once that was done.",
            |report| {
                let scrubbed = &report.scrubbed;
                let count = scrubbed.places.len() as u64 + scrubbed.more;
                (scrubbed.last.is_some() || count > 0).then_some(count as f64)
            },
        ),
        ("seawall_target_scrub_unreadable_files", "Files of it that could not be read.", |report| {
            let scrubbed = &report.scrubbed;
            let count = scrubbed.unread.as_ref().map(|(count, _)| *count);
            number(count.or(scrubbed.last.map(|_| 0)))
        }),
        ("seawall_target_scrub_timestamp_seconds", "When it was last read in full, to its end.", |report| {
            report.scrubbed.last.map(|pass| pass.ended.nanos() as f64 / 1e9)
        }),
        ("seawall_target_scrub_progress_ratio", "How much of it was read, while it is.", |report| {
            let (_, read, total) = report.scrubbed.running?;
            Some((read as f64 / total.max(1) as f64).min(1.0))
        }),
    ];
    write_gauges(page, reports, &gauges);
    let counters: [Counter; 2] = [
        ("seawall_target_scrub_bytes_total", "Bytes of it that were read for that.", |it| it.scrubbed.bytes),
        ("seawall_target_scrub_passes_total", "How often it was read in full.", |it| it.scrubbed.passes),
    ];
    for (name, help, value) in counters {
        page.family(name, Kind::Counter, help);
        for report in reports.iter().filter(|report| report.target.kind != watch::Kind::Directory) {
            page.sample(name, &[("target", &report.target.name)], value(report));
        }
    }
}

fn forecasts(page: &mut Page, reports: &[Report]) {
    let name = "seawall_target_forecast_seconds";
    page.family(
        name,
        Kind::Gauge,
        "When it will be worth attention, in danger, or its disk full, where that can be told.",
    );
    for report in reports {
        let Some(forecast) = &report.forecast else { continue };
        for (until, eta) in
            [("warning", forecast.warning), ("critical", forecast.critical), ("full", forecast.full)]
        {
            if let Some(eta) = eta {
                let labels = [("target", report.target.name.as_str()), ("until", until)];
                page.sample(name, &labels, eta.likely.as_secs_f64());
            }
        }
    }
}

fn checkpoints(page: &mut Page, reports: &[Report]) {
    page.family("seawall_target_checkpoints_total", Kind::Counter, "Checkpoints by what became of them.");
    for report in reports.iter().filter(|report| report.target.checkpoint.is_some()) {
        let tally = report.tally;
        for (outcome, count) in
            [("effective", tally.effective), ("ineffective", tally.ineffective), ("failed", tally.failed)]
        {
            let labels = [("target", report.target.name.as_str()), ("outcome", outcome)];
            page.sample("seawall_target_checkpoints_total", &labels, count);
        }
    }
    let name = "seawall_target_checkpoint_freed_bytes_total";
    page.family(name, Kind::Counter, "Bytes that checkpoints have freed.");
    for report in reports.iter().filter(|report| report.target.checkpoint.is_some()) {
        page.sample(name, &[("target", &report.target.name)], report.tally.freed_bytes);
    }
    let name = "seawall_target_checkpoint_helped_timestamp_seconds";
    page.family(name, Kind::Gauge, "When a checkpoint last helped.");
    for report in reports {
        if let Some(at) = report.helped {
            page.sample(name, &[("target", &report.target.name)], at.nanos() as f64 / 1e9);
        }
    }
}
