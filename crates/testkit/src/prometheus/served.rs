//! What a server serves, so that it can be held, sample by sample, against what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde_json::Value;

use super::{DriveError, Server};

/// A series by its labels.
pub type Labels = BTreeMap<String, String>;

/// Every sample of every series, by time in milliseconds. What a sample is seen as, is the test's choice.
pub type Content<V> = BTreeMap<Labels, BTreeMap<i64, V>>;

/// A sample as the server writes it.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    /// A number.
    Float(&'a Value),
    /// A histogram.
    Histogram(&'a Value),
}

/// The year 2100, in seconds since 1970. Looking back 200 years from there finds everything.
const LAST: i64 = 4_102_444_800;

impl Server {
    /// All samples of the series that match, each seen in the test's own way.
    pub fn served<V>(&self, matcher: &str, seen: impl Fn(Sample<'_>) -> V) -> Result<Content<V>, DriveError> {
        let expression = format!("{{{matcher}}}[200y]");
        let body = self.query_at(&expression, LAST)?;
        content(&body, seen).ok_or(DriveError::Garbled { path: expression, body })
    }
}

fn content<V>(body: &str, seen: impl Fn(Sample<'_>) -> V) -> Option<Content<V>> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let all = answer.pointer("/data/result")?.as_array()?;
    all.iter().map(|series| Some((labels(series)?, samples(series, &seen)?))).collect()
}

fn labels(series: &Value) -> Option<Labels> {
    let pairs = series.get("metric")?.as_object()?.iter();
    pairs.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn samples<V>(series: &Value, seen: &impl Fn(Sample<'_>) -> V) -> Option<BTreeMap<i64, V>> {
    let rows = |name: &str| series.get(name).and_then(Value::as_array).into_iter().flatten();
    let floats = rows("values").map(|row| Some((time(row)?, seen(Sample::Float(row.get(1)?)))));
    let histograms = rows("histograms").map(|row| Some((time(row)?, seen(Sample::Histogram(row.get(1)?)))));
    floats.chain(histograms).collect()
}

fn time(row: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    Some((row.get(0)?.as_f64()? * 1000.0).round() as i64)
}

/// Where what is served differs from what is expected, in a line and not in a megabyte.
pub fn difference<V: PartialEq + Debug>(served: &Content<V>, expected: &Content<V>) -> Option<String> {
    let only = |one: &Content<V>, other: &Content<V>| -> Vec<Labels> {
        one.keys().filter(|labels| !other.contains_key(*labels)).cloned().collect()
    };
    let (more, fewer) = (only(served, expected), only(expected, served));
    if !more.is_empty() || !fewer.is_empty() {
        return Some(format!(
            "served are {} series instead of {}; {} too many: {:?}; {} missing: {:?}",
            served.len(),
            expected.len(),
            more.len(),
            more.first(),
            fewer.len(),
            fewer.first()
        ));
    }
    served.iter().zip(expected).find_map(|((labels, values), (_, wanted))| {
        let differs = |time: &&i64| values.get(*time) != wanted.get(*time);
        let times: BTreeSet<i64> = values.keys().chain(wanted.keys()).filter(differs).copied().collect();
        let first = times.first()?;
        Some(format!(
            "{labels:?}: {} values instead of {}, {} differ, the first at {first}: {:?} instead of {:?}",
            values.len(),
            wanted.len(),
            times.len(),
            values.get(first),
            wanted.get(first)
        ))
    })
}

/// Demands that two contents are the same.
pub fn assert_same<V: PartialEq + Debug>(served: &Content<V>, expected: &Content<V>, case: &str) {
    let difference = difference(served, expected);
    assert!(difference.is_none(), "{case}: {}", difference.unwrap_or_default());
}

/// Makes each law a test for each version of the server: a function that takes a [`Prometheus`](super::Prometheus).
#[macro_export]
macro_rules! for_each_version {
    ($($law:ident),* $(,)?) => {
        $crate::for_each_version!(@ v2_42 "2.42" $($law)*);
        $crate::for_each_version!(@ v2_53 "2.53" $($law)*);
        $crate::for_each_version!(@ v3_5 "3.5" $($law)*);
    };
    (@ $module:ident $version:literal $($law:ident)*) => {
        mod $module {
            $(
                #[test]
                #[ignore = "starts a real server"]
                fn $law() {
                    if let Some(prometheus) = $crate::prometheus::Prometheus::need($version) {
                        super::$law(&prometheus);
                    }
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{Content, Sample, content, difference};

    fn seen(sample: Sample<'_>) -> String {
        match sample {
            Sample::Float(value) | Sample::Histogram(value) => value.to_string(),
        }
    }

    fn of(values: &str) -> Content<String> {
        let body = format!(r#"{{"data":{{"result":[{{"metric":{{"job":"a"}},"values":{values}}}]}}}}"#);
        content(&body, seen).unwrap_or_default()
    }

    #[test]
    fn a_sample_that_differs_or_is_missing_is_named() {
        let served = of(r#"[[1.5,"1"],[2,"2"]]"#);
        assert_eq!(served.len(), 1);
        assert_eq!(difference(&served, &served), None);
        for other in [r#"[[1.5,"1"],[2,"3"]]"#, r#"[[1.5,"1"]]"#, r#"[[1.5,"1"],[2,"2"],[3,"3"]]"#] {
            assert!(difference(&served, &of(other)).is_some(), "{other}");
        }
        assert!(difference(&served, &Content::new()).is_some());
    }

    #[test]
    fn an_answer_of_another_shape_is_no_content() {
        for body in ["", "{}", r#"{"data":{"result":[{}]}}"#, r#"{"data":{"result":[{"metric":{"a":1}}]}}"#] {
            assert!(content(body, seen).is_none(), "{body}");
        }
    }
}
