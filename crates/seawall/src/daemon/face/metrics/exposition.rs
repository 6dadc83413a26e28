//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A page in the making.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a family of figures. Their samples follow.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to text does not fail.
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    }

    /// A figure with its labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "{name}{labels} {value}").ok();
    }

    /// A family of one figure.
    pub(super) fn one(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Families that somebody else has written.
    pub(super) fn add(&mut self, families: &str) {
        self.0.push_str(families);
    }

    /// The page.
    pub(super) fn text(self) -> String {
        self.0
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_its_line() {
        let mut page = Page::default();
        page.family("a_total", Kind::Counter, "What it is.");
        page.sample("a_total", &[("name", "x\"\n\\")], 3);
        assert_eq!(
            page.text(),
            "# HELP a_total What it is.\n# TYPE a_total counter\na_total{name=\"x\\\"\\n\\\\\"} 3\n"
        );
    }
}
