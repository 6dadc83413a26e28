//! SQLite in WAL mode with `synchronous=FULL`: a transaction for each append, on one connection that writers share,
//! since more of them would only wait for each other by sleeping.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::Connection;

use crate::round::{Contestant, Order, Round, threads};

/// SQLite.
pub(crate) struct Sqlite(Mutex<Connection>);

impl Sqlite {
    pub(crate) fn new(directory: &Path) -> Self {
        let connection = Connection::open(directory.join("sqlite")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, payload BLOB)", []).unwrap();
        Self(Mutex::new(connection))
    }
}

impl Contestant for Sqlite {
    fn round(&mut self, order: &Order) -> Round {
        threads(order, |_| {
            || {
                let connection = self.0.lock().unwrap();
                let mut insert =
                    connection.prepare_cached("INSERT INTO events (payload) VALUES (?1)").unwrap();
                insert.execute([&order.payload]).unwrap();
            }
        })
    }
}
