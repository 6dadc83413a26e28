//! When checkpoints are made without a reason: a span of time, or what a crontab has.

use std::str::FromStr;
use std::time::Duration;

use watch::{Cron, Schedule, Zone};

use super::refuse;
use crate::config::Reader;
use crate::spans::Span;

/// The variable that names the zone by whose clock a crontab is meant.
pub(super) const ZONE: &str = "TZ";

const KEY: &str = "checkpoint.schedule";

/// What is written, by the clock of that zone; nothing if it is wrong, which is told.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn understand(read: &mut Reader<'_>, zone: &str) -> Option<Option<Schedule>> {
    let Some(text) = read.optional::<String>(KEY)? else { return Some(None) };
    let understood = if is_crontab(&text) { by_clock(&text, zone) } else { by_span(&text) };
    understood.map_err(|message| refuse(read, KEY, message)).ok().map(Some)
}

/// Whether it is meant as fields, right or wrong: no span has a star, or two numbers without units.
fn is_crontab(text: &str) -> bool {
    let is_bare = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    text.contains(['*', '@']) || text.split_whitespace().filter(is_bare).count() > 1
}

fn by_clock(text: &str, zone: &str) -> Result<Schedule, String> {
    let zone = Zone::named(zone).map_err(|error| error.to_string())?;
    Cron::parse(text, zone).map(Schedule::Cron).map_err(|error| error.to_string())
}

fn by_span(text: &str) -> Result<Schedule, String> {
    let span = Span::from_str(text)
        .map_err(|error| format!("{error}; and a time of day is five fields, such as 0 3 * * *"))?;
    if span.duration() < Duration::from_secs(1) {
        return Err("it has to be a second or more".to_owned());
    }
    Ok(Schedule::Every(span.duration()))
}
