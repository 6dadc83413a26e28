//! What people read: figures, tables, bars, findings and progress, made as text from plain values.
//!
//! * Everything that comes from a log passes [`units::safe`]: names and labels on disk must not steer a terminal.
//! * Colour and box characters only where they can be shown; without them nothing is lost but looks.

mod alerts;
mod archives;
mod bar;
mod change;
mod conclusion;
mod damage;
mod doctor;
mod failure;
mod figures;
mod files;
mod findings;
mod imports;
mod journal;
mod paint;
mod parked;
mod plan;
pub(crate) mod progress;
mod quarantine;
mod screen;
mod settings;
mod table;
pub(crate) mod text;
pub(crate) mod things;
pub(crate) mod units;

pub(crate) use alerts::{alerts, tried};
pub(crate) use archives::{archived, archives, cleanup, damaged_archive, replay};
pub(crate) use change::{attempt, change, lost, settled};
pub(crate) use conclusion::conclusion;
pub(crate) use damage::{damage_list, lost_with_all, notes};
pub(crate) use doctor::disk;
pub(crate) use failure::failure;
pub(crate) use figures::{figures, label, top_tables};
pub(crate) use files::file_table;
pub(crate) use findings::{findings, gauges, headline};
pub(crate) use imports::imports;
pub(crate) use journal::{appended, consumers, leaving, recovery, streams};
pub(crate) use parked::{given_up, parked, parked_event, requeued};
pub(crate) use plan::plan;
pub(crate) use quarantine::{pruning, quarantine};
pub(crate) use screen::{Answer, Detail, Screen, Talk, ask, hint, print, print_json, tell};
pub(crate) use settings::settings;
