//! Logs that servers wrote: what is read is what the server says of itself, and every value is the one it serves.

use std::path::Path;
use std::time::Duration;

use formats::{Depth, Liveness, Order, Survey, Verdict, detect, survey};
use tempfile::TempDir;
use testkit::prometheus::{Prometheus, Server, Setup, assert_same};
use testkit::{Exporter, wait_for};

use crate::exposition::{floats, histograms, whole_histograms};
use crate::model::{Held, now, served_by, survey_of};

/// Long enough for any machine; only a broken run waits so long.
const LIMIT: Duration = Duration::from_mins(2);

/// Often enough to be quick, seldom enough that a log can be read between two scrapes.
pub(crate) const INTERVAL: Duration = Duration::from_millis(700);

/// A survey of a log that is being written.
pub(crate) fn survey_live(path: &Path) -> Survey {
    let log = detect(path, None).unwrap();
    let order = Order::new(Depth::Contents { top: 5 }, now()).live();
    assert_eq!(order.liveness, Liveness::Running);
    survey(log.as_ref(), &order)
}

/// The sum of a metric over all of its labels.
pub(crate) fn total(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").unwrap();
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        (rest.starts_with(' ') || rest.starts_with('{')).then(|| rest.rsplit_once(' '))?
    });
    let sum: f64 = values.map(|(_, value)| value.parse::<f64>().unwrap()).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole")]
    let sum = sum as u64;
    sum
}

/// Waits for a moment in which nothing is written while the log is read and the server asked, and demands that both
/// say the same: samples appended by this server behind the first `before`, and series.
pub(crate) fn agrees_with(server: &Server, metrics: [&str; 2], before: u64) -> Survey {
    let mut last = String::new();
    let agreed = wait_for(LIMIT, || {
        let survey = survey_live(server.data());
        let said = metrics.map(|name| total(server, name));
        let read = [survey.samples.unwrap_or(0) - before, survey.series.unwrap_or(0)];
        last = format!("read {read:?}, said {said:?}, {:?}", survey.damage.listed().first());
        let enough = said[0] > 2 * said[1] && said[1] > 0;
        (enough && read == said).then_some(survey)
    });
    let survey = agreed.unwrap_or_else(|| panic!("{last}"));
    assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Starts), "{:?}", survey.damage);
    survey
}

/// What a server that has replayed a log says and serves is what was read from it.
pub(crate) fn replays(server: &Server) {
    let (survey, held) = (survey_live(server.data()), Held::by(server.data()));
    assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Starts), "{:?}", survey.damage);
    assert_eq!(held.refs.len() as u64, survey.series.unwrap());
    let mut served = served_by(server);
    if let Some(from) = held.from {
        // What lies before that is served from blocks.
        served.values_mut().for_each(|values| values.retain(|time, _| *time >= from));
        served.retain(|_, values| !values.is_empty());
    }
    assert_same(&served, &held.content, "replayed");
    assert_eq!(total(server, "prometheus_tsdb_head_series"), held.taken.len() as u64);
    let newest = held.content.values().filter_map(|values| values.keys().last()).max().unwrap();
    assert!(total(server, "prometheus_tsdb_head_max_time") >= newest.unsigned_abs());
    assert_eq!(total(server, "prometheus_tsdb_wal_corruptions_total"), 0);
    assert_eq!(total(server, "prometheus_tsdb_mmap_chunk_corruptions_total"), 0);
}

/// A server with everything switched on that fills a log.
fn filling<'a>(prometheus: &'a Prometheus, data: &Path, exporters: &[Exporter; 2]) -> Setup<'a> {
    let job = |name: &str, exporter: &Exporter| {
        format!("{{ job_name: {name}, static_configs: [{{ targets: ['{}'] }}] }}", exporter.target())
    };
    prometheus
        .on(data)
        .scraping_itself(INTERVAL)
        .job(job("floats", &exporters[0]))
        .job(job("histograms", &exporters[1]))
        .feature("exemplar-storage,native-histograms,metadata-wal-records")
        .config("storage: { tsdb: { out_of_order_time_window: 30m }, exemplars: { max_exemplars: 10000 } }")
}

fn everything_that_a_server_wrote_is_read_as_it_says_and_serves_it(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    let old = prometheus.version().starts_with("2.42.");
    let histograms = if old { whole_histograms } else { histograms };
    let exporters = [Exporter::serve(floats).unwrap(), Exporter::serve(histograms).unwrap()];
    let metrics = ["prometheus_tsdb_head_samples_appended_total", "prometheus_tsdb_head_series"];

    let server = filling(prometheus, data.path(), &exporters).start().unwrap();
    agrees_with(&server, metrics, 0);
    let late = wait_for(LIMIT, || {
        Some(total(&server, "prometheus_tsdb_head_out_of_order_samples_appended_total"))
            .filter(|late| *late > 2)
    });
    server.kill().unwrap();
    let killed = survey_of(data.path());
    assert_eq!((killed.damage.count(), &killed.verdict), (0, &Verdict::Starts), "{:?}", killed.damage);
    let held = Held::by(data.path());
    assert!(held.late >= late.unwrap(), "{} {late:?}", held.late);
    let kinds = ["series", "samples", "exemplars", "mmapmarkers", "histogram_samples"];
    let newer = ["float_histogram_samples"];
    for kind in kinds.iter().chain(newer.iter().filter(|_| !old)) {
        assert!(killed.kinds.contains_key(kind), "{kind}: {:?}", killed.kinds);
    }

    let compression =
        if old { "--no-storage.tsdb.wal-compression" } else { "--storage.tsdb.wal-compression-type=zstd" };
    let server = filling(prometheus, data.path(), &exporters).flag(compression).start().unwrap();
    agrees_with(&server, metrics, killed.samples.unwrap());
    server.stop().unwrap();
    let stopped = Held::by(data.path());
    assert_eq!((&*stopped.damage, &*stopped.notes), (&[][..], &[][..]));

    let server = prometheus
        .on(data.path())
        .feature("exemplar-storage")
        .config("storage: { exemplars: { max_exemplars: 10000 } }")
        .start()
        .unwrap();
    replays(&server);
    assert_eq!(exemplars(&server), stopped.exemplars);
    server.kill().unwrap();
}

/// When the exemplars are that a server serves.
fn exemplars(server: &Server) -> std::collections::BTreeSet<i128> {
    let answer = server.get("/api/v1/query_exemplars?query=requests_total&start=0&end=4102444800").unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let series = answer["data"].as_array().unwrap().iter();
    let all = series.flat_map(|one| one["exemplars"].as_array().unwrap());
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time =
        |one: &serde_json::Value| (one["timestamp"].as_f64().unwrap() * 1000.0).round() as i128 * 1_000_000;
    all.map(time).collect()
}

testkit::for_each_version! { everything_that_a_server_wrote_is_read_as_it_says_and_serves_it }
