//! What a shipper is started with.

use std::sync::Arc;

use journal::{Scope, Start};

use crate::{Policy, Sink};

/// What a shipper is started with: plain values, already checked by whoever read them.
#[derive(Clone)]
pub struct Settings {
    /// Its name, which its consumer in the journal has too: another name is another position.
    pub name: String,
    /// Which streams it delivers.
    pub scope: Scope,
    /// Where a new one begins.
    pub start: Start,
    /// Where they are delivered to.
    pub sink: Arc<dyn Sink>,
    /// How.
    pub policy: Policy,
}
