//! What a log counts, by the name that those who write it have for it.

use formats::Format;

/// One, and many.
pub(crate) type Name = (&'static str, &'static str);

/// A column's title.
pub(crate) fn title_of((_, many): Name) -> String {
    many.to_uppercase()
}

/// What the library counts as samples and series of any format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Things {
    pub(crate) samples: Name,
    pub(crate) series: Name,
}

impl Things {
    /// What a log of that format holds.
    pub(crate) const fn of(format: Format) -> Self {
        match format {
            Format::Journal | Format::Arwal => {
                Self { samples: ("event", "events"), series: ("stream", "streams") }
            }
            _ => Self { samples: ("sample", "samples"), series: ("series", "series") },
        }
    }
}
