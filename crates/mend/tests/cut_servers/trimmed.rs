//! A server serves of a trimmed log what it served before, but for what was said to be lost.

use formats::{Depth, Order, Progress};
use mend::prometheus::{Trim, TrimTo};
use mend::{Mending, Terms, apply};
use testkit::prometheus::{Prometheus, assert_same};

use crate::logs::{Data, HOUR, Knows, at, rich};
use crate::served::{Content, now, served_by};

testkit::for_each_version!(
    what_a_trimmed_log_lacks_is_what_was_said,
    a_log_is_trimmed_to_a_size,
    chunks_of_the_head_outlive_a_trim,
);

fn served(prometheus: &Prometheus, data: &Data) -> Content {
    let server = prometheus.on(data.path()).start().unwrap();
    let served = served_by(&server);
    server.stop().unwrap();
    served
}

fn count(content: &Content) -> usize {
    content.values().map(std::collections::BTreeMap::len).sum()
}

/// Bytes of the log.
fn size(data: &Data) -> u64 {
    let files = data.tree().into_iter().filter(|(name, _)| name.starts_with("wal/"));
    files.map(|(_, bytes)| bytes.len() as u64).sum()
}

/// Trims a copy, and answers with what a server served before and serves then, and with what was said to be lost.
/// Stale markers are lost, too, and no query shows them: the two numbers differ by those.
fn trimmed(prometheus: &Prometheus, data: &Data, to: TrimTo) -> (Content, Content, u64, Data) {
    let order = Order::new(Depth::Bytes, now());
    let trim = Trim::plan(data.path(), to, &order).unwrap();
    let before = served(prometheus, &data.copy());
    let copy = data.copy();
    let trim_copy = Trim::plan(copy.path(), to, &order).unwrap();
    assert_eq!(trim.plan().loss, trim_copy.plan().loss);
    apply(&trim_copy, &Terms { now: now(), progress: Progress::default() }).unwrap();
    let after = served(prometheus, &copy.copy());
    (before, after, trim_copy.plan().loss.samples.unwrap(), copy)
}

fn what_a_trimmed_log_lacks_is_what_was_said(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus));
    let cut = at(123) + 17;
    let (before, after, lost, _) = trimmed(prometheus, &data, TrimTo::MaxAge(HOUR, cut + HOUR));
    let mut expected = before.clone();
    expected.values_mut().for_each(|values| values.retain(|time, _| *time >= cut));
    expected.retain(|_, values| !values.is_empty());
    assert_same(&after, &expected, "trimmed");
    let shown = (count(&before) - count(&after)) as u64;
    let stale = lost - shown;
    // Scrapes 2, 9, 16 and so on of one series, and scrape 96 of each histogram.
    let histograms = if Knows::of(prometheus) == Knows::CustomBuckets { 12 } else { 8 };
    assert_eq!(stale, 18 + histograms);
}

fn a_log_is_trimmed_to_a_size(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus));
    // Of a log this small, what pages may have to be filled up with is a large part.
    let most = size(&data) * 3 / 4;
    let (before, after, _, trimmed) = trimmed(prometheus, &data, TrimTo::MaxSize(most));
    assert!(size(&trimmed) <= most, "{} of {most}", size(&trimmed));
    assert!(count(&after) < count(&before) && count(&after) * 10 > count(&before));
    let order = Order::new(Depth::Bytes, now());
    assert!(Trim::plan(trimmed.path(), TrimTo::MaxSize(most), &order).unwrap().plan().is_empty());
}

fn chunks_of_the_head_outlive_a_trim(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus)).after_a_run(prometheus);
    let cut = at(300);
    let (before, after, lost, _) = trimmed(prometheus, &data, TrimTo::MaxAge(HOUR, cut + HOUR));
    let shown = (count(&before) - count(&after)) as u64;
    assert!(shown <= lost && lost < shown + 60, "{shown} of {lost}");
    assert!(count(&after) * 2 > count(&before), "most samples are in chunks");
    for (labels, values) in &after {
        assert!(values.iter().all(|(time, value)| before[labels].get(time) == Some(value)));
    }
    for (labels, values) in &before {
        assert!(values.range(cut..).all(|(time, _)| after[labels].contains_key(time)));
    }
}
