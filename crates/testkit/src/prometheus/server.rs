//! A running server.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{DriveError, Prometheus, Replay};
use crate::http;
use crate::wait::{now, wait_for};

/// For a small log, many times what it needs. A test on a large one sets its own limit.
const USUAL_LIMIT: Duration = Duration::from_mins(2);
/// Another process may take the free port that was found before the server binds it.
const PORTS_TO_TRY: u32 = 5;
/// How much of a log goes into an error: enough for the cause, not the whole replay.
const LOG_LINES_IN_ERRORS: usize = 12;

/// A server to be: which data, what it scrapes, which flags.
#[derive(Debug)]
pub struct Setup<'peer> {
    prometheus: &'peer Prometheus,
    data: PathBuf,
    mode: Mode,
    scrape_interval: Option<Duration>,
    jobs: Vec<String>,
    config: Vec<String>,
    flags: Vec<String>,
    wrapper: Vec<String>,
    limit: Duration,
}

/// What the process is: a server with blocks and queries, or an agent that has nothing but a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Server,
    Agent,
}

impl<'peer> Setup<'peer> {
    pub(super) fn new(prometheus: &'peer Prometheus, data: PathBuf) -> Self {
        Self {
            prometheus,
            data,
            mode: Mode::Server,
            scrape_interval: None,
            jobs: Vec::new(),
            config: Vec::new(),
            flags: Vec::new(),
            wrapper: Vec::new(),
            limit: USUAL_LIMIT,
        }
    }

    /// Runs in agent mode, which answers no queries. The configuration must name a `remote_write` target.
    #[must_use]
    pub fn agent(mut self) -> Self {
        self.mode = Mode::Agent;
        self
    }

    /// Adds a scrape job, written as YAML in braces: `{ job_name: other, static_configs: [..] }`.
    #[must_use]
    pub fn job(mut self, yaml: impl Into<String>) -> Self {
        self.jobs.push(yaml.into());
        self
    }

    /// Adds a section to the configuration, written as YAML on one line: `storage: { tsdb: .. }`.
    #[must_use]
    pub fn config(mut self, yaml: impl Into<String>) -> Self {
        self.config.push(yaml.into());
        self
    }

    /// Lets the server scrape its own metrics at this interval, which fills its log. By default it scrapes nothing.
    #[must_use]
    pub fn scraping_itself(mut self, interval: Duration) -> Self {
        self.scrape_interval = Some(interval);
        self
    }

    /// Switches one of the server's optional features on.
    #[must_use]
    pub fn feature(self, name: &str) -> Self {
        self.flag(format!("--enable-feature={name}"))
    }

    /// Passes one more flag.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Starts the server through a command that becomes it: these words, then the server and its arguments.
    #[must_use]
    pub fn behind(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.wrapper = words.into_iter().map(Into::into).collect();
        self
    }

    /// Waits so long for the server to be ready, and later to stop. The default is two minutes.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the server and waits until it has replayed its log and serves queries.
    pub fn start(self) -> Result<Server, DriveError> {
        let mut tries = PORTS_TO_TRY;
        loop {
            tries -= 1;
            match self.launch()?.wait_until_ready() {
                Err(DriveError::Ended { log, .. }) if tries > 0 && log.contains("address already in use") => {
                }
                outcome => return outcome,
            }
        }
    }

    fn launch(&self) -> Result<Server, DriveError> {
        let home = TempDir::new().map_err(DriveError::machine("make a directory for the server's files"))?;
        let port = free_port().map_err(DriveError::machine("find a free port"))?;
        let (config, log) = (home.path().join("prometheus.yml"), home.path().join("log"));
        fs::write(&config, self.configuration(port))
            .map_err(DriveError::machine("write the server's configuration"))?;
        let log_file = File::create(&log).map_err(DriveError::machine("create the server's log"))?;
        let mut command = self.prometheus.peer.command_behind(&self.wrapper, "usr/bin/prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .args(self.storage_flags())
            .arg(format!("--web.listen-address={}:{port}", Ipv4Addr::LOCALHOST))
            .args(&self.flags)
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file);
        let name = self.prometheus.peer.name().to_owned();
        let child = command.spawn().map_err(DriveError::machine(format!("start {name}")))?;
        Ok(Server {
            name,
            child,
            port,
            data: self.data.clone(),
            home,
            limit: self.limit,
            ready_after: Duration::ZERO,
        })
    }

    fn storage_flags(&self) -> Vec<String> {
        let data = self.data.display();
        match self.mode {
            Mode::Server => {
                vec![format!("--storage.tsdb.path={data}"), "--storage.tsdb.retention.time=100y".to_owned()]
            }
            Mode::Agent => {
                let old = self.prometheus.version().starts_with("2.");
                let mode = if old { "--enable-feature=agent" } else { "--agent" };
                vec![mode.to_owned(), format!("--storage.agent.path={data}")]
            }
        }
    }

    fn configuration(&self, port: u16) -> String {
        let interval = self.scrape_interval.map_or(String::new(), |interval| {
            let interval = interval.as_millis();
            format!("global: {{ scrape_interval: {interval}ms, scrape_timeout: {interval}ms }}\n")
        });
        let itself = self.scrape_interval.map(|_| {
            format!(
                "{{ job_name: self, static_configs: [{{ targets: ['{}:{port}'] }}] }}",
                Ipv4Addr::LOCALHOST
            )
        });
        let jobs: Vec<_> = itself.iter().chain(&self.jobs).map(String::as_str).collect();
        let sections = self.config.join("\n");
        format!("{interval}scrape_configs: [{}]\n{sections}\n", jobs.join(", "))
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A server that has replayed its log. It is killed when this value goes away.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    port: u16,
    data: PathBuf,
    home: TempDir,
    limit: Duration,
    ready_after: Duration,
}

impl Server {
    fn wait_until_ready(mut self) -> Result<Self, DriveError> {
        let begin = now();
        let ended = wait_for(self.limit, || match self.child.try_wait() {
            Ok(Some(status)) => Some(Some(status)),
            _ => self.is_ready().then_some(None),
        });
        self.ready_after = begin.elapsed();
        match ended {
            Some(None) => Ok(self),
            Some(Some(status)) => {
                Err(DriveError::Ended { name: self.name.clone(), status, log: self.log_end() })
            }
            None => Err(self.late("ready")),
        }
    }

    /// Whether the server that answers on the port is ready, and is this one: two that start at the same time may have
    /// been given the same free port, and the other answers until this one has ended.
    fn is_ready(&self) -> bool {
        let answer = |path| http::get(self.port, path).ok().filter(|answer| answer.status == 200);
        let home = self.home.path().display().to_string();
        answer("/-/ready").is_some()
            && answer("/api/v1/status/flags").is_some_and(|flags| flags.body.contains(&home))
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory that it runs on.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// How long it took from its start until it served queries.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Asks for any path and answers with the body; a status other than 200 is an error.
    pub fn get(&self, path: &str) -> Result<String, DriveError> {
        let answer = http::get(self.port, path)
            .map_err(DriveError::machine(format!("ask {} for {path}", self.name)))?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(DriveError::Refused { path: path.to_owned(), status, body: answer.body }),
        }
    }

    /// The raw JSON that answers an instant query.
    pub fn query(&self, expression: &str) -> Result<String, DriveError> {
        self.get(&format!("/api/v1/query?query={}", http::escape(expression)))
    }

    /// The raw JSON that answers an instant query at a time, in seconds since 1970.
    pub fn query_at(&self, expression: &str, seconds: i64) -> Result<String, DriveError> {
        self.get(&format!("/api/v1/query?query={}&time={seconds}", http::escape(expression)))
    }

    /// The raw JSON that lists every series that matches.
    pub fn series(&self, selector: &str) -> Result<String, DriveError> {
        self.get(&format!("/api/v1/series?match[]={}", http::escape(selector)))
    }

    /// One of the server's own metrics, by its name and labels exactly as it shows them.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// The most memory that the process ever had in use, in bytes.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    }

    /// How long it took to replay its log, by its own measure.
    pub fn replay(&self) -> Option<Replay> {
        Replay::in_log(&self.log())
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        fs::read(self.home.path().join("log"))
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into())
    }

    /// Asks it to end, waits until it has, and answers with its log.
    pub fn stop(mut self) -> Result<String, DriveError> {
        let doing = || format!("ask {} to end", self.name);
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .map_err(|cause| DriveError::machine(doing())(cause.into()))?;
        match wait_for(self.limit, || self.child.try_wait().ok().flatten()) {
            Some(status) if status.success() => Ok(self.log()),
            Some(status) => Err(DriveError::Ended { name: self.name.clone(), status, log: self.log_end() }),
            None => Err(self.late("stopped")),
        }
    }

    /// Kills it at once, as a power cut or the kernel out of memory would, and answers with its log.
    pub fn kill(mut self) -> Result<String, DriveError> {
        self.end().map_err(DriveError::machine(format!("kill {}", self.name)))?;
        Ok(self.log())
    }

    fn end(&mut self) -> std::io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    fn late(&self, awaited: &'static str) -> DriveError {
        DriveError::Late { name: self.name.clone(), awaited, limit: self.limit, log: self.log_end() }
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let skipped = log.lines().count().saturating_sub(LOG_LINES_IN_ERRORS);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended long ago; what matters is that it does not outlive its test.
        drop(self.end());
    }
}
