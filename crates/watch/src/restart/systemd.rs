//! A unit of systemd, through its own program: no shell, and nobody is asked for a password.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::process::Command;

use super::Trouble;
use crate::command;

/// The program that talks to systemd.
const PROGRAM: &str = "systemctl";

/// How long it may take to say how a unit is.
const QUESTION: Duration = Duration::from_secs(10);

/// The name of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit(String);

/// Why a text is no name of a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a unit, such as prometheus.service")]
pub struct UnitError(String);

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b":_.\\@-".contains(&byte);
        // One that began with a dash would be an option.
        let is_fit = text.len() < 256 && !text.starts_with('-') && text.bytes().all(is_letter);
        let is_named = text.bytes().any(|byte| byte.is_ascii_alphanumeric());
        (is_fit && is_named).then(|| Self(text.to_owned())).ok_or_else(|| UnitError(text.to_owned()))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Restarts it, and looks whether it is active.
pub(super) async fn restart(unit: &Unit, limit: Duration) -> Result<(), Trouble> {
    let restarted = command::run(systemctl("restart", unit), limit).await;
    let active = command::run(systemctl("is-active", unit), QUESTION).await;
    match (restarted, active) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(why), Ok(())) => {
            Err(Trouble::Untouched(format!("{PROGRAM} restart {unit} failed, and the unit is active: {why}")))
        }
        (Err(why), Err(_)) => {
            Err(Trouble::Down(format!("{PROGRAM} restart {unit} failed, and the unit is not active: {why}")))
        }
        (Ok(()), Err(why)) => Err(Trouble::Down(format!(
            "{unit} was restarted and is not active: {why}; `journalctl -u {unit}` says more"
        ))),
    }
}

fn systemctl(verb: &str, unit: &Unit) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args([verb, "--quiet", "--no-ask-password", &unit.0]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_name_and_never_an_option() {
        for good in ["prometheus", "prometheus.service", "influxdb3@node-0.service", "a\\x2db.service"] {
            assert!(good.parse::<Unit>().is_ok(), "{good}");
        }
        for bad in ["", "-f", "--now", "a b", "a;b", "a/b", "$(a)", "..", "a\n", "\u{e4}"] {
            assert!(bad.parse::<Unit>().is_err(), "{bad}");
        }
    }
}
