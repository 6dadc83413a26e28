//! A directory with logs in every state, and the binary run in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use formats::{Progress, UnixTime, detect};
use mend::{Action, Kept, Loss, MendError, Mending, Plan, Site, Stage, Step, StepKind, Terms};
use tempfile::TempDir;

use crate::{journals, sample};

/// 2026-01-31T12:00:00Z in milliseconds.
const START: i64 = 1_769_860_800_000;

const HOUR: i64 = 3_600_000;

/// Which journal the commands work on, and that its segments take no time to make.
pub(crate) const JOURNAL: [(&str, &str); 2] =
    [("SEAWALL_JOURNAL_DIR", "events"), ("SEAWALL_JOURNAL_SEGMENT_SIZE", "64KiB")];

/// Logs in every state, each a directory.
pub(crate) struct World(TempDir);

impl World {
    /// `sound`, `damaged`, `torn`, `gap`, `long`, `wide`, `several`, `unknown`, `empty` and `fresh`; `changed`, which was changed by
    /// Seawall, and `begun`, `halfway` and `overtaken`, whose changes were interrupted;
    /// `events`, a journal, `worker` with job logs, and `lines` and `long-line` to append.
    pub(crate) fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        world.log("sound", &[segment(0), segment(1)]);
        let mut damaged = segment(0);
        *damaged.get_mut(200).unwrap() ^= 1;
        world.log("damaged", &[damaged, segment(1)]);
        let mut torn = segment(1);
        let end = torn.iter().rposition(|byte| *byte != 0).unwrap();
        torn.truncate(end - 3);
        world.log("torn", &[segment(0), torn]);
        world.log("gap", &[segment(0), Vec::new(), segment(1)]);
        fs::remove_file(world.path("gap/wal/00000001")).unwrap();
        world.log("long", &(0..60).map(|number| segment(number.min(1))).collect::<Vec<_>>());
        world.log(
            "wide",
            &(0..4).map(|number| segment_at(number, START + number * 2 * HOUR)).collect::<Vec<_>>(),
        );
        world.log("several/blue", &[segment(0)]);
        world.log("several/green", &[segment(0)]);
        for dir in ["empty", "unknown", "fresh/lost+found"] {
            fs::create_dir_all(world.path(dir)).unwrap();
        }
        fs::write(world.path("unknown/notes.txt"), "buy milk").unwrap();
        for name in ["changed", "begun", "halfway", "overtaken"] {
            world.log(name, &[segment(0), segment(1)]);
        }
        let receipt = Shortening::carry_out(&world.path("changed"));
        fs::create_dir_all(world.path("begun/wal-quarantine").join(&receipt).join("new")).unwrap();
        for name in ["halfway", "overtaken"] {
            Shortening::carry_out(&world.path(name));
            let dir = world.path(name).join("wal-quarantine").join(&receipt);
            // As a kill leaves it between the promise and the first effect.
            fs::create_dir(dir.join("new")).unwrap();
            let segment = world.path(name).join("wal/00000001");
            for (from, to) in [("receipt.json", dir.join("change.json")), ("old/wal/00000001", segment)] {
                #[expect(clippy::disallowed_methods, reason = "no crash follows")]
                fs::rename(dir.join(from), to).unwrap();
            }
        }
        // A page of nothing, as a server fills a segment up.
        let segment = fs::File::options().append(true).open(world.path("overtaken/wal/00000001"));
        std::io::Write::write_all(&mut segment.unwrap(), &vec![0; 32 << 10]).unwrap();
        world.journals();
        world.events();
        world
    }

    /// Only `events`, `worker`, `lines`, `long-line` and `unknown`: it takes less to make.
    pub(crate) fn of_events() -> Self {
        let world = Self::empty();
        fs::create_dir(world.path("unknown")).unwrap();
        fs::write(world.path("unknown/notes.txt"), "buy milk").unwrap();
        world.events();
        world
    }

    fn events(&self) {
        sample::write(&self.path("events"));
        sample::write_worker(&self.path("worker"));
        fs::write(self.path("lines"), "one\n\nthree\nno end").unwrap();
        fs::write(self.path("long-line"), format!("one\n{}\n", "x".repeat(20_000))).unwrap();
    }

    /// A directory with nothing in it.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// `journal/sound`, and `journal/damaged`, `cut`, `gone`, `foreign`, `renamed`, `newer` and `no-id`, which are called by what
    /// became of them.
    fn journals(&self) {
        const FIRST: &str = "0000000000000001.seg";
        fs::create_dir_all(self.path("journal")).unwrap();
        let made = |name: &str, make: fn(&Path, i64, u128)| {
            let dir = self.path("journal").join(name);
            make(&dir, START, 0x5ea);
            dir
        };
        for name in ["sound", "damaged", "foreign", "renamed", "newer", "no-id"] {
            let dir = made(name, journals::write);
            match name {
                "damaged" => journals::hurt(&dir.join(FIRST), b"\"order\":3"),
                "foreign" => {
                    journals::write(&self.path("journal/other"), START, 0xbad);
                    fs::copy(self.path("journal/other").join(FIRST), dir.join(FIRST)).map(drop).unwrap();
                }
                "renamed" => {
                    fs::copy(dir.join(FIRST), dir.join("0000000000000007.seg")).unwrap();
                    fs::remove_file(dir.join(FIRST)).unwrap();
                }
                "newer" => journals::poke(&dir.join(FIRST), 8, 2),
                "no-id" => fs::remove_file(dir.join("journal.id")).unwrap(),
                _ => {}
            }
        }
        made("long", journals::write_long);
        let cut = made("cut", journals::write_long);
        fs::File::options().write(true).open(cut.join(FIRST)).unwrap().set_len(40_000).unwrap();
        let gone = made("gone", journals::write_long);
        fs::remove_file(gone.join("0000000000000002.seg")).unwrap();
    }

    fn log(&self, name: &str, segments: &[Vec<u8>]) {
        let wal = self.path(name).join("wal");
        fs::create_dir_all(&wal).unwrap();
        for (number, bytes) in segments.iter().enumerate() {
            fs::write(wal.join(format!("{number:08}")), bytes).unwrap();
        }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// The binary, about to run in it, with an environment that is the same everywhere.
    pub(crate) fn seawall(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(args).current_dir(self.0.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.envs(JOURNAL);
        command
    }

    /// What the binary prints and how it ends.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::new(&self.seawall(args).output().unwrap())
    }
}

/// A change made by hand: it takes the newest segment away.
struct Shortening(Plan);

impl Shortening {
    /// Carries it out at a fixed time, and answers with its receipt.
    fn carry_out(data: &Path) -> String {
        let site = Site::of(detect(data, None).unwrap().as_ref());
        let step = Step {
            kind: StepKind::Remove,
            path: "wal/00000001".to_owned(),
            bytes_before: Some(32_768),
            bytes_after: None,
            why: "taken away by a test".to_owned(),
        };
        let plan = Plan {
            action: Action::Trim,
            site,
            sources: Vec::new(),
            steps: vec![step],
            loss: Loss { records: Some(5), samples: Some(10), ..Loss::NONE },
            kept: Kept { records: Some(6), samples: Some(10), series: Some(2) },
            servers_own: None,
            needs: 0,
            work: 0,
            notes: Vec::new(),
        };
        let terms = Terms { now: UnixTime::from_millis(START), progress: Progress::default() };
        mend::apply(&Self(plan), &terms).unwrap().id
    }
}

impl Mending for Shortening {
    fn plan(&self) -> &Plan {
        &self.0
    }

    fn write(&self, stage: &mut Stage, _: &Progress) -> Result<(), MendError> {
        stage.remove("wal/00000001");
        Ok(())
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A closed segment: two series (in the first one) and five scrapes of both, a minute apart.
fn segment(number: i64) -> Vec<u8> {
    segment_at(number, START + number * 5 * 60_000)
}

/// The same with scrapes from `start` on.
fn segment_at(number: i64, start: i64) -> Vec<u8> {
    let mut pages = Pages::default();
    if number == 0 {
        pages.log(&encoded(&series()), Compression::None);
    }
    for scrape in 0..5 {
        let time = start + scrape * 60_000;
        let point = |series| Point { series: SeriesRef(series), time, value: scrape as f64 + 0.5 };
        pages.log(&encoded(&Record::Samples(vec![point(1), point(2)])), Compression::None);
    }
    pages.close();
    pages.bytes().to_vec()
}

fn series() -> Record<'static> {
    let one = |number, job: &str| {
        let pairs = Labels::write_pairs([(&b"__name__"[..], &b"up"[..]), (b"job", job.as_bytes())]);
        Series { series: SeriesRef(number), labels: Labels::of_pairs(pairs.leak()).unwrap() }
    };
    Record::Series(vec![one(1, "api"), one(2, "db")])
}

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

/// Writes a log whose dump is larger than what a pipe holds.
pub(crate) fn write_large_log(dir: &Path) {
    fs::create_dir_all(dir.join("wal")).unwrap();
    let mut pages = Pages::default();
    for scrape in 0..5_000 {
        let point = |series| Point { series: SeriesRef(series), time: START + scrape, value: 1.0 };
        pages.log(&encoded(&Record::Samples((1..20).map(point).collect())), Compression::None);
    }
    pages.close();
    fs::write(dir.join("wal/00000000"), pages.bytes()).unwrap();
}
