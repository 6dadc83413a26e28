//! SQLite has its log checkpointed by another process, which is this program again: see [`crate::checkpoint_sqlite`].

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::{Copied, SqliteMode};

/// The program that runs, also when its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// The word that makes it do nothing but this; it answers with [`answer`].
const WORD: &str = "checkpoint-sqlite";

/// Has it made; says what came of it, and an error says why nothing did.
pub(super) async fn run(mode: SqliteMode, path: &Path, patience: Duration) -> Result<Option<String>, String> {
    let mut command = Command::new(THIS_PROGRAM);
    // It reads no configuration, and has no business with secrets that stand in the environment.
    command.args([WORD, mode.name()]).arg(path).env_clear();
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let done = match timeout(patience, command.output()).await {
        Ok(done) => done.map_err(|error| format!("failed to run this program again: {error}"))?,
        // Killed in the middle, it leaves a log that the next checkpoint copies again.
        Err(_) => return Err(format!("the checkpoint had not ended after {patience:?} and was given up")),
    };
    heard(&String::from_utf8_lossy(&done.stdout))
        .unwrap_or_else(|| Err(format!("the process that makes the checkpoint ended with {}", done.status)))
}

/// What such a process says at its end: three numbers, or why there are none.
pub fn answer(done: &Result<Copied, String>) -> String {
    match done {
        Ok(Copied { is_busy, frames, copied }) => {
            format!("made {} {frames} {copied}\n", u8::from(*is_busy))
        }
        Err(why) => format!("failed {}\n", why.replace(char::is_control, "?")),
    }
}

/// What was said; nothing if that is no answer.
fn heard(said: &str) -> Option<Result<Option<String>, String>> {
    let said = said.strip_suffix('\n')?;
    if let Some(why) = said.strip_prefix("failed ") {
        return Some(Err(why.to_owned()));
    }
    let mut numbers = said.strip_prefix("made ")?.split(' ').map(str::parse::<u64>);
    let (Some(Ok(busy)), Some(Ok(frames)), Some(Ok(copied)), None) =
        (numbers.next(), numbers.next(), numbers.next(), numbers.next())
    else {
        return None;
    };
    let why = match (busy, copied < frames) {
        (0, _) => "",
        (_, true) => ": a reader needs the rest of the log",
        (_, false) => ": somebody still reads from the log",
    };
    Some(Ok(Some(format!("SQLite copied {copied} of {frames} frames{why}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_is_heard_and_nothing_else_is_an_answer() {
        let numbers = |is_busy, frames, copied| heard(&answer(&Ok(Copied { is_busy, frames, copied })));
        assert_eq!(numbers(false, 0, 0), Some(Ok(Some("SQLite copied 0 of 0 frames".to_owned()))));
        let held = "SQLite copied 3 of 9 frames: a reader needs the rest of the log";
        assert_eq!(numbers(true, 9, 3), Some(Ok(Some(held.to_owned()))));
        assert_eq!(heard(&answer(&Err("no\nsuch".to_owned()))), Some(Err("no?such".to_owned())));
        for odd in ["", "made 0 1 2", "made 0 1\n", "made 0 1 2 3\n", "made a b c\n", "hello\n"] {
            assert_eq!(heard(odd), None, "{odd:?}");
        }
    }
}
