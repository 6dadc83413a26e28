//! What makes a log smaller: the server is asked over HTTP or in SQL, a command is run, a signal is sent, or SQLite copies. Only effects are here; when
//! they are wanted, and what they have done, is decided elsewhere.

mod signal;
mod sqlite;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;

use crate::postgres::Database;
use crate::probe::Detect;
use crate::{Reason, Service, SqliteMode, Target, command};
pub use signal::Signal;
pub use sqlite::answer as sqlite_answer;

/// What is done to make a log smaller.
#[derive(Clone, PartialEq)]
pub enum Action {
    /// A shell command.
    Command(String),
    /// An HTTP request.
    Http {
        /// How it is asked.
        method: HttpMethod,
        /// Who is asked, and for what.
        service: Arc<Service>,
    },
    /// A signal to the server.
    Signal {
        /// Which.
        signal: Signal,
        /// The file with the server's process number; without it, the only process that has the log open.
        pid_file: Option<PathBuf>,
    },
    /// SQL for a PostgreSQL server.
    Sql {
        /// Where.
        database: Database,
        /// What; `CHECKPOINT` where nobody wants anything else.
        statement: String,
    },
    /// SQLite copies the log into its database, which the target's path names.
    Sqlite(SqliteMode),
}

/// How a server is asked to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// POST
    Post,
    /// PUT
    Put,
    /// GET
    Get,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Action {
    /// The word in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Action::Command(_) => "command",
            Action::Http { .. } => "http",
            Action::Signal { .. } => "signal",
            Action::Sql { .. } => "sql",
            Action::Sqlite(_) => "sqlite",
        }
    }
}

/// Does it; says what there is to say of that beside its effect, and an error says why it was not done.
pub(crate) async fn perform(
    action: Action,
    target: &Target,
    reason: Reason,
    (patience, detect): (Duration, Detect),
) -> Result<Option<String>, String> {
    match action {
        Action::Command(text) => {
            command::run(command::shell(&text, command::about(target, reason)), patience).await?;
        }
        Action::Http { method, service } => request(method, &service).await?,
        Action::Signal { signal, pid_file } => {
            let path = target.path.clone();
            let send = move || signal::send(signal, pid_file.as_deref(), (&path, detect));
            let sent = tokio::task::spawn_blocking(send).await;
            sent.unwrap_or_else(|error| Err(format!("failed to send the signal: {error}")))?;
        }
        Action::Sql { database, statement } => database.execute(&statement, patience).await?,
        Action::Sqlite(mode) => return sqlite::run(mode, &target.path, patience).await,
    }
    Ok(None)
}

async fn request(method: HttpMethod, service: &Service) -> Result<(), String> {
    let method = match method {
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Get => Method::GET,
    };
    let answer = service.ask(method).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    let said = service.said(&answer);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(format!("{service} answered {}{said}", answer.status))
}
