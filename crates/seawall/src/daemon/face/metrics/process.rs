//! Figures of the process itself, under the names that programs that are scraped have in common.
//!
//! They are read from `/proc`. Where there is none, they are left out.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::exposition::{Kind, Page};

/// Adds them.
pub(super) fn write(page: &mut Page) {
    let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::read(&text));
    let ticks = clock_ticks_per_second() as f64;
    let seconds = |ticked: u64| ticked as f64 / ticks;
    let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot(&text));
    let began = stat.as_ref().zip(boot).map(|(stat, boot)| boot as f64 + seconds(stat.began));
    let resident = stat.as_ref().and_then(|stat| stat.resident_pages.checked_mul(page_size() as u64));
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    let figures = [
        (
            "process_cpu_seconds_total",
            Kind::Counter,
            "Seconds that processors have spent on it.",
            stat.as_ref().map(|stat| seconds(stat.spent)),
        ),
        ("process_start_time_seconds", Kind::Gauge, "When it was started.", began),
        (
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Memory that it has in use.",
            resident.map(|bytes| bytes as f64),
        ),
        (
            "process_virtual_memory_bytes",
            Kind::Gauge,
            "Its addresses, most of which are no memory.",
            stat.as_ref().map(|stat| stat.addresses as f64),
        ),
        ("process_threads", Kind::Gauge, "Its threads.", stat.as_ref().map(|stat| stat.threads as f64)),
        // The list is itself read through one.
        (
            "process_open_fds",
            Kind::Gauge,
            "Files and connections that it has open.",
            open.map(|count| count.saturating_sub(1) as f64),
        ),
        (
            "process_max_fds",
            Kind::Gauge,
            "How many it may have open.",
            getrlimit(Resource::Nofile).current.map(|most| most as f64),
        ),
    ];
    for (name, kind, help, value) in figures {
        page.family(name, kind, help);
        if let Some(value) = value {
            page.sample(name, &[], value);
        }
    }
}

/// What `/proc/self/stat` says of it.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Ticks that processors have spent on it.
    spent: u64,
    threads: u64,
    /// Ticks from the start of the machine to its own.
    began: u64,
    /// Bytes of its address space.
    addresses: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // Its name comes second, in parentheses, and may hold any character, spaces and parentheses too.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The manual counts from 1, and what follows the name is its field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            spent: field(14)?.checked_add(field(15)?)?,
            threads: field(20)?,
            began: field(22)?,
            addresses: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// Seconds from 1970 to the start of the machine.
fn boot(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 20 0 4 0 900 4096 7 18446744073709551615";
        let stat = Stat { spent: 200, threads: 4, began: 900, addresses: 4096, resident_pages: 7 };
        assert_eq!(Stat::read(&format!("42 (sea) wall (x) {rest}")), Some(stat));
        for text in [
            "",
            "42 (seawall",
            "42 (seawall) S 1",
            "42 (seawall) S a b c d e f g h i j k l m n o p q r s t u",
        ] {
            assert_eq!(Stat::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_start_of_the_machine_is_a_line_among_others() {
        assert_eq!(boot("cpu  1 2\nbtime 1700000000\nprocesses 5\n"), Some(1_700_000_000));
        assert_eq!(boot("cpu  1 2\n"), None);
    }
}
