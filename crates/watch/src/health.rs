//! How well a log is, in four words, and how bad a thing is that is wrong with it.

/// The state of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Health {
    /// Nothing is wrong as far as was looked.
    Healthy,
    /// A limit is exceeded.
    Warning,
    /// Damaged, far beyond a limit, or its server would not start.
    Critical,
    /// It could not be looked at, or nothing was looked at that could tell. Never shown as healthy.
    #[default]
    Unknown,
}

/// How bad something is: later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth attention.
    Warning,
    /// Data or the next start are at stake.
    Critical,
}

impl Health {
    /// All of them.
    pub const ALL: [Health; 4] = [Health::Healthy, Health::Warning, Health::Critical, Health::Unknown];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Warning => "warning",
            Health::Critical => "critical",
            Health::Unknown => "unknown",
        }
    }
}

impl Severity {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl From<Severity> for Health {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Warning => Health::Warning,
            Severity::Critical => Health::Critical,
        }
    }
}
