//! Programs that are killed, or refused by the system, at every one of their system calls on files.
//!
//! `strace` does it, so nothing has to be built into the program: what is tested is what is shipped.

use std::ffi::{OsStr, OsString};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use tempfile::NamedTempFile;

use crate::peers::{need_program, note_lack};

/// Calls that open, change or lock files, by all the names that kinds of machines have for them.
pub const FILE_CALLS: [&str; 28] = [
    "openat",
    "mkdir",
    "mkdirat",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "copy_file_range",
    "sendfile",
    "ftruncate",
    "fsync",
    "fdatasync",
    "link",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "lchown",
    "flock",
];

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before the call does anything.
    Kill,
    /// The call does nothing and fails with the error of this name, such as `ENOSPC`.
    Error(&'static str),
}

/// A run of a program that was hit.
#[derive(Debug)]
pub struct Struck {
    /// Where, as `rename 3`: each thread counts its own calls.
    pub point: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub stderr: String,
}

/// Makes system calls of programs fail.
#[derive(Debug)]
pub struct Faults {
    strace: OsString,
    sight: Sight,
    stops: Stops,
    environment: Vec<(OsString, OsString)>,
}

/// Which processes a program that is hit can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Those of its own space of processes.
    Own,
    /// All of the machine.
    All,
}

/// At which of its calls the system stops a program that is to be told an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stops {
    /// Only at those that are meant, which takes far less time.
    Meant,
    /// At every call, where there is no filter of calls. A kill always needs that: a filter lets its signal be lost.
    All,
}

/// What every thread of a program calls as it begins: a filter is used for a thread once it has stopped it once.
const FIRST_CALL: &str = "set_robust_list";

impl Faults {
    /// Finds `strace`; where it is not here, or the system does not let it trace, that is noted as a skip.
    pub fn need() -> Option<Self> {
        let program = need_program("strace")?;
        let of = |value: Option<&OsStr>| value.unwrap_or_default().to_owned();
        let environment = program.get_envs().map(|(name, value)| (name.to_owned(), of(value))).collect();
        let strace = program.get_program().to_owned();
        let mut faults = Self { strace, sight: Sight::All, stops: Stops::Meant, environment };
        if !faults.strikes(Fault::Error("EIO")) {
            faults.stops = Stops::All;
        }
        let permitted = faults.strikes(Fault::Kill);
        if !permitted {
            note_lack("strace", "may not trace processes here");
        }
        permitted.then_some(faults)
    }

    /// Shows the program no process but its own, where the machine permits that: for what looks at every process, and makes
    /// a few calls for each. Not beside a [`PowerDisk`](crate::PowerDisk): it would stay mounted for such a program.
    #[must_use]
    pub fn alone(self) -> Self {
        let alone = Self { sight: Sight::Own, ..self };
        if alone.strikes(Fault::Kill) { alone } else { Self { sight: Sight::All, ..alone } }
    }

    /// Whether a program is hit here.
    fn strikes(&self, fault: Fault) -> bool {
        let tried = self.start(&Command::new("true"), "openat", 1, fault).and_then(Run::finish);
        tried.is_ok_and(|(struck, _)| struck.is_some())
    }

    /// Runs a program once for each call of each of these names that it makes, with the fault there; counts the runs.
    ///
    /// Each run gets what `prepare` makes and ends in `judge`. A run that nothing hits, as there is one for each name,
    /// has to succeed.
    pub fn everywhere<T>(
        &self,
        (fault, calls): (Fault, &[&str]),
        mut prepare: impl FnMut() -> (T, Command),
        mut judge: impl FnMut(T, &Struck),
    ) -> u32 {
        let mut hits = 0;
        for call in calls {
            for nth in 1.. {
                let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
                let (prepared, command) = prepare();
                let run = self.start(&command, call, nth, fault).expect("strace starts: it did before");
                drop(starting);
                let (struck, output) = run.finish().expect("strace runs: it did before");
                let Some(struck) = struck else {
                    let said = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{command:?} fails without a fault: {said}");
                    break;
                };
                judge(prepared, &struck);
                hits += 1;
            }
        }
        hits
    }

    fn strace(&self) -> Command {
        if self.sight == Sight::All {
            return Command::new(&self.strace);
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--mount-proc", "--propagation=slave"]).arg(&self.strace);
        unshare
    }

    /// Starts the command with the fault at the call of that number.
    fn start(&self, command: &Command, call: &str, nth: u32, fault: Fault) -> io::Result<Run> {
        let log = NamedTempFile::new()?;
        let inject = match fault {
            Fault::Kill => format!("inject=?{call}:signal=KILL:when={nth}"),
            Fault::Error(name) => format!("inject=?{call}:error={name}:when={nth}"),
        };
        let mut strace = self.strace();
        if self.stops == Stops::Meant && fault != Fault::Kill {
            strace.arg("--seccomp-bpf");
        }
        strace.args(["-f", "-q", "-e", &format!("trace=?{FIRST_CALL},?{call}"), "-e", &inject, "-o"]);
        strace.arg(log.path()).envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Where libraries lie that were fetched for strace, and where cargo looks for some, is not for the program: it would
        // look for each of its own in all these places, and be run once for each of these calls.
        strace.args(["-E", "LD_LIBRARY_PATH"]);
        for (name, _) in &self.environment {
            strace.arg("-E").arg(name);
        }
        strace.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => strace.env(name, value),
                None => strace.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            strace.current_dir(dir);
        }
        let child = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        Ok(Run { child, log, fault, point: format!("{call} {nth}") })
    }
}

/// Held while a run is prepared and started: a child has the descriptors of this process until it becomes `strace`, and
/// with them what another thread is preparing would look as if somebody wrote to it.
static STARTING: Mutex<()> = Mutex::new(());

/// A run that was started.
struct Run {
    child: Child,
    log: NamedTempFile,
    fault: Fault,
    point: String,
}

impl Run {
    /// Waits for its end, and tells whether it was hit.
    fn finish(self) -> io::Result<(Option<Struck>, Output)> {
        let output = self.child.wait_with_output()?;
        let mark = match self.fault {
            Fault::Kill => "killed by SIGKILL",
            Fault::Error(_) => "(INJECTED)",
        };
        let hit = fs::read_to_string(self.log.path())?.contains(mark);
        let struck = hit.then(|| Struck {
            point: self.point,
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
        Ok((struck, output))
    }
}
