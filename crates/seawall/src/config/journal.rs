//! `[journal]`: where the journal and its archives lie, how large they may become, and how long archives are kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use journal::archive::{Level, MOST_PAYLOAD, Retention};
use journal::{Options, WhenFull};

use super::key::{Key, Kind, Occurs, Reload, Section};
use super::{Origin, Problem, Reader, Table, Written};
use crate::clock;
use crate::journals;
use crate::sizes::Size;
use crate::spans::Span;

/// What can be written.
pub(super) const SECTION: Section = Section {
    name: "journal",
    about: "Where the journal and its archives lie, how large they may become, and how long archives are kept.",
    occurs: Occurs::Once,
    keys: &[
        Key {
            name: "dir",
            kind: Kind::Path,
            default: None,
            reload: Reload::Restart,
            about: "the journal's directory; without it `$XDG_STATE_HOME/seawall/journal`, which is `~/.local/state/seawall/journal` where that is not set",
        },
        Key {
            name: "archive",
            kind: Kind::Switch,
            default: Some("true"),
            reload: Reload::Restart,
            about: "whether streams that were closed are archived. Without it, an event goes once every ship has delivered it, and streams may stay open for ever; what only the archive was waiting for goes too",
        },
        Key {
            name: "archive_dir",
            kind: Kind::Path,
            default: None,
            reload: Reload::Restart,
            about: "where archives of closed streams lie; without it `archive` in the journal's directory",
        },
        Key {
            name: "segment_size",
            kind: Kind::Size,
            default: Some("64MiB"),
            reload: Reload::Restart,
            about: "bytes of a segment, 64 KiB to 1 GiB in steps of 4096",
        },
        Key {
            name: "max_event",
            kind: Kind::Size,
            default: None,
            reload: Reload::Restart,
            about: "bytes of an event; without it 8 MiB, or a quarter of a segment if that is less",
        },
        Key {
            name: "max_bytes",
            kind: Kind::Size,
            default: Some("10GiB"),
            reload: Reload::Restart,
            about: "bytes of the journal on the disk; at least six segments",
        },
        Key {
            name: "when_full",
            kind: Kind::OneOf(&["reject", "drop-oldest"]),
            default: Some("reject"),
            reload: Reload::Restart,
            about: "what happens when `max_bytes` are reached: new events are refused, or the oldest that nobody has settled are lost, and counted",
        },
        Key {
            name: "archive_interval",
            kind: Kind::Span,
            default: Some("1m"),
            reload: Reload::Live,
            about: "how often streams that were closed are archived, and archives that are too old removed",
        },
        Key {
            name: "archive_level",
            kind: Kind::Count,
            default: Some("1"),
            reload: Reload::Restart,
            about: "how hard archives are compressed, 1 to 19: more takes more time for a little less room",
        },
        Key {
            name: "retention_age",
            kind: Kind::Span,
            default: Some("30d"),
            reload: Reload::Live,
            about: "how old an archive may become; `0s` keeps them for ever",
        },
        Key {
            name: "retention_size",
            kind: Kind::Size,
            default: None,
            reload: Reload::Live,
            about: "bytes of all archives, of which the oldest go first; without it size does not matter",
        },
    ],
};

/// What `[journal]` means.
#[derive(Clone, Debug)]
pub(crate) struct JournalSettings {
    /// The journal's directory.
    pub(crate) dir: PathBuf,
    /// Whether closed streams are archived.
    pub(crate) archiving: Archiving,
    /// Where archives lie.
    pub(crate) archive_dir: PathBuf,
    /// What it is opened with.
    pub(crate) options: Options,
    /// How often archives are made and removed.
    pub(crate) archive_interval: Duration,
    /// How hard archives are compressed.
    pub(crate) archive_level: Level,
    /// How long archives are kept.
    pub(crate) retention: Retention,
}

/// Whether closed streams are archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archiving {
    /// They are, and until then their events are kept.
    On,
    /// They are not.
    Off,
}

/// What was written, understood.
pub(super) fn understand(
    written: &Written,
    environment: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<JournalSettings> {
    let mut read = Reader::new(Table::sole(&SECTION), written, problems);
    let dir = read.optional::<PathBuf>("dir");
    let archiving = read.value::<bool>("archive");
    let archive_dir = read.optional::<PathBuf>("archive_dir");
    let options = options(&mut read);
    let interval = read.value::<Span>("archive_interval");
    let level = read.value::<u8>("archive_level").map(|level| (level, Level::new(level)));
    if let Some((number, None)) = level
        && let Some(entry) = read.entry("archive_level")
    {
        let message = format!("it is {number}, and has to be 1 to {}", Level::MOST);
        read.refuse("archive_level", &entry.origin, message);
    }
    let age = read.value::<Span>("retention_age");
    let size = read.optional::<Size>("retention_size");
    let is_soon = interval.is_some_and(|interval| interval.duration() < Duration::from_secs(1));
    read.at_least("archive_interval", is_soon.then_some(0), 1);
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    let dir = match dir? {
        Some(dir) => dir,
        None => journals::usual_place(|name| environment.get(name).map(Into::into)).or_else(|| {
            let message =
                "neither XDG_STATE_HOME nor HOME says where; set journal.dir or SEAWALL_JOURNAL_DIR";
            read.refuse("dir", &Origin::Default, message.to_owned());
            None
        })?,
    };
    let max_age = u64::try_from(age?.duration().as_millis()).ok().filter(|age| *age > 0);
    Some(JournalSettings {
        archiving: if archiving? { Archiving::On } else { Archiving::Off },
        archive_dir: archive_dir?.unwrap_or_else(|| dir.join("archive")),
        dir,
        options: options?,
        archive_interval: interval?.duration(),
        archive_level: level?.1?,
        retention: Retention { max_age, max_bytes: size?.map(Size::bytes) },
    })
}

fn options(read: &mut Reader<'_>) -> Option<Options> {
    let segment_size = read.value::<Size>("segment_size");
    let max_event = read.optional::<Size>("max_event");
    let max_bytes = read.value::<Size>("max_bytes");
    let when_full = read.entry("when_full").map(|entry| match entry.text.as_str() {
        "drop-oldest" => WhenFull::DropOldest,
        _ => WhenFull::Reject,
    });
    let usual = Options::new(clock::millis);
    let segment_size = segment_size?.bytes();
    let options = Options {
        segment_size,
        max_event: max_event?.map_or(usual.max_event.min(segment_size / 4), Size::bytes),
        max_bytes: max_bytes?.bytes(),
        when_full: when_full?,
        ..usual
    };
    if let Err(error) = options.check() {
        let name = SECTION.keys.iter().map(|key| key.name).find(|name| *name == error.option);
        let name = name.unwrap_or("max_bytes");
        let origin = read.entry(name).map_or(Origin::Default, |entry| entry.origin);
        read.refuse(name, &origin, format!("it cannot be {}: it has to be {}", error.value, error.bounds));
        return None;
    }
    if options.max_event > MOST_PAYLOAD {
        refuse_event(read, options.max_event);
        return None;
    }
    Some(options)
}

/// Its streams are archived, so every event has to fit an archive.
fn refuse_event(read: &mut Reader<'_>, bytes: u64) {
    let message = format!("it cannot be {bytes}: an archive takes {MOST_PAYLOAD} at most");
    if let Some(entry) = read.entry("max_event") {
        read.refuse("max_event", &entry.origin, message);
    }
}
