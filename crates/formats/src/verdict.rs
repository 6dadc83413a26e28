//! What the server would do with this log at its next start.

/// What the next start of the server would do, as far as the log decides it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is known about that: the format has no rule, or not enough was read.
    #[default]
    Unknown,
    /// It starts and keeps everything.
    Starts,
    /// It starts, and loses or invents something on the way.
    StartsWithLoss {
        /// What happens, in one sentence.
        what: String,
    },
    /// It does not come up.
    Refuses {
        /// What it says or does, in one sentence.
        what: String,
    },
    /// It comes up and then ends again, at every start.
    CrashLoops {
        /// What happens, in one sentence.
        what: String,
    },
}

impl Verdict {
    /// The word used in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Unknown => "unknown",
            Verdict::Starts => "starts",
            Verdict::StartsWithLoss { .. } => "starts-with-loss",
            Verdict::Refuses { .. } => "refuses",
            Verdict::CrashLoops { .. } => "crash-loops",
        }
    }

    /// The sentence that goes with it.
    pub fn what(&self) -> Option<&str> {
        match self {
            Verdict::Unknown | Verdict::Starts => None,
            Verdict::StartsWithLoss { what } | Verdict::Refuses { what } | Verdict::CrashLoops { what } => {
                Some(what)
            }
        }
    }

    /// How bad it is: a larger number is worse.
    const fn rank(&self) -> u8 {
        match self {
            Verdict::Unknown => 0,
            Verdict::Starts => 1,
            Verdict::StartsWithLoss { .. } => 2,
            Verdict::CrashLoops { .. } => 3,
            Verdict::Refuses { .. } => 4,
        }
    }

    /// Replaces this by `other` where that is worse.
    pub fn worsen(&mut self, other: Verdict) {
        if other.rank() > self.rank() {
            *self = other;
        }
    }
}
