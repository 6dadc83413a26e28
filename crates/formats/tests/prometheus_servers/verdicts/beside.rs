//! Damage beside the log.
