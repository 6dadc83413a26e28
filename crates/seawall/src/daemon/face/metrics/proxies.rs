//! Figures of the proxies, which their own ports show too.

use std::sync::Arc;

use tokio::time::timeout;

use super::exposition::Page;
use crate::clock;
use crate::daemon::face::{Face, health};

/// Adds them. How a proxy stands is read from its journal: where the disk hangs, all of them are left out.
pub(super) async fn write(page: &mut Page, face: &Arc<Face>) {
    let desks = face.desks.clone();
    let statuses = face.asking.run(move || desks.iter().map(proxy::Desk::status).collect::<Vec<_>>());
    if let Ok(Some(statuses)) = timeout(health::PATIENCE, statuses).await {
        page.add(&proxy::figures(&statuses, clock::millis()));
    }
}
