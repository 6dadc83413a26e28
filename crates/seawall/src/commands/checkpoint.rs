//! `seawall checkpoint-sqlite`: the process in which SQLite makes a checkpoint for the daemon. It opens nothing else.

use crate::cli::SqliteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;

/// Makes it, and says what came of it in the words that the daemon reads.
pub(crate) fn run(args: &SqliteArgs) -> Result<Exit, Failure> {
    let done = watch::checkpoint_sqlite(&args.path, args.mode);
    show::print(&watch::sqlite_answer(&done))?;
    Ok(if done.is_ok() { Exit::Fine } else { Exit::Failed })
}
