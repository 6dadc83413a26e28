//! What is wrong with a log and how far it is from its limits.

use super::bar;
use super::figures::label;
use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::limits::gauges::Gauge;
use crate::limits::{Finding, Health, Severity};
use crate::report::Report;

/// How far a finding's text stands from the edge.
const INDENT: usize = 12;

/// The first line of every report: where, what, how it is.
pub(crate) fn headline(report: &Report, screen: &Screen) -> String {
    let theme = &screen.theme;
    let style = match report.health {
        Health::Healthy => theme.good,
        Health::Warning => theme.warn,
        Health::Critical => theme.bad,
        Health::Unknown => theme.dim,
    };
    let health = match report.health {
        Health::Unknown => "health unknown",
        other => other.name(),
    };
    format!(
        "{}  {}  {}\n",
        paint(theme.strong, &units::safe(&report.path.to_string_lossy())),
        label(report.format),
        paint(style, health)
    )
}

/// Each finding with its advice.
pub(crate) fn findings(findings: &[Finding], screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut lines = Vec::new();
    for finding in findings {
        let style = match finding.severity {
            Severity::Warning => theme.warn,
            Severity::Critical => theme.bad,
        };
        let label = format!("{:<8}", finding.severity.name());
        let message = format!("{}: {}", finding.code.name(), units::safe(&finding.message));
        let room = screen.width.saturating_sub(INDENT).max(40);
        for (index, line) in text::wrapped(&message, room).iter().enumerate() {
            let start = if index == 0 { format!("  {}  ", paint(style, &label)) } else { " ".repeat(INDENT) };
            lines.push(format!("{start}{line}"));
        }
        if screen.detail != Detail::Little {
            for line in text::wrapped(&finding.advice, room) {
                lines.push(format!("{}{}", " ".repeat(INDENT), paint(theme.dim, &line)));
            }
        }
    }
    text::lines(&lines)
}

/// How far the log is from each limit.
pub(crate) fn gauges(gauges: &[Gauge], screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Left, Align::Left]);
    for gauge in gauges {
        let (style, mark) = match gauge.share {
            None => (theme.warn, "?"),
            Some(_) if gauge.kept() => (theme.good, "ok"),
            Some(_) => (theme.warn, "over"),
        };
        table.row([
            Cell::new(style, mark),
            Cell::plain(gauge.name),
            Cell::plain(gauge.value.clone()),
            bar::gauge(gauge.share.unwrap_or(0.0), style, (theme, &screen.glyphs)),
            Cell::new(theme.dim, gauge.limit.clone()),
        ]);
    }
    table.render()
}
