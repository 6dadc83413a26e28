//! Numbers, sizes, spans, times and names as people read them.

use std::path::Path;

use formats::{TimeRange, UnixTime};

use crate::times::day_and_second;

/// A size in binary units with three digits that count.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        // 999.5 would print as 1000 and three digits is the promise.
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", three_digits(value))
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A number with commas between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 file`, `2 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A span of time in its two largest units.
pub(crate) fn span(seconds: f64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    if seconds.is_nan() || seconds < 0.05 {
        return "0 s".to_owned();
    }
    if seconds < 9.95 {
        return format!("{} s", trimmed(seconds));
    }
    let whole = whole_seconds(seconds);
    let first = UNITS.iter().position(|(_, length)| whole >= *length).unwrap_or(UNITS.len() - 1);
    let mut rest = whole;
    let mut text = Vec::new();
    for (unit, length) in UNITS.iter().skip(first).take(2) {
        if rest / length > 0 {
            text.push(format!("{} {unit}", count(rest / length)));
        }
        rest %= length;
    }
    text.join(" ")
}

fn trimmed(seconds: f64) -> String {
    let text = format!("{seconds:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a span of time that was clamped to what 64 bits hold"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.round().clamp(0.0, 1e18) as u64
}

/// A span of time that may be short, as what one write takes.
pub(crate) fn short(span: std::time::Duration) -> String {
    let micros = span.as_secs_f64() * 1e6;
    match micros {
        micros if micros < 999.5 => format!("{micros:.0} us"),
        micros if micros < 99_950.0 => format!("{:.1} ms", micros / 1e3),
        micros if micros < 999_500.0 => format!("{:.0} ms", micros / 1e3),
        micros => format!("{:.1} s", micros / 1e6),
    }
}

/// A point in time to the second, in UTC.
pub(crate) fn time(time: UnixTime) -> String {
    match day_and_second(time) {
        Some((day, second)) => format!("{day} {second}"),
        None => format!("{} s since 1970", time.nanos() / 1_000_000_000),
    }
}

/// A range of time, the day said once where it is the same.
pub(crate) fn range(times: TimeRange) -> String {
    match (day_and_second(times.min), day_and_second(times.max)) {
        (Some((first_day, first)), Some((last_day, last))) if first_day == last_day => {
            format!("{first_day} {first} - {last}")
        }
        _ => format!("{} - {}", time(times.min), time(times.max)),
    }
}

/// Text from a log without anything that a terminal would obey.
///
/// Control characters are escaped, and so are the characters that reorder text: a label could otherwise hide itself or
/// rewrite the line before it.
pub(crate) fn safe(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// A path as it can be pasted into a shell.
pub(crate) fn path(path: &Path) -> String {
    let text = safe(&path.to_string_lossy());
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_that_count() {
        let table: &[(u64, &str)] = &[
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1_610_612_736, "1.50 GiB"),
            (134_217_728, "128 MiB"),
            (1_048_575, "1.00 MiB"),
            (12_345_678, "11.8 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(*bytes), *text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(9_876_543), "9,876,543");
        assert_eq!(counted(1, "file", "files"), "1 file");
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        let table: &[(f64, &str)] = &[
            (0.0, "0 s"),
            (0.4, "0.4 s"),
            (2.0, "2 s"),
            (41.4, "41 s"),
            (59.7, "1 min"),
            (90.0, "1 min 30 s"),
            (7200.0, "2 h"),
            (7500.0, "2 h 5 min"),
            (90_061.0, "1 d 1 h"),
            (f64::NAN, "0 s"),
        ];
        for (seconds, text) in table {
            assert_eq!(span(*seconds), *text, "{seconds}");
        }
    }

    #[test]
    fn a_range_within_one_day_names_the_day_once() {
        let at = UnixTime::from_seconds;
        let range_of = |min, max| range(TimeRange { min: at(min), max: at(max) });
        assert_eq!(range_of(1_769_860_800, 1_769_864_400), "2026-01-31 12:00:00 - 13:00:00");
        assert_eq!(range_of(0, 86_400), "1970-01-01 00:00:00 - 1970-01-02 00:00:00");
        assert_eq!(time(UnixTime::from_millis(i64::MAX)), "9223372036854775 s since 1970");
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(safe("a\x1b[31mb\nc"), r"a\u{1b}[31mb\nc");
        assert_eq!(safe("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(safe("gr\u{fc}n"), "gr\u{fc}n");
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(path(Path::new("/var/lib/x-1")), "/var/lib/x-1");
        assert_eq!(path(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
