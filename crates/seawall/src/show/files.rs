//! The table of a log's files: size as a bar, what is in them, and where they are damaged.

use std::collections::HashMap;
use std::ops::Range;

use formats::{PartSurvey, Survey};

use super::bar;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::things::{Things, title_of};
use super::units;

/// A table of more files than this is folded in the middle.
const UNFOLDED: usize = 40;

/// How many files of a folded table stand before and after the fold: the newest ones tell more.
const BEFORE: usize = 10;
const AFTER: usize = 20;

/// File, role, size, bar, records, samples, times, mark.
const COLUMNS: [Align; 8] = [
    Align::Left,
    Align::Left,
    Align::Right,
    Align::Left,
    Align::Right,
    Align::Right,
    Align::Left,
    Align::Left,
];

/// How many damaged files are shown in the fold.
const DAMAGED_IN_FOLD: usize = 20;

/// The files that a start reads as log and all that are damaged; with full detail every file.
pub(crate) fn file_table(survey: &Survey, things: Things, screen: &Screen) -> String {
    let full = screen.detail == Detail::Full;
    let worth = |part: &&PartSurvey| full || part.part.role.counts() || part.damage > 0;
    let parts: Vec<&PartSurvey> = survey.parts.iter().filter(worth).collect();
    if parts.is_empty() {
        return String::new();
    }
    let mut rows = Rows::new(survey, &parts, (things, screen));
    let mut table = rows.table(&parts);
    for room in [Room::Narrow, Room::Least] {
        if table.width() <= screen.width {
            break;
        }
        rows.room = room;
        table = rows.table(&parts);
    }
    table.render()
}

/// How much is shown, so that a line fits on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Everything.
    Wide,
    /// Times without their end.
    Narrow,
    /// No times, short bars.
    Least,
}

fn stands(index: usize, count: usize) -> bool {
    count <= UNFOLDED || index < BEFORE || index >= count.saturating_sub(AFTER)
}

/// Rows that are left out.
#[derive(Default)]
struct Folded {
    files: u64,
    bytes: u64,
    kept: usize,
}

impl Folded {
    fn keeps(&mut self, part: &PartSurvey) -> bool {
        let keeps = part.damage > 0 && self.kept < DAMAGED_IN_FOLD;
        self.kept += usize::from(keeps);
        keeps
    }

    fn add(&mut self, part: &PartSurvey) {
        self.files += 1;
        self.bytes += part.part.bytes;
    }

    fn end(&mut self, table: &mut Table, screen: &Screen) {
        if self.files > 0 {
            let files = units::counted(self.files, "more file", "more files");
            let text = format!("{} {files}, {} (-v lists them)", screen.glyphs.more, units::size(self.bytes));
            table.line(Cell::new(screen.theme.dim, text));
        }
        (self.files, self.bytes) = (0, 0);
    }
}

/// What all rows share.
struct Rows<'a> {
    screen: &'a Screen,
    things: Things,
    room: Room,
    largest: u64,
    roles: bool,
    damage: HashMap<&'a str, Vec<Range<u64>>>,
}

impl<'a> Rows<'a> {
    fn new(survey: &'a Survey, parts: &[&PartSurvey], (things, screen): (Things, &'a Screen)) -> Self {
        let mut damage: HashMap<&str, Vec<Range<u64>>> = HashMap::new();
        for place in survey.damage.listed() {
            damage.entry(&place.file).or_default().push(place.start..place.end);
        }
        let first = parts.first().map(|part| part.part.role);
        Self {
            screen,
            things,
            room: Room::Wide,
            largest: parts.iter().map(|part| part.part.bytes).max().unwrap_or(0),
            roles: parts.iter().any(|part| Some(part.part.role) != first),
            damage,
        }
    }

    fn table(&self, parts: &[&PartSurvey]) -> Table {
        let full = self.screen.detail == Detail::Full;
        let mut table = Table::new(&COLUMNS);
        let times = if self.room == Room::Wide { "TIME (UTC)" } else { "FROM (UTC)" };
        let samples = title_of(self.things.samples);
        table.titles(self.screen.theme.dim, &["FILE", "ROLE", "SIZE", "", "RECORDS", &samples, times, ""]);
        let mut folded = Folded::default();
        for (index, part) in parts.iter().enumerate() {
            if full || stands(index, parts.len()) || folded.keeps(part) {
                folded.end(&mut table, self.screen);
                table.row(self.row(part));
            } else {
                folded.add(part);
            }
        }
        folded.end(&mut table, self.screen);
        table
    }

    fn row(&self, part: &PartSurvey) -> [Cell; 8] {
        let theme = &self.screen.theme;
        let known = |number: u64| part.records.map_or(String::new(), |_| units::count(number));
        let name = if part.damage > 0 { theme.bad } else { anstyle::Style::new() };
        let places = self.damage.get(part.part.name.as_str()).map_or(&[][..], Vec::as_slice);
        let role = if self.roles { part.part.role.name() } else { "" };
        let cells = if self.room == Room::Least { bar::WIDTH / 2 } else { bar::WIDTH };
        let whole = bar::Whole { largest: self.largest, cells };
        let mark =
            if part.damage == 0 { String::new() } else { units::counted(part.damage, "damage", "damages") };
        [
            Cell::new(name, units::safe(&part.part.name)),
            Cell::new(theme.dim, role),
            Cell::plain(units::size(part.part.bytes)),
            bar::bar(part.part.bytes, whole, places, (theme, &self.screen.glyphs)),
            Cell::plain(known(part.records.unwrap_or(0))),
            Cell::plain(if part.samples == 0 { String::new() } else { known(part.samples) }),
            Cell::plain(self.times(part)),
            Cell::new(theme.bad, mark),
        ]
    }

    fn times(&self, part: &PartSurvey) -> String {
        match (part.times, self.room) {
            (None, _) | (_, Room::Least) => String::new(),
            (Some(times), Room::Narrow) => units::time(times.min),
            (Some(times), Room::Wide) => units::range(times),
        }
    }
}
