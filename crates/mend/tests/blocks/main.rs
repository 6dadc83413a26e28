//! Blocks as they are written: read again by a reader of their own, by the server's tool, and by servers.
//!
//! * `reader`: reads a block, and finds in it what a compactor would refuse.
//! * `sound`: what is written is sound, whole and as small as it should be, and nothing else can be written.
//! * `servers`: three versions of the server take the blocks without a word, serve every sample, and pack samples into
//!   the same bytes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails says enough")]

mod model;
mod reader;
mod servers;
mod sound;
