//! What is kept and lost, and what the server would have kept.

use std::collections::HashMap;

use formats::prometheus::Directory;
use formats::{Part, ReadError, Role};

use super::reading::Sheet;
use crate::Kept;

/// Records and samples of all sheets.
pub(super) fn kept<'a>(sheets: impl Iterator<Item = &'a Sheet>, series: u64) -> Kept {
    let (records, samples) =
        sheets.fold((0, 0), |(records, samples), sheet| (records + sheet.records, samples + sheet.samples));
    Kept { records: Some(records), samples: Some(samples), series: Some(series) }
}

/// What the server keeps at its next start: all that it reads before it stops, for it deletes what is behind.
pub(super) fn servers_own(directory: &Directory, sheets: &[&Sheet]) -> Result<Kept, ReadError> {
    let by_name: HashMap<&str, &Sheet> = sheets
        .iter()
        .flat_map(|sheet| sheet.place.parts.iter().map(|part| (part.name.as_str(), *sheet)))
        .collect();
    let of = |role| -> Vec<&Part> { directory.parts().iter().filter(|part| part.role == role).collect() };
    let (mut records, mut samples) = (0, 0);
    let checkpoint = of(Role::Checkpoint);
    let checkpoint = (!checkpoint.is_empty()).then_some(checkpoint);
    let live: Vec<Vec<&Part>> = of(Role::Live).into_iter().map(|part| vec![part]).collect();
    let late: Vec<Vec<&Part>> = of(Role::OutOfOrder).into_iter().map(|part| vec![part]).collect();
    for files in checkpoint.into_iter().chain(live).chain(late) {
        let known: Vec<_> = files.iter().filter_map(|part| by_name.get(part.name.as_str())).collect();
        let sound = known.iter().all(|sheet| sheet.damages + sheet.torn == 0 && sheet.place.parts.len() == 1);
        if known.len() == files.len() && sound {
            records += known.iter().map(|sheet| sheet.records).sum::<u64>();
            samples += known.iter().map(|sheet| sheet.samples).sum::<u64>();
            continue;
        }
        let taken = directory.taken_by_server(&files)?;
        records += taken.records;
        samples += taken.samples;
        if taken.stops_in.is_some() {
            break;
        }
    }
    Ok(Kept { records: Some(records), samples: Some(samples), series: None })
}
