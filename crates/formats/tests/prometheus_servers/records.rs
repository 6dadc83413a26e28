//! Agents: servers that keep nothing but a log.
