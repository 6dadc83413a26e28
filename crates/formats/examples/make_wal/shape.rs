//! What a WAL holds: which series, and what is measured of each.

use formats::prometheus::record::{
    Buckets, Histogram, HistogramLayout, Labels, Point, Record, Series, SeriesRef, Span, Type,
};

/// Usual scrape interval in milliseconds.
const INTERVAL: i64 = 15_000;

/// An hour before 2026-01-01T00:00:00Z: the last scrape of the longest run lies before it.
const END: i64 = 1_767_222_000_000;

/// How many scrapes the longest run may have: at the usual interval two hours, the length of a block.
const LONGEST: i64 = 480;

/// Every how many scrapes a tenth of the series is replaced.
const CHURN_EVERY: u64 = 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Steady,
    Churn,
    Histograms,
}

/// A set of series and how they are measured.
pub(crate) struct Shape {
    kind: Kind,
    /// Numbers of the series that exist now.
    alive: Vec<u64>,
    declared: u64,
    /// Scrape interval in milliseconds.
    interval: i64,
}

impl Shape {
    pub(crate) fn named(name: &str, series: u64) -> Option<Self> {
        let kind = match name {
            "steady" => Kind::Steady,
            "churn" => Kind::Churn,
            "histograms" => Kind::Histograms,
            _ => return None,
        };
        Some(Self { kind, alive: (1..=series).collect(), declared: 0, interval: INTERVAL })
    }

    /// Sets another scrape interval.
    pub(crate) fn scrape_every(&mut self, seconds: u64) {
        self.interval = i64::try_from(seconds).expect("a scrape interval") * 1000;
    }

    /// Declares the series that a scrape sees first.
    pub(crate) fn declare(&mut self, scrape: u64, mut log: impl FnMut(Record<'_>)) {
        if self.kind == Kind::Churn && scrape > 0 && scrape.is_multiple_of(CHURN_EVERY) {
            let mut next = self.declared;
            for (at, number) in self.alive.iter_mut().enumerate() {
                if (at as u64 + scrape / CHURN_EVERY).is_multiple_of(10) {
                    next += 1;
                    *number = next;
                }
            }
        }
        let new: Vec<u64> = self.alive.iter().copied().filter(|number| *number > self.declared).collect();
        self.declared = new.iter().copied().max().unwrap_or(self.declared);
        for chunk in new.chunks(1000) {
            let pairs: Vec<Vec<u8>> = chunk.iter().map(|number| pairs(*number)).collect();
            let series = chunk.iter().zip(&pairs).filter_map(|(number, pairs)| {
                Some(Series { series: SeriesRef(*number), labels: Labels::of_pairs(pairs)? })
            });
            log(Record::Series(series.collect()));
        }
    }

    /// Measures every series once.
    pub(crate) fn measure(&self, scrape: u64, per_record: usize, mut log: impl FnMut(Record<'_>)) {
        let step = i64::try_from(scrape).expect("few scrapes");
        let time = END - (LONGEST - step) * self.interval;
        for chunk in self.alive.chunks(per_record) {
            if self.kind == Kind::Histograms {
                let points =
                    chunk.iter().map(|number| at(*number, time, histogram(*number, scrape))).collect();
                log(Record::Histograms(Type::Histograms, HistogramLayout::WithHint, points));
            } else {
                log(Record::Samples(
                    chunk.iter().map(|number| at(*number, time, value(*number, scrape))).collect(),
                ));
            }
        }
    }
}

fn at<V>(number: u64, time: i64, value: V) -> Point<V> {
    Point { series: SeriesRef(number), time, value }
}

fn pairs(number: u64) -> Vec<u8> {
    let texts = [
        ("__name__", format!("metric_{}_total", number % 500)),
        ("instance", format!("10.0.{}.{}:9100", number / 2000 % 250, number / 500 % 250)),
        ("job", format!("job-{}", number % 20)),
        ("device", format!("sd{}", number % 26)),
        ("mode", if number.is_multiple_of(4) { "idle" } else { "user" }.to_owned()),
        ("id", number.to_string()),
        ("zone", "eu-central-1a".to_owned()),
    ];
    Labels::write_pairs(texts.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

/// A number that looks random and is the same at every run.
fn noise(number: u64, scrape: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ scrape.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 31;
    mixed = mixed.wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 29)
}

fn value(number: u64, scrape: u64) -> f64 {
    let random = noise(number, scrape);
    match number % 10 {
        0..=5 => (number % 1000 * 1000 + scrape * (number % 97 + 1) + random % 7) as f64,
        6 | 7 => (random % 16) as f64,
        _ => (random % 1_000_000) as f64 / 1000.0,
    }
}

fn histogram(number: u64, scrape: u64) -> Histogram {
    let buckets = 8 + number % 24;
    let counts: Vec<i64> = (0..buckets).map(|at| (noise(number, at) % 50 * scrape).cast_signed()).collect();
    let count: i64 = counts.iter().sum();
    let deltas = counts.iter().scan(0, |previous, count| {
        let delta = count - *previous;
        *previous = *count;
        Some(delta)
    });
    let whole = count.cast_unsigned();
    Histogram {
        hint: 2,
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count: 0.0,
        count: whole as f64,
        whole_counts: Some((0, whole)),
        sum: whole as f64 * 0.37,
        positive_spans: vec![Span { offset: 0, length: buckets }],
        negative_spans: Vec::new(),
        positive: Buckets::Deltas(deltas.collect()),
        negative: Buckets::Deltas(Vec::new()),
        bounds: None,
    }
}
