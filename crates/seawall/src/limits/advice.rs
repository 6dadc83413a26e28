//! What to do about a finding, where that depends on whose log it is.

use formats::Format;

use super::Facts;
use crate::show::units;

/// About damage.
pub(super) fn of_damage(facts: &Facts<'_>) -> String {
    let path = units::path(facts.path);
    let start = match facts.format {
        Format::Journal => "a start would go on without it",
        _ => "do not start the server, since servers delete what they cannot read",
    };
    format!(
        "{start}; `seawall verify {path}` lists each place, `seawall repair {path}` shows what can be saved"
    )
}

/// About a log that is too large.
pub(super) fn of_size(facts: &Facts<'_>) -> String {
    let path = units::path(facts.path);
    match facts.format {
        Format::Journal => {
            format!("find out which consumer does not settle what it gets: `seawall inspect {path}` names it")
        }
        _ => format!(
            "find out why the server does not shorten it (its own log names failed checkpoints or snapshots) and \
             what fills it: `seawall inspect {path}`{}",
            drain(facts)
        ),
    }
}

/// The way out for a log that can be drained, as the end of a sentence.
pub(super) fn drain(facts: &Facts<'_>) -> String {
    if facts.format == Format::Prometheus {
        format!("; `seawall drain {}` makes it small without losing anything", units::path(facts.path))
    } else {
        String::new()
    }
}
