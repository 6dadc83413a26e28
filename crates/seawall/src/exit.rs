//! Exit codes: the one list that help texts, commands and tests share.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Fine, or fixed.
    Fine,
    /// A limit is exceeded or health is warning; nothing was changed.
    Attention,
    /// Damage was found, or health is critical.
    Damage,
    /// It could not be done.
    Failed,
    /// The log is in use, or data would be lost and that was not allowed.
    Refused,
    /// Wrong usage.
    Usage,
}

impl Exit {
    /// Every exit code, in the order of its number.
    pub(crate) const ALL: [Exit; 6] =
        [Exit::Fine, Exit::Attention, Exit::Damage, Exit::Failed, Exit::Refused, Exit::Usage];

    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Attention => 1,
            Exit::Damage => 2,
            Exit::Failed => 3,
            Exit::Refused => 4,
            Exit::Usage => 64,
        }
    }

    /// What it means, as the help texts say it.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Exit::Fine => "fine, or fixed",
            Exit::Attention => "attention: a limit is exceeded or health is warning; nothing was changed",
            Exit::Damage => "damage was found, or health is critical",
            Exit::Failed => "could not be done: not found, unreadable, unknown format, I/O error",
            Exit::Refused => "refused: the log is in use, or it would lose data and that was not allowed",
            Exit::Usage => "wrong usage",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts and unit files out there depend on these numbers.
    const CONTRACT: [u8; 6] = [0, 1, 2, 3, 4, 64];

    #[test]
    fn the_exit_codes_are_those_of_the_contract() {
        assert_eq!(Exit::ALL.map(Exit::code), CONTRACT);
    }
}
