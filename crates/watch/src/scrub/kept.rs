//! What reading a log in full has shown, as it is kept over a restart.

use formats::{Damage, Lost, UnixTime};

use super::knowledge::MOST_PLACES;
use super::{Knowledge, Pass, Place, Stamp};
use crate::kept::{Fields, Line, Page};

impl Knowledge {
    /// Writes down what is worth it.
    pub(crate) fn keep(&self, page: &mut Page) {
        if let Some(Pass { began, ended, files, bytes }) = self.report().last {
            drop(page.line("pass").time(began).time(ended).word(files).word(bytes));
        }
        for Place { part, stamp, damage } in self.places() {
            let line = page.line("place").text(part).word(stamp.bytes).maybe(stamp.modified, Line::time);
            let line = line.text(&damage.file).word(damage.start).word(damage.end).text(&damage.cause);
            line.maybe(damage.lost.records, Line::word).word(damage.lost.bytes);
        }
    }

    /// Takes up what a line says; nothing if that makes no sense.
    pub(crate) fn recall(&mut self, name: &str, fields: &mut Fields<'_>, now: UnixTime) -> Option<()> {
        match name {
            "pass" => {
                let (began, ended) = (fields.time()?.min(now), fields.time()?.min(now));
                self.resume(Pass { began, ended, files: fields.number()?, bytes: fields.number()? });
            }
            "place" => {
                let part = fields.text()?;
                let stamp = Stamp { bytes: fields.number()?, modified: fields.maybe(Fields::time)? };
                let (file, start, end) = (fields.text()?, fields.number()?, fields.number()?);
                let cause = fields.text()?.into();
                let lost = Lost { records: fields.maybe(Fields::number)?, bytes: fields.number()? };
                let damage = Damage { file, start, end, cause, lost };
                (self.places().len() < MOST_PLACES).then(|| self.remember(Place { part, stamp, damage }))?;
            }
            _ => {}
        }
        Some(())
    }
}
