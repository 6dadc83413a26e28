//! A server serves of a drained log what it serves of the same log as it was.

use std::num::NonZeroUsize;
use std::time::Duration;

use formats::{Depth, Order, Progress};
use mend::prometheus::{Cut, Drain};
use mend::{Mending, Newer, Terms, apply, undo};
use testkit::prometheus::{Prometheus, assert_same};
use testkit::wait_for;

use crate::logs::{BEGIN, Data, HOUR, Knows, MIDNIGHT, STEP, Writer, at, rich};
use crate::served::{Content, now, served_by};

testkit::for_each_version!(
    a_log_with_everything_in_it_is_served_as_before_wherever_it_is_cut,
    a_drained_checkpoint_is_served_as_before,
    chunks_of_the_head_are_served_as_before,
    chunks_that_the_next_start_deletes_are_refused_until_it_has,
    samples_that_only_chunks_of_the_head_have_are_served_as_before,
    late_samples_and_their_deletions_are_served_as_before,
    what_is_behind_the_blocks_is_served_as_before,
    a_drained_log_is_served_as_before_after_a_scrape_a_compaction_and_a_restart,
    draining_again_does_nothing_and_undoing_restores_every_byte,
);

/// What to do to a log.
fn order() -> Order {
    Order::new(Depth::Bytes, now()).workers(NonZeroUsize::new(2).unwrap())
}

fn terms() -> Terms {
    Terms { now: now(), progress: Progress::default() }
}

/// Drains a log, which must have something to drain.
fn drain(data: &Data, cut: Cut) -> String {
    let drain = Drain::plan(data.path(), cut, &order()).unwrap();
    assert!(!drain.plan().is_empty(), "{:?}", drain.plan());
    assert!(drain.plan().loss.is_none());
    apply(&drain, &terms()).unwrap().id
}

/// What a server serves of a log.
fn served(prometheus: &Prometheus, data: &Data) -> Content {
    let setup = prometheus.on(data.path());
    let server = setup.config("storage: { tsdb: { out_of_order_time_window: 24h } }").start().unwrap();
    let served = served_by(&server);
    let log = server.stop().unwrap();
    assert!(!log.contains("Overlapping blocks"), "{log}");
    served
}

/// Drains a copy at each cut; it is served as the log is, twice.
fn assert_drained(prometheus: &Prometheus, data: &Data, cuts: &[Cut]) {
    let expected = served(prometheus, &data.copy());
    assert!(!expected.is_empty());
    for cut in cuts {
        let copy = data.copy();
        drain(&copy, *cut);
        assert!(!copy.blocks().is_empty());
        assert_same(&served(prometheus, &copy), &expected, &format!("{cut:?}"));
        assert_same(&served(prometheus, &copy), &expected, &format!("{cut:?}, after a restart"));
    }
}

const CUTS: [Cut; 5] =
    [Cut::Default, Cut::Keep(0), Cut::Keep(3 * HOUR), Cut::Until(MIDNIGHT + 2 * HOUR), Cut::Until(i64::MAX)];

fn a_log_with_everything_in_it_is_served_as_before_wherever_it_is_cut(prometheus: &Prometheus) {
    assert_drained(prometheus, &rich(Knows::of(prometheus)), &CUTS);
}

fn a_drained_checkpoint_is_served_as_before(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus)).checkpointed();
    assert_drained(prometheus, &data, &[Cut::Default, Cut::Until(MIDNIGHT + 2 * HOUR)]);
}

fn chunks_of_the_head_are_served_as_before(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus)).after_a_run(prometheus);
    assert!(!data.names("chunks_head").is_empty());
    assert_drained(prometheus, &data, &CUTS);
}

/// Of a series that was declared twice, each start maps all chunks once more, and the one after that sees it.
fn chunks_that_the_next_start_deletes_are_refused_until_it_has(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus)).after_a_run(prometheus).after_a_run(prometheus);
    let refused = Drain::plan(data.path(), Cut::Default, &order()).unwrap_err().to_string();
    assert!(refused.contains("series 42 that do not follow each other in time"), "{refused}");
    let log = prometheus.on(data.path()).start().unwrap().stop().unwrap();
    assert!(log.contains("out of sequence m-mapped chunk"), "{log}");
    assert_drained(prometheus, &data, &CUTS);
}

/// Of the log only its series, its newest samples and a few others are left: chunks hold the rest.
fn samples_that_only_chunks_of_the_head_have_are_served_as_before(prometheus: &Prometheus) {
    let data = steady(&[]).after_a_run(prometheus);
    let mut writer = Writer::new();
    (1..=3).for_each(|number| writer.declare(number, &format!("steady_{number}")));
    for scrape in (60..65).chain(350..360) {
        writer.samples(&[1, 2, 3].map(|number| (number, at(scrape), scrape as f64)));
    }
    let short = writer.finish();
    data.names("wal").iter().for_each(|name| std::fs::remove_file(data.at(&format!("wal/{name}"))).unwrap());
    data.write("wal/00000000", &std::fs::read(short.at("wal/00000000")).unwrap());
    assert_drained(prometheus, &data, &CUTS[..4]);
}

/// Three series for six hours, with deletions.
fn steady(deleted: &[(u64, i64, i64)]) -> Data {
    let mut writer = Writer::new();
    (1..=3).for_each(|number| writer.declare(number, &format!("steady_{number}")));
    for scrape in 0..360 {
        if scrape % 100 == 99 {
            writer.roll();
        }
        writer.samples(&[1, 2, 3].map(|number| (number, at(scrape), scrape as f64)));
    }
    deleted.iter().for_each(|(number, from, to)| writer.delete(*number, *from, *to));
    writer.finish()
}

/// A log of late samples for the first two series, between those that came in order.
fn with_late_samples(data: &Data) {
    let mut late = Writer::new();
    for scrape in (0..355).rev() {
        late.samples(&[1, 2].map(|number| (number, at(scrape) + STEP / 2, -(scrape as f64))));
    }
    let late = late.finish();
    data.write("wbl/00000000", &std::fs::read(late.at("wal/00000000")).unwrap());
}

fn late_samples_and_their_deletions_are_served_as_before(prometheus: &Prometheus) {
    let cut = [Cut::Default, Cut::Until(MIDNIGHT + 2 * HOUR)];
    let data = steady(&[(3, at(20), at(30))]);
    with_late_samples(&data);
    assert_drained(prometheus, &data, &cut);
    // Once more with late chunks, which a run leaves.
    assert_drained(prometheus, &data.after_a_run(prometheus), &cut);
    // A deletion before the cut would not reach late samples any more: the cut moves before it.
    let data = steady(&[(1, at(150), at(160))]);
    with_late_samples(&data);
    let plan = Drain::plan(data.path(), Cut::Default, &order()).unwrap();
    assert!(plan.plan().notes.iter().any(|note| note.code == "cut-before-deletion"));
    assert_drained(prometheus, &data, &cut);
}

/// A block of another series says where the head begins, in the middle of a window.
fn what_is_behind_the_blocks_is_served_as_before(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus));
    let times = (0..30).map(|step| (BEGIN + step * STEP) / 1000);
    let lines: Vec<String> = times.map(|seconds| format!("other{{job=\"cut\"}} 1 {seconds}")).collect();
    prometheus
        .write_blocks(&format!("# TYPE other gauge\n{}\n# EOF\n", lines.join("\n")), data.path())
        .unwrap();
    assert_drained(prometheus, &data, &[Cut::Default, Cut::Keep(0)]);
    assert_drained(prometheus, &data.after_a_run(prometheus), &[Cut::Default]);
}

/// Its own metrics, which the server scrapes to have its head cut, are of no interest.
fn without_own(mut content: Content) -> Content {
    content.retain(|labels, _| labels.get("job").is_some_and(|job| job == "cut"));
    content
}

fn a_drained_log_is_served_as_before_after_a_scrape_a_compaction_and_a_restart(prometheus: &Prometheus) {
    let with_late = steady(&[(3, at(20), at(30))]);
    with_late_samples(&with_late);
    let run = rich(Knows::of(prometheus)).after_a_run(prometheus);
    for data in [rich(Knows::of(prometheus)), run, with_late] {
        let expected = served(prometheus, &data.copy());
        drain(&data, Cut::Default);
        let setup = prometheus.on(data.path()).scraping_itself(Duration::from_secs(1));
        // Wider blocks of in-order and late samples are another matter: the server itself loses samples over them.
        let setup =
            setup.flag("--storage.tsdb.min-block-duration=2h").flag("--storage.tsdb.max-block-duration=2h");
        let server = setup.config("storage: { tsdb: { out_of_order_time_window: 24h } }").start().unwrap();
        // Stopped between two windows it would map the chunks of "renumbered" once more at each start. The last one
        // it may keep: 2.42 cannot write all histograms into a block.
        let last = (MIDNIGHT + 6 * HOUR) as f64;
        let begin = || server.metric("prometheus_tsdb_head_min_time").filter(|begin| *begin >= last);
        wait_for(Duration::from_mins(4), begin).expect("the server cuts its head");
        assert_same(&without_own(served_by(&server)), &expected, "after a compaction");
        server.stop().unwrap();
        assert_same(&without_own(served(prometheus, &data)), &expected, "after a compaction and a restart");
        // By now the log is the server's own, and much of it is in blocks.
        assert_drained(prometheus, &data, &[Cut::Keep(0)]);
    }
}

fn draining_again_does_nothing_and_undoing_restores_every_byte(prometheus: &Prometheus) {
    let data = rich(Knows::of(prometheus)).after_a_run(prometheus);
    let before = data.tree();
    let receipt = drain(&data, Cut::Default);
    let again = Drain::plan(data.path(), Cut::Default, &order()).unwrap();
    assert!(again.plan().is_empty(), "{:?}", again.plan());
    let site = again.plan().site.clone();
    let taken_back = undo(&site, Some(&receipt), Newer::Refuse).unwrap();
    apply(&taken_back, &terms()).unwrap();
    let mut after = data.tree();
    after.retain(|(name, _)| !name.starts_with("wal-quarantine"));
    assert!(after == before, "{:?}", after.iter().map(|(name, _)| name).collect::<Vec<_>>());
}
