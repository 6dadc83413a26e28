//! Sound logs that were damaged: what is said about the next start, and what the server then does.
//!
//! Whatever the verdict, it is held against the server: whether it comes up, which samples it serves, which segments
//! it leaves.

mod beside;
mod directories;
mod segments;

use formats::Survey;
use testkit::prometheus::{DriveError, Prometheus, Setup, assert_same};

use crate::model::{Content, Held, served_by, survey_of};
use crate::sound::Sound;

/// What must be said of the next start, and what the server must then do.
#[derive(Clone, Copy, Debug)]
enum Outcome<'a> {
    /// It repairs nothing, keeps every segment, and serves all that was read.
    Starts,
    /// It drops the torn end of the newest segment, and serves all that was read.
    Mends,
    /// It cuts this file at this byte, deletes the segments behind it, and serves what lies before.
    Cuts(&'a str, usize),
    /// It takes what lies under this name for a damaged segment, and deletes the segments behind it.
    Deletes(&'a str),
    /// It repairs nothing and serves all that was read; the sentence contains this.
    Loses(&'a str),
    /// It repairs nothing, and serves more than what was read.
    Invents,
    /// It does not come up; the sentence contains this.
    Refuses(&'a str),
}

/// A damaged log.
struct Case<'a> {
    /// Which damage it has.
    name: &'a str,
    sound: &'a Sound,
    /// The file and byte where the first damage must be reported; `None` when there must be none.
    damage: Option<(&'a str, usize)>,
    outcome: Outcome<'a>,
}

/// What the server made of a log.
#[derive(Debug)]
struct Start {
    /// What it served, unless it did not come up.
    served: Option<Content>,
    /// Segments that it left.
    segments: Vec<String>,
    log: String,
}

fn start(setup: Setup<'_>, sound: &Sound) -> Start {
    let (served, log) = match setup.start() {
        Ok(server) => {
            let served = served_by(&server);
            (Some(served), server.kill().unwrap())
        }
        Err(DriveError::Ended { log, .. }) => (None, log),
        Err(other) => panic!("{other}"),
    };
    Start { served, segments: sound.segments(), log }
}

const REPAIRS: &str = "Starting corruption repair";

impl Case<'_> {
    /// Compares what is said with what the server does.
    fn holds(&self, prometheus: &Prometheus) {
        self.holds_on(prometheus.on(self.sound.path()));
    }

    /// The same with a server that was set up in a way of its own.
    fn holds_on(&self, setup: Setup<'_>) {
        let name = self.name;
        let survey = survey_of(self.sound.path());
        let found = survey.damage.listed().first();
        let found = found.map(|damage| (damage.file.as_str(), damage.start));
        assert_eq!(found, self.damage.map(|(file, byte)| (file, byte as u64)), "{name}: {:?}", survey.damage);
        self.is_said(&survey);
        let before = self.sound.segments();
        let end = match self.outcome {
            Outcome::Cuts(file, byte) => Some((file, byte as u64)),
            Outcome::Deletes(file) => Some((file, 0)),
            _ => None,
        };
        let held = Held::until(self.sound.path(), end);
        let start = start(setup, self.sound);
        if let Outcome::Refuses(_) = self.outcome {
            assert!(start.served.is_none(), "{name}: it came up\n{}", start.log);
            return;
        }
        let Some(served) = &start.served else { panic!("{name}: it did not come up\n{}", start.log) };
        if let Outcome::Invents = self.outcome {
            let read = |labels| held.content.get(labels).map_or(0, std::collections::BTreeMap::len);
            assert!(served.iter().any(|(labels, values)| values.len() > read(labels)), "{name}");
        } else {
            assert_same(served, &held.content, name);
        }
        let gone = survey.samples.unwrap_or(0) - held.samples;
        self.segments_are_left(survey.verdict.what().unwrap_or(""), gone, &before, &start);
    }

    fn is_said(&self, survey: &Survey) {
        let said = survey.verdict.what().unwrap_or("");
        let (verdict, sentence) = match self.outcome {
            Outcome::Starts | Outcome::Mends => ("starts", String::new()),
            Outcome::Cuts(file, byte) => ("starts-with-loss", format!("it cuts {file} at byte {byte} and ")),
            Outcome::Deletes(file) => {
                ("starts-with-loss", format!("it takes the directory {file} for a damaged segment"))
            }
            Outcome::Loses(sentence) => ("starts-with-loss", sentence.to_owned()),
            Outcome::Invents => ("starts-with-loss", "samples that never existed".to_owned()),
            Outcome::Refuses(sentence) => ("refuses", sentence.to_owned()),
        };
        assert_eq!(survey.verdict.name(), verdict, "{}: {said} {:?}", self.name, survey.damage);
        assert!(said.contains(&sentence), "{}: {said}", self.name);
    }

    /// A repair of the log deletes what lies behind the cut, and begins one new segment there; nothing else deletes.
    fn segments_are_left(&self, said: &str, gone: u64, before: &[String], start: &Start) {
        let name = self.name;
        let repairs = matches!(self.outcome, Outcome::Cuts(..) | Outcome::Deletes(_) | Outcome::Mends);
        assert_eq!(start.log.contains(REPAIRS), repairs, "{name}: {}", start.log);
        let cut = match self.outcome {
            Outcome::Cuts(file, _) | Outcome::Deletes(file) => file.strip_prefix("wal/"),
            _ => None,
        };
        let Some(cut) = cut else {
            let all = before.iter().all(|segment| start.segments.contains(segment));
            return assert!(all, "{name}: {:?}\n{}", start.segments, start.log);
        };
        let kept = before.iter().filter(|segment| segment.as_str() <= cut).count();
        // What it cut, or has written in the place of a directory, and one that it begins.
        let written = if let Outcome::Deletes(_) = self.outcome { 2 } else { 1 };
        assert_eq!(start.segments.len(), kept + written, "{name}: {:?}", start.segments);
        let later = before.len() - kept;
        let deletes = match (self.outcome, later) {
            (Outcome::Deletes(_), _) => format!("deletes the {later} behind it"),
            (_, 0) => "drops all that is behind it".to_owned(),
            (_, 1) => "deletes the segment after it".to_owned(),
            _ => format!("deletes the {later} segments after it"),
        };
        let sentence = format!("and {deletes}: {gone} sound samples are gone then");
        assert!(said.ends_with(&sentence), "{name}: {said:?} instead of {sentence:?}");
    }
}

fn a_sound_log_starts(prometheus: &Prometheus) {
    for (name, sound) in [("plain", Sound::plain()), ("checkpoint", Sound::with_checkpoint())] {
        Case { name, sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
    }
}

testkit::for_each_version! { a_sound_log_starts }
