//! What a server serves, so that two of them can be compared sample by sample.

use std::collections::{BTreeMap, BTreeSet};

use formats::UnixTime;
use testkit::prometheus::Server;

/// A series by its labels.
pub(crate) type Labels = BTreeMap<String, String>;

/// Everything of every series, by time in milliseconds, as the server writes it: numbers and histograms.
pub(crate) type Content = BTreeMap<Labels, BTreeMap<i64, String>>;

/// The present, which real servers run by.
pub(crate) fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "real servers run by the real clock")]
    std::time::SystemTime::now().into()
}

/// Everything that a server serves.
pub(crate) fn served_by(server: &Server) -> Content {
    // The year 2100, and back from there to 1900.
    let answer = server.query_at(r#"{__name__=~".+"}[200y]"#, 4_102_444_800).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let all = answer["data"]["result"].as_array().unwrap();
    all.iter().map(|one| (labels_of(&one["metric"]), values_of(one))).collect()
}

fn labels_of(metric: &serde_json::Value) -> Labels {
    let pairs = metric.as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn values_of(one: &serde_json::Value) -> BTreeMap<i64, String> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time = |row: &serde_json::Value| (row[0].as_f64().unwrap() * 1000.0).round() as i64;
    let rows = |name: &str| one[name].as_array().cloned().unwrap_or_default();
    let all = rows("values").into_iter().chain(rows("histograms"));
    all.map(|row| (time(&row), row[1].to_string())).collect()
}

/// Demands that two contents are the same, and says where they differ in a line, not in a megabyte.
pub(crate) fn assert_same(served: &Content, expected: &Content, case: &str) {
    if let Some(difference) = difference(served, expected) {
        panic!("{case}: {difference}");
    }
}

/// Where what is served differs from what is expected.
fn difference(served: &Content, expected: &Content) -> Option<String> {
    let only = |one: &Content, other: &Content| -> Vec<Labels> {
        one.keys().filter(|labels| !other.contains_key(*labels)).cloned().collect()
    };
    let (more, fewer) = (only(served, expected), only(expected, served));
    if !more.is_empty() || !fewer.is_empty() {
        return Some(format!("too many are {:?}, missing are {:?}", more.first(), fewer.first()));
    }
    served.iter().find_map(|(labels, values)| {
        let wanted = &expected[labels];
        let differs = |time: &&i64| values.get(*time) != wanted.get(*time);
        let times: BTreeSet<i64> = values.keys().chain(wanted.keys()).filter(differs).copied().collect();
        let first = times.first()?;
        Some(format!(
            "{labels:?}: {} of {} values differ, the first at {first}: {:?} instead of {:?}",
            times.len(),
            wanted.len(),
            values.get(first),
            wanted.get(first)
        ))
    })
}
