//! A signal to the process that writes a log.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use rustix::process::{Pid, kill_process};

use crate::probe::Detect;

/// A signal that servers do something on and do not end by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP
    Hup,
    /// SIGUSR1
    Usr1,
    /// SIGUSR2
    Usr2,
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("SIG").unwrap_or(text) {
            "HUP" => Ok(Signal::Hup),
            "USR1" => Ok(Signal::Usr1),
            "USR2" => Ok(Signal::Usr2),
            _ => Err(format!("{text:?} is none of SIGHUP, SIGUSR1, SIGUSR2")),
        }
    }
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Hup => Self::HUP,
            Signal::Usr1 => Self::USR1,
            Signal::Usr2 => Self::USR2,
        }
    }
}

/// Sends it; an error says to whom it could not be sent.
pub(super) fn send(signal: Signal, pid_file: Option<&Path>, log: (&Path, Detect)) -> Result<(), String> {
    let pid = match pid_file {
        Some(file) => named(file)?,
        None => holder(log)?,
    };
    let fail = |error| format!("failed to send {signal:?} to process {pid}: {error}");
    let pid =
        i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| format!("{pid} is no process"))?;
    kill_process(pid, signal.into()).map_err(fail)
}

/// The number in the first line of a file, as servers write it.
fn named(file: &Path) -> Result<u32, String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(4096).read_to_string(&mut text));
    read.map_err(|error| format!("failed to read {}: {error}", file.display()))?;
    let number = text.lines().next().and_then(|line| line.trim().parse().ok());
    // 0 and 1 are nobody's server, and this process is not either.
    number
        .filter(|pid| *pid > 1 && *pid != std::process::id())
        .ok_or_else(|| format!("{} does not begin with the number of a process", file.display()))
}

fn holder((path, detect): (&Path, Detect)) -> Result<u32, String> {
    let log = detect(path, None).map_err(|error| error.to_string())?;
    match mend::holders::of(log.as_ref()).as_slice() {
        [only] => Ok(only.pid),
        [] => Err("no process was found that has the log open: name its pid_file".to_owned()),
        several => Err(format!("{} processes have the log open: name the server's pid_file", several.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_where_no_server_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let to = |text: &str| {
            std::fs::write(&file, text).unwrap();
            send(Signal::Hup, Some(&file), (directory.path(), formats::detect)).unwrap_err()
        };
        for text in ["", "0", "1", "-5", "abc", "99999999999", &std::process::id().to_string()] {
            assert!(to(text).contains("does not begin with"), "{text}");
        }
        let lost = send(Signal::Hup, Some(Path::new("/nowhere")), (directory.path(), formats::detect));
        assert!(lost.unwrap_err().contains("failed to read"));
    }
}
