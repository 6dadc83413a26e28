//! Real servers take the blocks without a word, serve every sample, and pack samples into the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use formats::prometheus::record::{Histogram, Labels as Pairs, Point, Record, Series, SeriesRef, Type};
use formats::prometheus::{Chunking, Compression, Directory, Pages, record::HistogramLayout};
use formats::{Progress, Role};
use mend::block::Segments;
use mend::block::chunk::{FLOAT_HISTOGRAM, HISTOGRAM, Sample, SampleValue, Samples, XOR};
use tempfile::TempDir;
use testkit::prometheus::{Prometheus, Server, Setup};
use testkit::wait_for;

use crate::model::{
    BEGIN, Content, STALE, custom, floats, fraction, histograms, labels, packed, row, ulid, whole, write,
};
use crate::reader::Labels;

/// Two hours, which a block is wide.
const WIDTH: i64 = 2 * 3_600_000;

testkit::for_each_version!(
    the_tool_lists_analyses_and_dumps_what_was_written,
    a_server_serves_what_was_written,
    a_server_compacts_what_was_written,
    a_server_packs_numbers_into_the_same_bytes,
    a_server_packs_histograms_into_the_same_bytes,
);

/// Writes blocks that follow each other; answers with all that they hold.
fn data_of(prometheus: &Prometheus, data: &Path, blocks: u8) -> Content {
    let mut all = Content::new();
    for number in 0..blocks {
        let begin = BEGIN + i64::from(number) * WIDTH;
        let mut content = floats(begin);
        content.extend(histograms(begin));
        if knows_custom(prometheus) {
            let values = (0..200).map(|n| SampleValue::Histogram(custom(8 * (n % 70))));
            content.insert(labels(&[("__name__", "custom"), ("kind", "custom")]), row(begin, values));
        }
        // So that some chunks are in other files.
        write(data, u64::from(number), &content, Segments { bytes: 150_000 });
        content.into_iter().for_each(|(labels, samples)| all.entry(labels).or_default().extend(samples));
    }
    all
}

/// Histograms with listed bounds came with version 3.
fn knows_custom(prometheus: &Prometheus) -> bool {
    prometheus.version().starts_with("3.")
}

fn the_tool_lists_analyses_and_dumps_what_was_written(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    let content = floats(BEGIN);
    let (_, first) = write(data.path(), 1, &content, Segments { bytes: 100_000 });
    let later = floats(BEGIN + WIDTH);
    write(data.path(), 2, &later, Segments::default());

    let listed = prometheus.tsdb("list", data.path()).unwrap();
    let line = listed.lines().find(|line| line.starts_with(&ulid(1).to_string())).unwrap();
    let fields: Vec<_> = line.split_whitespace().collect();
    let numbers = [first.stats.num_samples, first.stats.num_chunks, first.stats.num_series];
    assert!(numbers.iter().all(|number| fields.contains(&number.to_string().as_str())), "{line}");
    let analysed = prometheus.tsdb("analyze", data.path()).unwrap();
    assert!(analysed.contains(&ulid(2).to_string()) || analysed.contains(&ulid(1).to_string()));
    assert!(analysed.contains(&format!("Series: {}\n", content.len())), "{analysed}");

    let mut expected = BTreeMap::new();
    for (labels, samples) in content.iter().chain(&later) {
        for sample in samples {
            let SampleValue::Float(value) = sample.value else { unreachable!() };
            expected.insert((labels.clone(), sample.time), bits(value));
        }
    }
    // The tool reads the log as well, and demands that there is one.
    fs::create_dir(data.path().join("wal")).unwrap();
    let dumped = prometheus.tsdb("dump", data.path()).unwrap();
    let dumped: BTreeMap<_, _> = dumped.lines().map(dumped_sample).collect();
    assert_eq!(dumped.len(), expected.len());
    assert!(dumped == expected, "{:?}", dumped.iter().zip(&expected).find(|(one, other)| one != other));
}

/// A line such as `{__name__="up", job="a"} 1 1767225600000`.
fn dumped_sample(line: &str) -> ((Labels, i64), u64) {
    let (labels, rest) = line.split_at(line.rfind('}').unwrap() + 1);
    let (value, time) = rest.trim().split_once(' ').unwrap();
    let labels = labels.trim_start_matches('{').trim_end_matches('}');
    let labels = labels.split(", ").map(|label| {
        let (name, value) = label.split_once('=').unwrap();
        let name = name.trim_matches('"').to_owned();
        let text: String = serde_json::from_str(&value.replace("\\U0010ffff", "\u{10ffff}")).unwrap();
        (name, text)
    });
    ((labels.collect(), time.parse().unwrap()), bits(value.parse().unwrap()))
}

/// Bits by which numbers are compared: texts do not tell one not-a-number from another.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// A value as a server shows it.
#[derive(Debug, PartialEq)]
enum Shown {
    Float(u64),
    /// Count, sum, the counts of all buckets that are not empty, from the lowest.
    Histogram(u64, u64, Vec<u64>),
}

/// What a server must show: everything but the ends.
fn shown(content: &Content) -> BTreeMap<BTreeMap<String, String>, BTreeMap<i64, Shown>> {
    let series = content.iter().map(|(labels, samples)| {
        let values = samples.iter().filter_map(|sample| Some((sample.time, shown_value(&sample.value)?)));
        (labels.iter().cloned().collect(), values.collect())
    });
    series.collect()
}

fn shown_value(value: &SampleValue) -> Option<Shown> {
    use formats::prometheus::record::Buckets;

    let histogram = match value {
        SampleValue::Float(value) => {
            return (value.to_bits() != STALE.to_bits()).then(|| Shown::Float(bits(*value)));
        }
        SampleValue::Histogram(histogram) => histogram,
    };
    if histogram.sum.to_bits() == STALE.to_bits() {
        return None;
    }
    let counts = |buckets: &Buckets| match buckets {
        Buckets::Counts(counts) => counts.clone(),
        Buckets::Deltas(deltas) => {
            let sums = deltas.iter().scan(0, |sum, delta| {
                *sum += delta;
                Some(*sum as f64)
            });
            sums.collect()
        }
    };
    let mut buckets = counts(&histogram.negative);
    buckets.reverse();
    buckets.push(histogram.zero_count);
    buckets.extend(counts(&histogram.positive));
    let filled = buckets.into_iter().filter(|count| *count != 0.0).map(bits).collect();
    Some(Shown::Histogram(bits(histogram.count), bits(histogram.sum), filled))
}

/// Everything that a server serves of series that begin at `BEGIN` and go on for some hours.
///
/// Versions 2.42 and 2.53 answer queries for a range of histograms wrongly, wherever they lie; so those are asked for
/// sample by sample.
fn served(server: &Server, hours: i64) -> BTreeMap<BTreeMap<String, String>, BTreeMap<i64, Shown>> {
    let mut all: BTreeMap<_, BTreeMap<i64, Shown>> = BTreeMap::new();
    // A selector has to demand something. From the year 2100 back to 1900.
    let mut questions = vec![
        (r#"{kind="", __name__=~".+"}[200y]"#, 4_102_444_800),
        (r#"{kind="", lonely="x"}[200y]"#, 4_102_444_800),
    ];
    questions.extend((BEGIN / 1000..BEGIN / 1000 + hours * 3600).step_by(15).map(|at| (r#"{kind!=""}"#, at)));
    for (question, at) in questions {
        let answer: serde_json::Value =
            serde_json::from_str(&server.query_at(question, at).unwrap()).unwrap();
        for one in answer["data"]["result"].as_array().unwrap() {
            let labels = one["metric"].as_object().unwrap().iter();
            let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            all.entry(labels.collect()).or_default().extend(values_of(one));
        }
    }
    all
}

fn values_of(one: &serde_json::Value) -> BTreeMap<i64, Shown> {
    let number = |text: &serde_json::Value| bits(text.as_str().unwrap().parse().unwrap());
    // Of a range, or of one time.
    let rows = |many: &str, single: &str| {
        let single = one.get(single).into_iter().cloned();
        one[many].as_array().cloned().unwrap_or_default().into_iter().chain(single).collect::<Vec<_>>()
    };
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time = |row: &serde_json::Value| (row[0].as_f64().unwrap() * 1000.0).round() as i64;
    let float = |row: &serde_json::Value| (time(row), Shown::Float(number(&row[1])));
    let histogram = |row: &serde_json::Value| {
        let buckets = row[1]["buckets"].as_array().cloned().unwrap_or_default();
        let filled = buckets.iter().map(|bucket| number(&bucket[3])).collect();
        (time(row), Shown::Histogram(number(&row[1]["count"]), number(&row[1]["sum"]), filled))
    };
    let (floats, histograms) = (rows("values", "value"), rows("histograms", "histogram"));
    floats.iter().map(float).chain(histograms.iter().map(histogram)).collect()
}

/// Demands that a server serves this, and says where it does not in a line, not in a megabyte.
fn assert_served(server: &Server, content: &Content, hours: i64) {
    let (served, expected) = (served(server, hours), shown(content));
    let names = |all: &BTreeMap<BTreeMap<String, String>, _>| all.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&served), names(&expected));
    for (labels, expected) in &expected {
        let served = &served[labels];
        assert_eq!(served.len(), expected.len(), "{labels:?}");
        let wrong = expected.iter().find(|(time, value)| served.get(*time) != Some(*value));
        assert!(
            wrong.is_none(),
            "{labels:?}: {wrong:?} is {:?}",
            wrong.and_then(|(time, _)| served.get(time))
        );
    }
}

/// Demands that a server has nothing to say against its data; that it was told to end it may say.
fn assert_content(log: &str) {
    let remarks =
        log.lines().filter(|line| !line.to_lowercase().contains("exiting gracefully")).filter(|line| {
            ["level=warn", "level=WARN", "level=error", "level=ERROR"]
                .iter()
                .any(|level| line.contains(level))
        });
    assert_eq!(remarks.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// A server that takes no earlier sample for one that is missing.
fn precise<'p>(prometheus: &'p Prometheus, data: &Path) -> Setup<'p> {
    prometheus.on(data).flag("--query.lookback-delta=1s")
}

fn a_server_serves_what_was_written(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    let content = data_of(prometheus, data.path(), 2);
    let server = precise(prometheus, data.path()).start().unwrap();
    assert_served(&server, &content, 4);
    assert_eq!(server.metric("prometheus_tsdb_blocks_loaded"), Some(2.0));
    assert_content(&server.stop().unwrap());
}

/// Merging reads every chunk and every label, and checks their order.
fn a_server_compacts_what_was_written(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    // Three blocks fill a row of six hours; those that are newer make the server believe that it is complete.
    let content = data_of(prometheus, data.path(), 5);
    let server = precise(prometheus, data.path())
        .flag("--storage.tsdb.min-block-duration=2h")
        .flag("--storage.tsdb.max-block-duration=6h")
        .start()
        .unwrap();
    // It looks for work once a minute.
    let compacted = wait_for(Duration::from_mins(5), || {
        (server.metric("prometheus_tsdb_blocks_loaded") == Some(3.0)).then_some(())
    });
    assert!(compacted.is_some(), "{}", server.log());
    assert_served(&server, &content, 10);
    assert_content(&server.stop().unwrap());
}

/// Demands that samples of chunks of a server are packed into the same bytes here, but for the two bits that say how a
/// counter goes on.
fn assert_same_bytes(chunks: &[(u8, Vec<u8>)]) {
    let mut same = 0;
    for (encoding, data) in chunks {
        let samples: Vec<Sample> = Samples::of(*encoding, data).unwrap().map(Result::unwrap).collect();
        let ours = packed(&samples);
        // The server lets a chunk grow beyond what it aims at, where it began with fewer samples in the same time.
        if ours.len() > 1 {
            assert!(samples.len() > 120 || data.len() >= 1005, "{samples:?}");
            continue;
        }
        let mut bytes = ours[0].data.to_vec();
        if *encoding != XOR {
            bytes[2] = data[2];
        }
        // Before version 3, a byte that was full was followed by an empty one.
        if data.len() == bytes.len() + 1 {
            bytes.push(0);
        }
        assert_eq!((&ours[0].encoding, &bytes), (encoding, data));
        same += 1;
    }
    assert!(same * 2 > chunks.len(), "{same} of {} chunks are as long as ours", chunks.len());
}

fn a_server_packs_numbers_into_the_same_bytes(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    let line = |(series, sample): (i64, &Sample)| {
        let SampleValue::Float(value) = sample.value else { unreachable!() };
        let value = format!("{value:?}").replace("inf", "Inf");
        // Every other series is not quite on time.
        let time = sample.time + (sample.time + series) % 7 * (series % 2);
        format!("metric{{series=\"{series}\"}} {value} {}.{:03}\n", time / 1000, time % 1000)
    };
    let content = floats(BEGIN);
    let all =
        (0..).zip(content.values()).flat_map(|(series, samples)| samples.iter().map(move |it| (series, it)));
    let text: String = all.map(line).collect();
    prometheus.write_blocks(&format!("{text}# EOF\n"), data.path()).unwrap();
    let mut chunks = Vec::new();
    for entry in fs::read_dir(data.path()).unwrap() {
        let dir = entry.unwrap().path();
        if dir.join("chunks").is_dir() {
            chunks.extend(chunks_of_block(&dir));
        }
    }
    assert!(chunks.len() > 1000);
    assert_same_bytes(&chunks);
}

/// The chunks of a block, one after the other in its files.
fn chunks_of_block(dir: &Path) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    for file in fs::read_dir(dir.join("chunks")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let mut reader = formats::Bytes::new(&bytes[8..]);
        while !reader.is_empty() {
            let len = reader.length("").unwrap();
            let encoding = reader.u8("").unwrap();
            all.push((encoding, reader.take(len, "").unwrap().to_vec()));
            reader.u32_be("").unwrap();
        }
    }
    all
}

fn a_server_packs_histograms_into_the_same_bytes(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    write_log(data.path(), &steady_histograms(prometheus));
    // A replay fills chunks and writes those that are full beside the log.
    let server = prometheus.on(data.path()).feature("native-histograms").start().unwrap();
    assert_content(&server.stop().unwrap());
    let directory = Directory::list(data.path()).unwrap().unwrap();
    let mut chunks = Vec::new();
    for part in directory.parts().iter().filter(|part| part.role == Role::HeadChunks) {
        let visit = &mut |chunking: Chunking<'_>| {
            if let Chunking::Chunk(_, chunk) = chunking {
                chunks.push((chunk.encoding, chunk.data.to_vec()));
            }
            ControlFlow::Continue(())
        };
        directory.chunks(part, &Progress::default(), visit).unwrap();
    }
    for encoding in [HISTOGRAM, FLOAT_HISTOGRAM] {
        assert!(chunks.iter().filter(|(found, _)| *found == encoding).count() > 10);
    }
    assert_same_bytes(&chunks);
}

/// Histograms whose layouts do not change, since a server packs a chunk again when they do.
fn steady_histograms(prometheus: &Prometheus) -> Content {
    let kinds: [fn(u64) -> Histogram; 3] = [whole, fraction, custom];
    let kinds = &kinds[..if knows_custom(prometheus) { 3 } else { 2 }];
    let series = kinds.iter().zip(["whole", "fraction", "custom"]).map(|(histogram, name)| {
        let samples = (0..4_000u64).map(|n| {
            let time = BEGIN + i64::try_from(n * 2_500 + n * n % 13).unwrap();
            let mut value = histogram(n % 700 * (n % 700 % 9 + n % 700));
            match n % 500 {
                497.. => value.sum = STALE,
                300..400 => value.hint = 3,
                _ => {}
            }
            Sample { time, value: SampleValue::Histogram(value) }
        });
        (labels(&[("__name__", name)]), samples.collect())
    });
    series.collect()
}

/// Writes a log that holds the same.
fn write_log(data: &Path, content: &Content) {
    let mut pages = Pages::default();
    let mut log = |record: &Record<'_>| {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        pages.log(&bytes, Compression::None);
    };
    for (series, (labels, samples)) in (1..).map(SeriesRef).zip(content) {
        let pairs = labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let pairs = Pairs::write_pairs(pairs);
        log(&Record::Series(vec![Series { series, labels: Pairs::of_pairs(&pairs).unwrap() }]));
        for Sample { time, value } in samples {
            let time = *time;
            log(&match value {
                SampleValue::Float(value) => Record::Samples(vec![Point { series, time, value: *value }]),
                SampleValue::Histogram(histogram) => {
                    let kind = match (&histogram.bounds, histogram.whole_counts) {
                        (Some(_), _) => Type::CustomHistograms,
                        (None, Some(_)) => Type::Histograms,
                        (None, None) => Type::FloatHistograms,
                    };
                    let point = Point { series, time, value: histogram.clone() };
                    Record::Histograms(kind, HistogramLayout::WithHint, vec![point])
                }
            });
        }
    }
    pages.close();
    fs::create_dir(data.join("wal")).unwrap();
    fs::write(data.join("wal/00000000"), pages.bytes()).unwrap();
}
