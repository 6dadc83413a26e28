//! The files of a journal and what is known of them.

mod frames;
pub(crate) mod names;
pub(crate) mod quarantine;
pub(crate) mod segments;
pub(crate) mod state;

pub(crate) use frames::{Frames, Going};
pub(crate) use segments::Segments;
pub(crate) use state::{State, hold};
