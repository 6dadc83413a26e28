//! Changes to logs of Prometheus, and of programs that frame theirs alike.

mod repair;

pub use repair::Repair;
