//! Another program, within a limit of time.
//!
//! It is left to itself when the daemon ends meanwhile: what it has begun may be worse half done.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Reason, Target};

/// Bytes of what it says that are kept: its last words tell why it failed.
const LAST_WORDS: usize = 512;

/// How long its last words are waited for: a child that it left behind may keep them open for ever.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a program that has taken too long may take to end by itself: it may have something to put back.
const GRACE: Duration = Duration::from_secs(10);

/// What a shell runs, with something in its environment.
pub(crate) fn shell(text: &str, environment: impl IntoIterator<Item = (&'static str, OsString)>) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text).envs(environment);
    command
}

/// What a command is told of the target that it is for.
pub(crate) fn about(target: &Target, reason: Reason) -> [(&'static str, OsString); 3] {
    [
        ("SEAWALL_TARGET", target.name.clone().into()),
        ("SEAWALL_PATH", target.path.clone().into_os_string()),
        ("SEAWALL_REASON", reason.name().into()),
    ]
}

/// Runs it; an error says how it failed.
pub(crate) async fn run(mut command: Command, patience: Duration) -> Result<(), String> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("failed to run {name}: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let heard = child.stderr.take().map(|stderr| tokio::spawn(last_words(stderr)));
    let ended = match timeout(patience, child.wait()).await {
        Ok(ended) => ended.map_err(|error| format!("failed to wait for the command: {error}"))?,
        Err(_) => {
            // Its children too: the shell is not what takes long.
            if let Some(group) = group {
                kill_process_group(group, Signal::TERM).ok();
                timeout(GRACE, child.wait()).await.ok();
                kill_process_group(group, Signal::KILL).ok();
            }
            return Err(format!("the command had not ended after {patience:?} and was killed"));
        }
    };
    if ended.success() {
        return Ok(());
    }
    let said = match heard {
        Some(heard) => timeout(SILENCE, heard).await.ok().and_then(Result::ok).unwrap_or_default(),
        None => String::new(),
    };
    Err(failure(ended, said.trim()))
}

fn failure(ended: ExitStatus, said: &str) -> String {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    format!("the command ended with {ended}{said}")
}

async fn last_words(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept = VecDeque::with_capacity(2 * LAST_WORDS);
    let mut buffer = [0; LAST_WORDS];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        kept.extend(buffer.iter().take(count));
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(kept.make_contiguous()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_now(text: &str, patience: Duration) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let about = [("A", "1".into()), ("B", "2".into()), ("C", "3".into())];
        runtime.block_on(run(shell(text, about), patience))
    }

    const LONG: Duration = Duration::from_mins(2);

    #[test]
    fn a_command_that_fails_says_how() {
        assert_eq!(run_now("test $A$B$C = 123", LONG), Ok(()));
        assert_eq!(
            run_now("echo no such slot >&2; exit 3", LONG),
            Err("the command ended with exit status: 3: no such slot".to_owned())
        );
        let loud = run_now("yes | head -c 1000000 >&2; echo last >&2; exit 1", LONG).unwrap_err();
        assert!(loud.ends_with("last") && loud.len() < 2 * LAST_WORDS, "{loud}");
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        let fifo = fifo.display();
        // The child would keep the reader waiting for as long as it lives.
        let late =
            run_now(&format!("mkfifo {fifo}; sleep 1000 > {fifo} & cat {fifo}"), Duration::from_millis(300));
        assert!(late.unwrap_err().contains("was killed"));
        let put_back = directory.path().join("put-back");
        let trap = format!("trap 'touch {}' EXIT; trap 'exit 1' TERM; sleep 1000", put_back.display());
        assert!(run_now(&trap, Duration::from_millis(300)).is_err());
        assert!(put_back.exists(), "what it has changed it may put back");
        assert_eq!(run_now("sleep 20 & exit 0", LONG), Ok(()), "what is left behind is not waited for");
    }
}
