//! Settlements that nobody waits for. Written at once, each would have a sync of its own, and the next write would wait for
//! it. So they go along with the next write, or soon by themselves if there is none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use journal::Ticket;
use tokio::time::sleep;

/// How long they wait for a write. If the process is killed meanwhile, theirs is sent again with its key.
const WAIT: Duration = Duration::from_millis(20);
/// So many do not wait any longer.
const MOST: usize = 1024;

/// The tickets of settlements. The journal has what they stand for in its queue, and writes it once one is dropped, or with
/// whatever else it is asked for.
#[derive(Default)]
pub(crate) struct Unhurried(Mutex<Vec<Ticket<()>>>);

impl Unhurried {
    pub(super) fn keep(self: &Arc<Self>, ticket: Ticket<()>) {
        let count = {
            let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tickets.push(ticket);
            tickets.len()
        };
        if count == 1 {
            let unhurried = Arc::clone(self);
            tokio::spawn(async move {
                sleep(WAIT).await;
                unhurried.write();
            });
        } else if count >= MOST {
            self.write();
        }
    }

    fn write(&self) {
        let tickets = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(tickets);
    }
}
