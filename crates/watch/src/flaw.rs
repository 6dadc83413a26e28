//! What is wrong with a log by itself, whatever its limits are.

use formats::{Survey, Verdict};

use crate::Severity;

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What.
    pub kind: FlawKind,
    /// How bad.
    pub severity: Severity,
    /// What the log, its server or the system says about it.
    pub what: String,
}

/// The kinds of flaws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// Bytes that cannot be trusted.
    Damage,
    /// The same, found by reading the log in full while its server runs, and told place by place.
    Found,
    /// A part that cannot be read.
    Unreadable,
    /// Its server would start and lose something.
    StartsWithLoss,
    /// Its server would not start.
    Refuses,
    /// Its server would start and end, again and again.
    CrashLoops,
    /// Its server runs and says that it is not well.
    Server,
}

impl FlawKind {
    /// One for each word.
    pub const ALL: [FlawKind; 6] = [
        FlawKind::Damage,
        FlawKind::Unreadable,
        FlawKind::StartsWithLoss,
        FlawKind::Refuses,
        FlawKind::CrashLoops,
        FlawKind::Server,
    ];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            FlawKind::Damage | FlawKind::Found => "damage",
            FlawKind::Unreadable => "unreadable",
            FlawKind::StartsWithLoss => "starts-with-loss",
            FlawKind::Refuses => "refuses",
            FlawKind::CrashLoops => "crash-loops",
            FlawKind::Server => "server",
        }
    }
}

/// What a survey shows to be wrong, in the order in which it is told.
pub fn flaws(survey: &Survey) -> Vec<Flaw> {
    [damage(survey), unreadable(survey), verdict(survey)].into_iter().flatten().collect()
}

fn damage(survey: &Survey) -> Option<Flaw> {
    let first = survey.damage.listed().first()?;
    let what = format!("{}: {}", first.file, first.cause);
    Some(Flaw { kind: FlawKind::Damage, severity: Severity::Critical, what })
}

fn unreadable(survey: &Survey) -> Option<Flaw> {
    let what = survey.unreadable.first()?.to_string();
    Some(Flaw { kind: FlawKind::Unreadable, severity: Severity::Critical, what })
}

fn verdict(survey: &Survey) -> Option<Flaw> {
    let (kind, severity) = match survey.verdict {
        Verdict::Unknown | Verdict::Starts => return None,
        // A server that forgets something by design is worth attention; over damage it destroys what could be saved.
        Verdict::StartsWithLoss { .. } if survey.damage.is_empty() => {
            (FlawKind::StartsWithLoss, Severity::Warning)
        }
        Verdict::StartsWithLoss { .. } => (FlawKind::StartsWithLoss, Severity::Critical),
        Verdict::Refuses { .. } => (FlawKind::Refuses, Severity::Critical),
        Verdict::CrashLoops { .. } => (FlawKind::CrashLoops, Severity::Critical),
    };
    Some(Flaw { kind, severity, what: survey.verdict.what().unwrap_or_default().to_owned() })
}
