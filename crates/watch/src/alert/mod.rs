//! Telling people and other programs what happens to logs.
