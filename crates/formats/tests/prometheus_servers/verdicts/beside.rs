//! Damage beside the log: late samples, chunks of the head, snapshots of it, blocks.

use std::fs;
use std::path::PathBuf;

use formats::prometheus::record::{Marker, Point, Record, SeriesRef};
use formats::prometheus::{Compression, Pages};
use testkit::prometheus::{Prometheus, assert_same};

use super::{Case, Outcome, REPAIRS, start};
use crate::exposition::now_millis;
use crate::model::{Held, survey_of};
use crate::sound::{BEGIN, SERIES, STEP, Sound, closed, encoded, fragments, samples, segment_name};

const WBL: &str = "wbl/00000000";

/// A sound log with late samples, half a step beside those that came in time.
fn with_late_samples() -> Sound {
    let sound = Sound::plain();
    let mut pages = Pages::default();
    let marker = |number| Marker { series: SeriesRef(number), chunk: 0 };
    pages.log(&encoded(&Record::Markers((1..=SERIES).map(marker).collect())), Compression::None);
    for scrape in (0..20).rev() {
        let late = |number| Point {
            series: SeriesRef(number),
            time: BEGIN + scrape * STEP + STEP / 2,
            value: scrape as f64,
        };
        pages.log(&encoded(&Record::Samples((1..=SERIES).map(late).collect())), Compression::None);
    }
    sound.write(WBL, &closed(pages));
    sound
}

fn late_samples_are_served_beside_the_others(prometheus: &Prometheus) {
    let sound = with_late_samples();
    assert_eq!(Held::by(sound.path()).late, 20 * SERIES);
    Case { name: "sound", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
}

/// A server that takes damage to the log of late samples for damage to the log.
fn confuses_the_logs(prometheus: &Prometheus) -> bool {
    prometheus.version().starts_with("2.42.")
}

fn damage_to_the_log_of_late_samples_cuts_it_there(prometheus: &Prometheus) {
    let (sound, missing) = (with_late_samples(), "wbl/00000001");
    sound.write("wbl/00000002", &[]);
    let outcome = Outcome::Refuses(missing);
    Case { name: "hole", sound: &sound, damage: Some((missing, 0)), outcome }.holds(prometheus);
    if confuses_the_logs(prometheus) {
        return;
    }
    let sound = with_late_samples();
    let middle = fragments(&sound.read(WBL)).remove(10).start;
    sound.change(WBL, |bytes| bytes[middle + 50] ^= 0xff);
    let outcome = Outcome::Cuts(WBL, middle);
    Case { name: "flip", sound: &sound, damage: Some((WBL, middle)), outcome }.holds(prometheus);

    let sound = with_late_samples();
    let last = fragments(&sound.read(WBL)).pop().unwrap().start;
    sound.change(WBL, |bytes| bytes.truncate(last + 50));
    Case { name: "torn", sound: &sound, damage: None, outcome: Outcome::Mends }.holds(prometheus);
}

fn what_is_said_of_a_server_that_cuts_the_wrong_log_is_true(prometheus: &Prometheus) {
    let (cut, torn) = (with_late_samples(), with_late_samples());
    let all = fragments(&cut.read(WBL));
    cut.change(WBL, |bytes| bytes[all[10].start + 50] ^= 0xff);
    torn.change(WBL, |bytes| bytes.truncate(all[all.len() - 1].start + 50));
    let said = survey_of(cut.path()).verdict;
    assert!(said.what().unwrap().contains("2.42 cuts the WAL in its place"), "{said:?}");
    let notes = survey_of(torn.path()).notes;
    assert!(notes[0].message.contains("but 2.42 then cuts the WAL"), "{notes:?}");
    for sound in [cut, torn] {
        let left = start(prometheus.on(sound.path()), &sound).segments.len();
        assert_eq!(left, if confuses_the_logs(prometheus) { 2 } else { 6 });
    }
}

fn damage_to_the_log_keeps_late_samples_from_being_read(prometheus: &Prometheus) {
    let (sound, file) = (with_late_samples(), segment_name(4));
    let last = fragments(&sound.read(&file)).pop().unwrap();
    sound.change(&file, |bytes| bytes[last.end - 1] ^= 1);
    let said = survey_of(sound.path()).verdict;
    assert!(said.what().unwrap().ends_with("and 2000 late samples are not read"), "{said:?}");
    let held = Held::until(sound.path(), Some((&file, last.start as u64)));
    let start = start(prometheus.on(sound.path()), &sound);
    assert_same(&start.served.unwrap(), &held.content, "late samples behind damage");
}

/// A sound log, of which a server has mapped chunks into two files and another one.
fn with_head_chunks(prometheus: &Prometheus) -> Sound {
    let sound = Sound::plain();
    for segment in [6, 8] {
        // The server has begun the segment before.
        prometheus.on(sound.path()).start().unwrap().stop().unwrap();
        let mut pages = Pages::default();
        let from = (segment - 1) * 60;
        for scrape in from..from + 130 {
            pages.log(&samples(SERIES, BEGIN + scrape * STEP), Compression::None);
        }
        sound.write(&segment_name(segment), &closed(pages));
    }
    prometheus.on(sound.path()).start().unwrap().stop().unwrap();
    sound
}

/// Names of the files of chunks of the head.
fn head_chunks(sound: &Sound) -> Vec<String> {
    let entries = fs::read_dir(sound.at("chunks_head")).unwrap().map(Result::unwrap);
    let mut names: Vec<_> =
        entries.map(|entry| format!("chunks_head/{}", entry.file_name().to_string_lossy())).collect();
    names.sort();
    names
}

fn damaged_chunks_of_the_head_are_taken_from_the_log(prometheus: &Prometheus) {
    let original = with_head_chunks(prometheus);
    let files = head_chunks(&original);
    assert!(files.len() > 1, "{files:?}");
    for file in [&files[0], &files[files.len() - 1]] {
        let sound = original.copy();
        sound.change(file, |bytes| bytes[60] ^= 0xff);
        Case { name: file, sound: &sound, damage: Some((file, 8)), outcome: Outcome::Starts }
            .holds(prometheus);
    }
    let sound = original.copy();
    let (file, last) = (&files[0], &files[files.len() - 1]);
    sound.change(file, |bytes| bytes[0] ^= 0xff);
    let outcome = Outcome::Refuses(file);
    Case { name: "magic", sound: &sound, damage: Some((file, 0)), outcome }.holds(prometheus);

    let sound = original.copy();
    sound.write(last, &[]);
    Case { name: "last empty", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);

    let sound = original.copy();
    sound.write(file, &[]);
    let survey = survey_of(sound.path());
    assert_eq!(survey.verdict.name(), "refuses", "{survey:?}");
    assert!(start(prometheus.on(sound.path()), &sound).served.is_none());
}

fn a_damaged_snapshot_of_the_head_is_dropped_and_the_log_read(prometheus: &Prometheus) {
    let sound = Sound::plain();
    let feature = || prometheus.on(sound.path()).feature("memory-snapshot-on-shutdown");
    feature().start().unwrap().stop().unwrap();
    let snapshot = |name: &str| name.starts_with("chunk_snapshot.");
    let entries = fs::read_dir(sound.path()).unwrap().map(Result::unwrap);
    let mut names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let file = format!("{}/00000000", names.find(|name| snapshot(name)).unwrap());
    Case { name: "not read", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
    let fragment = fragments(&sound.read(&file)).remove(20).start;
    sound.change(&file, |bytes| bytes[fragment + 20] ^= 0xff);
    let damage = Some((file.as_str(), fragment));
    Case { name: "damaged", sound: &sound, damage, outcome: Outcome::Starts }.holds_on(feature());
}

/// A block of another series than those of the log, made by the server's own code, and its directory.
fn with_block(prometheus: &Prometheus) -> (Sound, PathBuf) {
    let sound = Sound::plain();
    let seconds = BEGIN / 1000;
    let text = format!("blocked 1 {seconds}\nblocked 2 {}\n# EOF\n", seconds + 600);
    prometheus.write_blocks(&text, sound.path()).unwrap();
    let entries = fs::read_dir(sound.path()).unwrap().map(|entry| entry.unwrap().path());
    let block = entries.into_iter().find(|path| path.join("meta.json").is_file()).unwrap();
    (sound, block)
}

fn a_block_decides_which_samples_of_the_log_are_taken(prometheus: &Prometheus) {
    let (sound, _) = with_block(prometheus);
    let survey = survey_of(sound.path());
    assert_eq!(survey.verdict.name(), "starts", "{survey:?}");
    let held = Held::by(sound.path());
    assert!((held.served() as u64) < held.samples);
    let start = start(prometheus.on(sound.path()), &sound);
    let mut served = start.served.unwrap();
    served.retain(|labels, _| labels["__name__"] != "blocked");
    assert_same(&served, &held.content, "behind a block");
}

fn a_block_that_is_not_whole_is_ignored_without_meta_and_else_keeps_it_from_starting(
    prometheus: &Prometheus,
) {
    let (sound, block) = with_block(prometheus);
    fs::remove_file(block.join("meta.json")).unwrap();
    Case { name: "no meta", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);

    let (sound, block) = with_block(prometheus);
    fs::write(block.join("meta.json"), "{").unwrap();
    let file = format!("{}/meta.json", block.file_name().unwrap().to_string_lossy());
    let outcome = Outcome::Loses("it ignores the block");
    Case { name: "bad meta", sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);

    for part in ["index", "chunks"] {
        let (sound, block) = with_block(prometheus);
        let whole = block.join(part);
        if whole.is_dir() { fs::remove_dir_all(whole) } else { fs::remove_file(whole) }.unwrap();
        let sentence = format!("without its {part}");
        Case { name: part, sound: &sound, damage: None, outcome: Outcome::Refuses(&sentence) }
            .holds(prometheus);
    }
}

fn a_block_that_ends_in_the_future_keeps_new_samples_out(prometheus: &Prometheus) {
    let (sound, block) = with_block(prometheus);
    let meta = block.join("meta.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&meta).unwrap()).unwrap();
    json["maxTime"] = (now_millis() + 2 * 3_600_000).into();
    fs::write(&meta, json.to_string()).unwrap();
    let said = survey_of(sound.path()).verdict;
    assert!(said.what().unwrap().contains("it rejects every sample as out of bounds"), "{said:?}");
    let server =
        prometheus.on(sound.path()).scraping_itself(std::time::Duration::from_millis(200)).start().unwrap();
    let rejected = || {
        let log = server.log();
        (log.contains("out of bounds") || log.contains("too old")).then_some(())
    };
    testkit::wait_for(std::time::Duration::from_mins(1), rejected)
        .unwrap_or_else(|| panic!("{}", server.log()));
    assert_eq!(server.metric("prometheus_tsdb_head_series"), Some(0.0));
    assert!(!server.kill().unwrap().contains(REPAIRS));
}

testkit::for_each_version! {
    late_samples_are_served_beside_the_others,
    damage_to_the_log_of_late_samples_cuts_it_there,
    what_is_said_of_a_server_that_cuts_the_wrong_log_is_true,
    damage_to_the_log_keeps_late_samples_from_being_read,
    damaged_chunks_of_the_head_are_taken_from_the_log,
    a_damaged_snapshot_of_the_head_is_dropped_and_the_log_read,
    a_block_decides_which_samples_of_the_log_are_taken,
    a_block_that_is_not_whole_is_ignored_without_meta_and_else_keeps_it_from_starting,
    a_block_that_ends_in_the_future_keeps_new_samples_out,
}
