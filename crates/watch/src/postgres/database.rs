//! A way to a database: connect, have something done within a time, take it back when it takes longer, and leave.

use std::error::Error as _;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage, SimpleQueryRow};

use super::dsn::Dsn;
use super::tls::Tls;
use crate::alert::{Secret, Secrets};
use crate::call::{Roots, RootsError};

/// How long the server may take to hear that something is to be given up, and to be left.
const LEAVING: Duration = Duration::from_secs(2);

/// A database, and as whom it is spoken to.
#[derive(Clone)]
pub struct Database(Arc<Way>);

struct Way {
    dsn: Dsn,
    /// That of the address with the password.
    config: Config,
    roots: Roots,
    tls: Tls,
    secrets: Secrets,
}

/// The rows that a query has, each with its columns as text.
pub(super) type Rows = Vec<Vec<Option<String>>>;

impl Database {
    /// A way to it. The certificates count where the server has to prove who it is.
    pub fn new(dsn: Dsn, password: Option<&Secret>, roots: Roots) -> Result<Self, RootsError> {
        let tls = Tls::new(dsn.safety, &roots)?;
        let (mut config, mut secrets) = (dsn.config.clone(), Secrets::default());
        if let Some(password) = password {
            config.password(password.reveal());
            secrets.add(password.reveal());
        }
        Ok(Self(Arc::new(Way { dsn, config, roots, tls, secrets })))
    }

    /// Has statements carried out, whose rows nobody wants; an error says why they were not.
    pub(crate) async fn execute(&self, statements: &str, patience: Duration) -> Result<(), String> {
        // The server gives up by itself too, should this process be gone by then.
        let limit = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        let limit = format!("SET statement_timeout = {limit}");
        self.within(&[&limit, statements], Keep::Nothing, patience).await.map(drop)
    }

    /// Asks several things one after the other.
    pub(super) async fn ask(&self, queries: &[&str], patience: Duration) -> Result<Vec<Rows>, String> {
        self.within(queries, Keep::Rows, patience).await
    }

    async fn within(&self, queries: &[&str], keep: Keep, patience: Duration) -> Result<Vec<Rows>, String> {
        let Way { config, tls, .. } = &*self.0;
        let late = || format!("{self} has not answered within {patience:?}");
        let deadline = Instant::now() + patience;
        let connected = timeout_at(deadline, config.connect(tls.clone())).await.map_err(|_| late())?;
        let (client, connection) = connected.map_err(|error| self.failure(&error))?;
        let (cancel, mut connection) = (client.cancel_token(), pin!(connection));
        let done = {
            let mut talk = pin!(talk(&client, queries, keep));
            let both = async {
                tokio::select! {
                    biased;
                    done = &mut talk => done,
                    // Whatever the server has still said is there to be read.
                    ended = &mut connection => match ended {
                        Ok(()) => talk.await,
                        Err(error) => Err(error),
                    },
                }
            };
            timeout_at(deadline, both).await
        };
        let Ok(done) = done else {
            // A statement goes on in the server when nobody waits for it any more.
            timeout(LEAVING, cancel.cancel_query(tls.clone())).await.ok();
            return Err(late());
        };
        drop(client);
        // A connection that is only closed is noted in the server's log.
        timeout(LEAVING, connection).await.ok();
        done.map_err(|error| self.failure(&error))
    }

    /// What went wrong, in one line without a secret.
    fn failure(&self, error: &Error) -> String {
        let said = match (error.as_db_error(), error.source()) {
            (Some(said), _) => {
                let hint = said.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{}{hint}", said.message())
            }
            (None, Some(cause)) => format!("{error}: {cause}"),
            (None, None) => error.to_string(),
        };
        format!("failed to ask {self}: {}", self.0.secrets.scrub(&said))
    }
}

/// What is wanted of the rows of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// All, as text.
    Rows,
    /// None: a statement of somebody else may have any number of them.
    Nothing,
}

async fn talk(client: &Client, queries: &[&str], keep: Keep) -> Result<Vec<Rows>, Error> {
    let mut answers = Vec::with_capacity(queries.len());
    for query in queries {
        match keep {
            Keep::Nothing => client.batch_execute(query).await?,
            Keep::Rows => answers.push(texts(client.simple_query(query).await?)),
        }
    }
    Ok(answers)
}

fn texts(messages: Vec<SimpleQueryMessage>) -> Rows {
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let columns = |row: SimpleQueryRow| {
        (0..row.len()).map(|at| row.try_get(at).ok().flatten().map(str::to_owned)).collect()
    };
    rows.map(columns).collect()
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        self.0.dsn == other.0.dsn && self.0.config == other.0.config && self.0.roots == other.0.roots
    }
}

impl Eq for Database {}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.dsn, f)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.dsn, f)
    }
}
