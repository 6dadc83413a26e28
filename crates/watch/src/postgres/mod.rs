//! A PostgreSQL server, over its own protocol: it is asked what keeps its log, and has statements carried out.
//!
//! * [`Dsn`] says where the server is and as whom it is spoken to, and holds no password.
//! * [`Database`] is a way to it. Each time a connection is made and ended: what is asked for twice a minute needs none that
//!   is kept, and a server that was restarted is no special case.
//! * [`Standing`] is what the server says about its log, and `reasons` is what follows from that, as pure functions.

mod database;
mod dsn;
mod reasons;
mod standing;
mod tls;

use std::time::Duration;

use formats::Format;

use crate::{Facts, Flaw, FlawKind, Severity};
pub use database::Database;
pub use dsn::{Dsn, DsnError};
pub use standing::{Archiver, Reading, Slot, SlotKind, Standing, Transaction};

/// How long the server may take to say how it stands.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds what the server says to what its log shows.
pub(crate) async fn consult(database: &Database, format: Option<Format>, facts: &mut Facts) {
    let warning = |what| Flaw { kind: FlawKind::Server, severity: Severity::Warning, what };
    if format != Some(Format::Postgres) {
        facts.flaws.push(warning("dsn is set, and only PostgreSQL is asked through one".to_owned()));
        return;
    }
    match standing::ask(database, PATIENCE).await {
        Ok(standing) => {
            reasons::add(&standing, facts);
            facts.standing = Some(standing);
        }
        Err(why) => facts.flaws.push(warning(why)),
    }
}
