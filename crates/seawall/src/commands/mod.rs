//! The commands: each turns what was typed into a plan, and a plan into output and an exit code.

pub(crate) mod alert;
pub(crate) mod append;
pub(crate) mod archive;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod close;
pub(crate) mod config;
pub(crate) mod consumers;
pub(crate) mod doctor;
pub(crate) mod dump;
pub(crate) mod fix;
pub(crate) mod generate;
pub(crate) mod guard;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod parked;
pub(crate) mod plan;
pub(crate) mod quarantine;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod streams;
pub(crate) mod verify;
