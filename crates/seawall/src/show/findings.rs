//! What is wrong with a log and how far it is from its limits.

use super::bar;
use super::figures::label;
use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::units;
use crate::limits::gauges::Gauge;
use crate::limits::{Finding, Health, Severity};
use crate::report::Report;

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
    let mut text = String::new();
    for finding in findings {
        let style = match finding.severity {
            Severity::Warning => theme.warn,
            Severity::Critical => theme.bad,
        };
        let name = format!("{:<8}", finding.severity.name());
        let message = units::safe(&finding.message);
        text.push_str(&format!("  {}  {}: {message}\n", paint(style, &name), finding.code.name()));
        if screen.detail != Detail::Little {
            for line in wrapped(&finding.advice, screen.width.saturating_sub(14).max(40)) {
                text.push_str(&format!("            {}\n", paint(theme.dim, &line)));
            }
        }
    }
    text
}

/// Lines of at most `width` characters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// How far the log is from each limit.
pub(crate) fn gauges(gauges: &[Gauge], screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Left, Align::Left]);
    for gauge in gauges {
        let style = if gauge.kept() { theme.good } else { theme.warn };
        let mark = if gauge.kept() { "ok" } else { "over" };
        table.row([
            Cell::new(style, mark),
            Cell::plain(gauge.name),
            Cell::plain(gauge.value.clone()),
            bar::gauge(gauge.share, style, (theme, &screen.glyphs)),
            Cell::new(theme.dim, gauge.limit.clone()),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_broken_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable", 3), ["unbreakable"]);
    }
}
