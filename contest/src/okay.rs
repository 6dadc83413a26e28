//! okaywal: an entry of one chunk for each append, in files that were written before.

use std::path::Path;

use okaywal::{Configuration, LogVoid, WriteAheadLog};

use crate::round::{Contestant, Order, Round, threads};

/// okaywal.
pub(crate) struct Okay(WriteAheadLog);

impl Okay {
    pub(crate) fn new(directory: &Path) -> Self {
        let configuration = Configuration::default_for(directory.join("okaywal"))
            .preallocate_bytes(64 << 20)
            .checkpoint_after_bytes(48 << 20);
        Self(configuration.open(LogVoid).unwrap())
    }
}

impl Contestant for Okay {
    fn round(&mut self, order: &Order) -> Round {
        threads(order, |_| {
            || {
                let mut entry = self.0.begin_entry().unwrap();
                entry.write_chunk(&order.payload).unwrap();
                entry.commit().unwrap();
            }
        })
    }
}
