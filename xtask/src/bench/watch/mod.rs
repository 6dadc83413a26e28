//! `bench watch`: what `seawall run` takes while it watches no log, a hundred and a thousand: processor and memory.
//!
//! The logs are those of real programs, several of each, some of them large. They are looked at as often as they are
//! where nobody says anything, and the figures are scraped as Prometheus does. What is measured is what `/proc` says of
//! the process, between the first look at every log and the end.

mod logs;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use testkit::wait_for;

use crate::command::{Failure, Outcome};
use crate::workspace::{cargo, output, run as run_shown, target};
use logs::Kinds;

/// How many logs there are, and what is done with them. Each log is read in full once a day; that takes minutes, and the
/// rest of the day is another matter.
const ROUNDS: [(usize, Reading); 4] =
    [(0, Reading::Done), (100, Reading::Done), (100, Reading::First), (1000, Reading::Done)];

/// Whether logs are being read in full.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// They were.
    Done,
    /// For the first time.
    First,
}

/// Two looks at each log, at an interval of half a minute.
const SCRAPES: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(15);

/// Beyond this, the first look at every log is not coming.
const PATIENCE: Duration = Duration::from_mins(2);

/// Prints the table as it stands in `docs/performance.md`.
pub(crate) fn run() -> Outcome {
    run_shown(&mut cargo(["build", "--quiet", "--release", "--package", "seawall"]))?;
    let place = target().join("bench/watch");
    let ticks = output(Command::new("getconf").arg("CLK_TCK")).map_err(Failure::Work)?;
    let ticks: f64 = ticks.trim().parse().map_err(|_| Failure::Work(format!("getconf says {ticks}")))?;
    let kinds = Kinds::make(&place.join("kinds"))?;
    println!(
        "| logs | read in full meanwhile | their files | their bytes | first look at all | of a core | memory at its peak | memory at the end |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (count, reading) in ROUNDS {
        let home = Home::with(&place.join("home"), &kinds, (count, reading)).map_err(|cause| {
            Failure::Work(format!("could not lay {count} logs below {}: {cause}", place.display()))
        })?;
        let figures = home.measure(count, ticks)?;
        let read = if reading == Reading::First { "yes" } else { "no" };
        println!("| {count} | {read} | {} | {:.1} GiB | {figures}", home.files, home.bytes as f64 / GIB);
    }
    Ok(())
}

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// A directory with logs and a configuration that names them.
struct Home {
    dir: PathBuf,
    files: usize,
    bytes: u64,
}

impl Home {
    fn with(dir: &Path, kinds: &Kinds, (count, reading): (usize, Reading)) -> std::io::Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
        let mut config = String::from("[server]\nlisten = '127.0.0.1:0'\n[journal]\ndir = 'journal'\n");
        let (mut files, mut bytes) = (0, 0);
        for number in 0..count {
            let log = dir.join(format!("logs/{number}"));
            let laid = kinds.lay(number, &log)?;
            (files, bytes) = (files + laid.files, bytes + laid.bytes);
            let (format, path) = (laid.format, log.join(laid.below));
            let words =
                format!("name = '{format}-{number}'\nformat = '{format}'\npath = '{}'\n", path.display());
            let scrub = if reading == Reading::Done && format != "directory" { "scrub = '0s'\n" } else { "" };
            config.extend(["[[watch]]\n", &words, scrub]);
        }
        fs::write(dir.join("seawall.toml"), config)?;
        Ok(Self { dir: dir.to_owned(), files, bytes })
    }

    fn measure(&self, count: usize, ticks: f64) -> Result<Figures, Failure> {
        let daemon = Daemon::start(&self.dir)?;
        let begun = daemon.spent()?;
        let all = || {
            let page = daemon.scrape().ok()?;
            let looked = |line: &&str| line.starts_with("seawall_target_looked_timestamp_seconds{");
            (page.lines().filter(looked).count() == count).then_some(())
        };
        wait_for(PATIENCE, all).ok_or_else(|| Failure::Work("some logs are never looked at".to_owned()))?;
        let looked = daemon.spent()?;
        for _ in 0..SCRAPES {
            thread::sleep(BETWEEN);
            daemon
                .scrape()
                .map_err(|cause| Failure::Work(format!("could not scrape the daemon: {cause}")))?;
        }
        let seconds = BETWEEN.as_secs_f64() * f64::from(SCRAPES);
        let (peak, resident) = (daemon.memory("VmHWM:")?, daemon.memory("VmRSS:")?);
        Ok(Figures {
            first: (looked - begun) as f64 / ticks,
            share: (daemon.spent()? - looked) as f64 / ticks / seconds,
            peak,
            resident,
        })
    }
}

/// What it took.
struct Figures {
    /// Seconds of a processor for the first look at every log.
    first: f64,
    /// Of a core.
    share: f64,
    peak: f64,
    resident: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, share, peak, resident } = self;
        write!(f, "{first:.2} s | {:.2} % | {peak:.1} MiB | {resident:.1} MiB |", 100.0 * share)
    }
}

/// A daemon that runs; it is killed when this is dropped.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(dir: &Path) -> Result<Self, Failure> {
        let broken = |cause| Failure::Work(format!("could not start the daemon: {cause}"));
        let log = dir.join("log");
        let mut command = Command::new(target().join("release/seawall"));
        command.arg("run").current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(File::create(&log).map_err(broken)?).spawn().map_err(broken)?;
        let mut daemon = Self { child, address: String::new() };
        let address = || {
            let text = fs::read_to_string(&log).ok()?;
            text.lines().any(|line| line.contains("\"message\":\"ready\"")).then_some(())?;
            let line = text.lines().find(|line| line.contains("\"message\":\"listening\""))?;
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line.get("address")?.as_str().map(str::to_owned)
        };
        let address = wait_for(PATIENCE, address);
        daemon.address = address
            .ok_or_else(|| Failure::Work(format!("the daemon is not ready; {} says why", log.display())))?;
        Ok(daemon)
    }

    /// Its figures, as Prometheus asks for them.
    fn scrape(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// Ticks that processors have spent on it.
    fn spent(&self) -> Result<u64, Failure> {
        let text = self.told("stat")?;
        // Fields 14 and 15 of the manual; what follows the name is the third.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        Ok(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum())
    }

    /// A line of its memory, in MiB.
    fn memory(&self, line: &str) -> Result<f64, Failure> {
        let text = self.told("status")?;
        let kibibytes = text.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB"));
        let kibibytes = kibibytes.and_then(|number| number.parse::<f64>().ok());
        kibibytes
            .map(|kibibytes| kibibytes * 1024.0 / MIB)
            .ok_or_else(|| Failure::Work(format!("there is no {line} in {text}")))
    }

    fn told(&self, name: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path).map_err(|cause| Failure::Work(format!("could not read {path}: {cause}")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
