//! `seawall close`: no more events are taken into a stream.

use hyper::Method;
use journal::{Journal, Openness, Stream};
use serde_json::{Value, json};

use crate::cli::{CloseArgs, Form};
use crate::client::{Client, encoded};
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure};
use crate::journals::{self, Access, Missing};
use crate::show::{self, Detail, Screen, units};

/// Closes the stream.
pub(crate) fn run(args: &CloseArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let Closed { last, before } = match journals::access(&args.journal, Missing::Refuse, screen)? {
        Access::Own(journal, _) => own(&journal, &args.stream)?,
        Access::Daemon(mut client) => of_daemon(&mut client, &args.stream)?,
    };
    let was_closed = before == Openness::Closed;
    match form {
        Form::Json => show::print_json(&json!({
            "stream": args.stream, "last": last, "applied": !was_closed,
        }))?,
        Form::Text if screen.detail == Detail::Little => {}
        Form::Text => {
            let done = if was_closed { "was closed already" } else { "is closed" };
            show::print(&format!("{} {done}\n", units::safe(&args.stream)))?;
        }
    }
    Ok(Exit::Fine)
}

/// A stream that is closed now.
struct Closed {
    last: Option<u64>,
    before: Openness,
}

fn own(journal: &Journal, name: &str) -> Result<Closed, Failure> {
    let stream = stream(journal, name)?;
    let info = journal.info(&stream);
    let before = info.as_ref().map_or(Openness::Open, |info| info.openness);
    if before == Openness::Open {
        journal.close_stream(&stream).wait().map_err(JournalFailure::Commit)?;
    }
    Ok(Closed { last: info.and_then(|info| info.last).map(journal::Seq::get), before })
}

fn of_daemon(client: &mut Client, name: &str) -> Result<Closed, Failure> {
    let path = format!("/v1/streams/{}/close", encoded(name));
    let answer = client.change(Method::POST, &path, &Value::Null)?;
    let was_open = answer.get("applied").and_then(Value::as_bool).unwrap_or(true);
    let before = if was_open { Openness::Open } else { Openness::Closed };
    Ok(Closed { last: answer.get("last").and_then(Value::as_u64), before })
}

/// The stream of that name; a failure where there is none.
pub(crate) fn stream(journal: &Journal, name: &str) -> Result<Stream, Failure> {
    let found = journal.find_stream(name);
    found.ok_or_else(|| JournalFailure::NoStream { name: name.to_owned() }.into())
}
