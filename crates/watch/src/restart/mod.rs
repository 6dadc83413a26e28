//! Restarts of the server that writes a log: Docker is asked, systemd is told, or a command is run.
//!
//! * [`Restart`] is how, and under which rules.
//! * [`course`] decides when one is made, and says what became of it: a pure state machine.
//! * `docker`, `systemd` and the command are the ways; only effects are there.
//!
//! A restart is the last resort, and not a harmless one: a server that starts over a damaged log destroys what a repair would
//! keep. So the log is read as a whole before, unless somebody wants otherwise.

pub(crate) mod course;
mod docker;
mod kept;
mod systemd;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use formats::{Depth, Order, UnixTime};
use tokio::task::spawn_blocking;

use crate::probe::Detect;
use crate::{Kind, Reason, Severity, Target, command, flaws};
pub use course::{Decision, Hindrance, RestartOutcome, RestartTally, Restarted, Withheld};
pub use docker::{Container, ContainerError};
pub use systemd::{Unit, UnitError};

/// How a server is restarted.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// What is done.
    pub way: Way,
    /// Under which rules.
    pub rules: RestartRules,
    /// How long that may take, until the server has ended and was started again.
    pub timeout: Duration,
    /// How long the server may take to serve then.
    pub patience: Duration,
}

/// When a server may be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartRules {
    /// Checkpoints in a row that do not help a log in danger, before one is made.
    pub after: u32,
    /// How long no other one is made after one, unless somebody asks.
    pub cooldown: Duration,
    /// How many are made in 24 hours, unless somebody asks.
    pub most_a_day: u32,
    /// What is done over damage.
    pub over_damage: OverDamage,
}

/// What is done about a server whose log is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverDamage {
    /// It is left as it is, and the log is read as a whole before each restart to know.
    Refuse,
    /// It is restarted all the same.
    Restart,
}

/// What restarts a server.
#[derive(Clone, PartialEq, Eq)]
pub enum Way {
    /// A container, by Docker or what speaks its API.
    Docker {
        /// Which.
        container: Container,
        /// Where the API listens.
        socket: PathBuf,
        /// How long the server may take to end before it is killed.
        grace: Duration,
    },
    /// A unit of systemd.
    Systemd(Unit),
    /// A shell command.
    Command(String),
}

impl Way {
    /// The word in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Way::Docker { .. } => "docker",
            Way::Systemd(_) => "systemd",
            Way::Command(_) => "command",
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a server does not run as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It was not restarted.
    Untouched(String),
    /// It was, and does not run.
    Down(String),
}

/// Restarts the server of a target, once its log is known to be sound.
pub(crate) async fn perform(
    restart: Restart,
    target: &Target,
    reason: Reason,
    (detect, now): (Detect, UnixTime),
) -> Result<(), Trouble> {
    if restart.rules.over_damage == OverDamage::Refuse {
        sound(target, detect, now).await.map_err(Trouble::Untouched)?;
    }
    match &restart.way {
        Way::Docker { container, socket, grace } => {
            let limits = docker::Limits { grace: *grace, stop: restart.timeout, start: restart.patience };
            docker::restart(container, socket, limits).await
        }
        Way::Systemd(unit) => systemd::restart(unit, restart.timeout).await,
        Way::Command(text) => {
            let command = command::shell(text, command::about(target, reason));
            // Whether it got as far as the server, nobody can tell.
            command::run(command, restart.timeout).await.map_err(Trouble::Untouched)
        }
    }
}

/// Reads all of a log; an error says what is wrong with it.
async fn sound(target: &Target, detect: Detect, now: UnixTime) -> Result<(), String> {
    let format = match target.kind {
        Kind::Directory => return Ok(()),
        Kind::Log(format) => Some(format),
        Kind::Detected => None,
    };
    let path = target.path.clone();
    let read = move || {
        let log = detect(&path, format).map_err(|error| error.to_string())?;
        let survey = formats::survey(log.as_ref(), &Order::new(Depth::Bytes, now).live());
        match flaws(&survey).into_iter().find(|flaw| flaw.severity == Severity::Critical) {
            None => Ok(()),
            Some(flaw) => Err(format!(
                "its log is damaged, and a start may destroy what is left: {}; look at it with `seawall verify --live`",
                flaw.what
            )),
        }
    };
    spawn_blocking(read).await.unwrap_or_else(|error| Err(format!("failed to read the log: {error}")))
}
