//! What was found out about a disk, as people read it.

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::commands::doctor::{Facts, Latency, Remark, Trust};
use crate::limits::Severity;

/// How far a remark's text stands from the edge.
const INDENT: usize = 12;

/// All of it.
pub(crate) fn disk(facts: &Facts, trust: Trust, remarks: &[Remark], screen: &Screen) -> String {
    let style = match trust {
        Trust::Lost => screen.theme.bad,
        Trust::Doubtful => screen.theme.warn,
        Trust::NoObjection => screen.theme.good,
    };
    let mut verdict = vec![paint(style, trust.told())];
    if screen.detail != Detail::Little {
        let unknown = format!("not known from here: {}", Trust::unknown());
        verdict.extend(
            text::wrapped(&unknown, screen.width.max(40)).iter().map(|line| paint(screen.theme.dim, line)),
        );
    }
    text::stacked([
        places(facts, screen),
        latencies(&facts.latencies, screen),
        findings(remarks, screen),
        text::lines(&verdict),
    ])
}

fn places(facts: &Facts, screen: &Screen) -> String {
    let label = |text: &str| paint(screen.theme.dim, &format!("{text:<12}"));
    let mut lines = vec![format!("{}{}", label("directory"), units::path(&facts.path))];
    if let Some(mount) = &facts.mount {
        let what = format!("{} on {} ({})", mount.kind, mount.source, mount.options.join(","));
        lines.push(format!("{}{}", label("file system"), units::safe(&what)));
    }
    for device in &facts.devices {
        let turns = device.is_rotational.map_or("", |turns| if turns { ", turns" } else { ", solid" });
        let cache = device.write_cache.as_ref().map_or(String::new(), |cache| format!(", {cache} cache"));
        let is_virtual = if device.is_virtual() { ", virtual" } else { "" };
        let model = device.model.as_ref().map_or(String::new(), |model| format!(" {model}"));
        lines.push(format!(
            "{}{}",
            label("disk"),
            units::safe(&format!("{}{model}{turns}{cache}{is_virtual}", device.name))
        ));
    }
    let room = facts.room;
    let inodes = room.inodes.map_or(String::new(), |(free, total)| {
        format!(", {} of {} inodes", units::count(free), units::count(total))
    });
    lines.push(format!("{}{} of {}{inodes}", label("free"), units::size(room.free), units::size(room.total)));
    text::lines(&lines)
}

fn latencies(all: &[Latency], screen: &Screen) -> String {
    let right = Align::Right;
    let mut table = Table::new(&[Align::Left, Align::Left, right, right, right, right]);
    table.titles(screen.theme.dim, &["SYNC", "FILE", "WRITES", "P50", "P99", "LONGEST"]);
    for one in all {
        let span = |span: std::time::Duration| Cell::plain(units::short(span));
        table.row([
            Cell::plain(one.method.name()),
            Cell::plain(if one.is_preallocated() { "preallocated" } else { "growing" }),
            Cell::plain(units::count(one.writes as u64)),
            span(one.p50),
            span(one.p99),
            span(one.max),
        ]);
    }
    table.render()
}

fn findings(remarks: &[Remark], screen: &Screen) -> String {
    let mut lines = Vec::new();
    let room = screen.width.saturating_sub(INDENT).max(40);
    for remark in remarks {
        let style = match remark.severity {
            Severity::Warning => screen.theme.warn,
            Severity::Critical => screen.theme.bad,
        };
        let label = paint(style, &format!("{:<8}", remark.severity.name()));
        let message = format!("{}: {}", remark.code, units::safe(&remark.message));
        for (index, line) in text::wrapped(&message, room).iter().enumerate() {
            let start = if index == 0 { format!("  {label}  ") } else { " ".repeat(INDENT) };
            lines.push(format!("{start}{line}"));
        }
        if screen.detail != Detail::Little {
            let advice = text::wrapped(remark.advice, room);
            lines.extend(
                advice.iter().map(|line| format!("{}{}", " ".repeat(INDENT), paint(screen.theme.dim, line))),
            );
        }
    }
    text::lines(&lines)
}
