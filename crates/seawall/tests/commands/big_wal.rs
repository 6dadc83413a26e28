//! The demonstration of the guide on big logs: a server that is killed for want of memory at every start, and starts
//! once the guard may drain.

use std::fs;
use std::path::Path;

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use testkit::Cage;
use testkit::prometheus::{DriveError, Prometheus};

use crate::world::World;

/// What a small container has.
const LIMIT: u64 = 400 * 1024 * 1024;

/// 2026-01-31T00:00:00Z in milliseconds.
const START: i64 = 1_769_817_600_000;

/// Something is rolled out every half hour, and each time all series get new names: twelve hours of that.
const GENERATIONS: u64 = 24;
const SERIES: u64 = 30_000;
const GENERATION: i64 = 30 * 60_000;
const SCRAPES: i64 = 6;

/// How many series a record names, and how many it measures: as many as one target has.
const A_TARGET: u64 = 500;

fn write_log(data: &Path) {
    fs::create_dir_all(data.join("wal")).unwrap();
    for generation in 0..GENERATIONS {
        let mut pages = Pages::default();
        let refs = || (0..SERIES).map(|number| SeriesRef(1 + generation * SERIES + number));
        let all: Vec<SeriesRef> = refs().collect();
        for target in all.chunks(usize::try_from(A_TARGET).unwrap()) {
            let series: Vec<(SeriesRef, Vec<u8>)> =
                target.iter().map(|series| (*series, labels(generation, *series))).collect();
            let named = series
                .iter()
                .map(|(series, pairs)| Series { series: *series, labels: Labels::of_pairs(pairs).unwrap() });
            log(&mut pages, &Record::Series(named.collect()));
        }
        for scrape in 0..SCRAPES {
            let time =
                START + i64::try_from(generation).unwrap() * GENERATION + scrape * GENERATION / SCRAPES;
            for target in all.chunks(usize::try_from(A_TARGET).unwrap()) {
                let point = |series: &SeriesRef| Point { series: *series, time, value: scrape as f64 };
                log(&mut pages, &Record::Samples(target.iter().map(point).collect()));
            }
        }
        pages.close();
        fs::write(data.join(format!("wal/{generation:08}")), pages.bytes()).unwrap();
    }
}

fn labels(generation: u64, series: SeriesRef) -> Vec<u8> {
    let (path, pod) = (format!("/{}", series.0 % 100), format!("app-{generation}-{}", series.0 / 100));
    Labels::write_pairs([
        (&b"__name__"[..], &b"requests_total"[..]),
        (b"job", b"app"),
        (b"path", path.as_bytes()),
        (b"pod", pod.as_bytes()),
    ])
}

fn log(pages: &mut Pages, record: &Record<'_>) {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    pages.log(&bytes, Compression::Snappy);
}

/// Starts a server in the cage, behind the guard with these flags, or alone.
fn start(prometheus: &Prometheus, cage: &Cage, guard: &[&str], data: &Path) -> Result<String, DriveError> {
    let guard = guard.iter().map(|word| (*word).to_owned());
    let server = prometheus.on(data).behind(cage.words().into_iter().chain(guard)).start()?;
    // One of a hundred series is asked for, over the whole of the twelve hours: what was drained is answered from
    // blocks. To ask for all of them at once would take more memory than there is.
    let count = format!("sum(count_over_time({{path=\"/7\"}}[{}s]))", GENERATIONS * 1800 + 60);
    let answer = server.query_at(&count, START / 1000 + i64::try_from(GENERATIONS).unwrap() * 1800)?;
    server.stop()?;
    Ok(answer)
}

#[test]
#[ignore = "starts a real server"]
fn a_server_that_is_killed_at_every_start_starts_once_the_guard_may_drain() {
    let Some(prometheus) = Prometheus::need("3.5") else { return };
    let Some(cage) = Cage::of_memory(LIMIT) else { return };
    let world = World::new();
    let data = world.path("data");
    write_log(&data);

    // The loop: every start is killed in its replay, and leaves the log as large as it was, or larger.
    for _ in 0..2 {
        let before = cage.kills();
        let started = start(&prometheus, &cage, &[], &data);
        assert!(matches!(started, Err(DriveError::Ended { .. })), "{started:?}");
        assert_eq!(cage.kills(), before + 1, "the system killed it for want of memory");
    }

    // A guard that may change nothing keeps it from being killed, and that is all it can do.
    let seawall = env!("CARGO_BIN_EXE_seawall");
    let allowed = format!("{}", LIMIT * 9 / 10);
    let guard = [seawall, "guard", "--memory-limit", &allowed];
    let refused = start(&prometheus, &cage, &[&guard[..], &["--"]].concat(), &data);
    let Err(DriveError::Ended { status, log, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("memory-limit"), "{log}");

    // One that may drain does so within the same memory, and becomes the server.
    let kills = cage.kills();
    let answer = start(&prometheus, &cage, &[&guard[..], &["--fix", "drain", "--"]].concat(), &data).unwrap();
    let samples = GENERATIONS * SERIES / 100 * u64::try_from(SCRAPES).unwrap();
    assert!(answer.contains(&format!("\"{samples}\"")), "not every sample is served: {answer}");
    assert_eq!(cage.kills(), kills);

    // From now on it starts by itself.
    let answer = start(&prometheus, &cage, &[], &data).unwrap();
    assert!(answer.contains(&format!("\"{samples}\"")), "{answer}");
}
