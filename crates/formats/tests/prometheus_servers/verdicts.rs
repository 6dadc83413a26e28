//! Sound logs that were damaged: what is said about the next start, and what the server then does.
//!
//! Whatever the verdict, it is held against the server: whether it comes up, which samples it serves, which segments
//! it leaves.

use formats::{Survey, Verdict};
use testkit::prometheus::{DriveError, Prometheus};

use crate::model::{Content, Held, assert_same, difference, served_by, survey_of};
use crate::sound::{PAGE, Sound, segment_name};

/// What the server made of a log.
#[derive(Debug)]
struct Start {
    /// What it served, unless it did not come up.
    served: Option<Content>,
    /// Segments that it left.
    segments: Vec<String>,
    log: String,
}

fn start(prometheus: &Prometheus, sound: &Sound) -> Start {
    let (served, log) = match prometheus.on(sound.path()).start() {
        Ok(server) => {
            let served = served_by(&server);
            (Some(served), server.kill().unwrap())
        }
        Err(DriveError::Ended { log, .. }) => (None, log),
        Err(other) => panic!("{other}"),
    };
    Start { served, segments: sound.segments(), log }
}

fn what(survey: &Survey) -> &str {
    survey.verdict.what().unwrap_or("")
}

/// The server comes up, repairs nothing, and serves everything that was read.
fn starts(prometheus: &Prometheus, sound: &Sound) {
    let (survey, held) = (survey_of(sound.path()), Held::by(sound.path()));
    assert_eq!(survey.verdict, Verdict::Starts, "{:?}", survey.damage);
    let before = sound.segments();
    let start = start(prometheus, sound);
    assert_same(start.served.as_ref().expect(&start.log), &held.content, "verdict: starts");
    assert!(before.iter().all(|segment| start.segments.contains(segment)), "{start:?}");
}

/// The server does not come up.
fn refuses(prometheus: &Prometheus, sound: &Sound) -> (Survey, Start) {
    let survey = survey_of(sound.path());
    assert_eq!(survey.verdict.name(), "refuses", "{survey:?}");
    let start = start(prometheus, sound);
    assert!(start.served.is_none(), "{survey:?} {}", start.log);
    (survey, start)
}

/// The server comes up, serves what lies before the damage, and deletes the later segments.
fn cuts(prometheus: &Prometheus, sound: &Sound) {
    let survey = survey_of(sound.path());
    assert_eq!(survey.verdict.name(), "starts-with-loss", "{survey:?}");
    let damage = survey.damage.listed()[0].clone();
    let before = sound.segments();
    let kept =
        Held::until(sound.path(), |part, entry| part.name == damage.file && entry.span.start >= damage.start);
    let start = start(prometheus, sound);
    let said = what(&survey);
    assert_same(start.served.as_ref().expect(&start.log), &kept.content, said);
    let cut = damage.file.rsplit('/').next().unwrap();
    let later = before.iter().filter(|segment| segment.as_str() > cut).count();
    let deletes = match later {
        0 => "drops all that is behind it".to_owned(),
        1 => "deletes the segment after it".to_owned(),
        _ => format!("deletes the {later} segments after it"),
    };
    let gone = survey.samples.unwrap() - kept.samples;
    assert_eq!(
        said,
        format!(
            "it cuts {} at byte {} and {deletes}: {gone} sound samples are gone then",
            damage.file, damage.start
        )
    );
    assert!(start.log.contains("Deleting all segments newer than corrupted segment"), "{}", start.log);
}

fn a_sound_log_starts(prometheus: &Prometheus) {
    starts(prometheus, &Sound::plain());
    starts(prometheus, &Sound::with_checkpoint());
}

fn a_flipped_byte_in_mid_segment_cuts_there(prometheus: &Prometheus) {
    let sound = Sound::plain();
    sound.change(&segment_name(2), |bytes| bytes[40_000] ^= 0xff);
    cuts(prometheus, &sound);
}

crate::for_each_version! {
    a_sound_log_starts,
    a_flipped_byte_in_mid_segment_cuts_there,
}
