//! raft-engine: a batch of one entry for each append, its files written before and used again.

use std::path::Path;

use raft_engine::{Config, Engine, LogBatch, ReadableSize};

use crate::round::{Contestant, Order, Round, threads};

/// Keys that a writer writes in turn: what was written a while ago is garbage, as settled events are.
const KEYS: u64 = 256;

/// raft-engine.
pub(crate) struct Raft(Engine);

impl Raft {
    pub(crate) fn new(directory: &Path) -> Self {
        let config = Config {
            dir: directory.join("raft").display().to_string(),
            target_file_size: ReadableSize::mb(64),
            purge_threshold: ReadableSize::mb(256),
            enable_log_recycle: true,
            prefill_for_recycle: true,
            ..Config::default()
        };
        Self(Engine::open(config).unwrap())
    }
}

impl Contestant for Raft {
    fn round(&mut self, order: &Order) -> Round {
        let engine = &self.0;
        threads(order, |writer| {
            let mut count = 0u64;
            move || {
                count += 1;
                let mut batch = LogBatch::with_capacity(1);
                let key = (count % KEYS).to_le_bytes().to_vec();
                batch.put(writer + 1, key, order.payload.clone()).unwrap();
                engine.write(&mut batch, true).unwrap();
            }
        })
    }

    fn rest(&mut self) {
        self.0.purge_expired_files().unwrap();
    }
}
