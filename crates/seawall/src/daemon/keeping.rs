//! Where the daemon keeps over restarts what it knows about watched logs, and whom it has told of trouble.

use std::path::PathBuf;
use std::time::Duration;

use tracing::{info, warn};
use watch::{KeepingNews, Shelf};

use crate::clock;
use crate::config::Config;

/// How long the last of it may take to be written: a disk may hang.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Opens it. One that cannot be used is told, and the daemon goes on without.
pub(super) fn open(config: &Config) -> Shelf {
    Shelf::open(&place(config), clock::now(), tell)
}

fn place(config: &Config) -> PathBuf {
    config.server.state_dir.clone().unwrap_or_else(|| config.journal.dir.join("watch"))
}

fn tell(news: &KeepingNews<'_>) {
    match news {
        KeepingNews::SetAside { to, why } => {
            let to = to.display();
            warn!(%to, why, "what was known from before cannot be read, and is set aside: the watch begins anew");
        }
        KeepingNews::Failed { path, error } => {
            let path = path.display();
            warn!(%path, %error, "what is known cannot be kept over a restart; see server.state_dir");
        }
        KeepingNews::Recovered => info!("what is known is kept over a restart again"),
    }
}
