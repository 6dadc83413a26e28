//! `seawall close`: no more events are taken into a stream.

use journal::{Journal, Openness, Stream};
use serde_json::json;

use crate::cli::{CloseArgs, Form};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::{self, Missing};
use crate::show::{self, Detail, Screen, units};

/// Closes the stream.
pub(crate) fn run(args: &CloseArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let journal = journals::open(&args.journal, Missing::Refuse, screen)?;
    let stream = stream(&journal, &args.stream)?;
    let info = journal.info(&stream);
    let was_closed = info.as_ref().is_some_and(|info| info.openness == Openness::Closed);
    let last = info.and_then(|info| info.last);
    if !was_closed {
        journal.close_stream(&stream).wait().map_err(JournalFailure::Commit)?;
    }
    match form {
        Form::Json => show::print_json(&json!({
            "stream": args.stream, "last": last.map(journal::Seq::get), "applied": !was_closed,
        }))?,
        Form::Text if screen.detail == Detail::Little => {}
        Form::Text => {
            let done = if was_closed { "was closed already" } else { "is closed" };
            show::print(&format!("{} {done}\n", units::safe(&args.stream)))?;
        }
    }
    Ok(Exit::Fine)
}

/// The stream of that name; a failure where there is none.
pub(crate) fn stream(journal: &Journal, name: &str) -> Result<Stream, Failure> {
    let found = journal.find_stream(name);
    found.ok_or_else(|| JournalFailure::NoStream { name: name.to_owned() }.into())
}
