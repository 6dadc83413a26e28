//! The ends of finished segments, without the rest: what a look can afford.
//!
//! A record that was begun, and behind it nothing but zeros: the server starts over it, and every checkpoint that gets to it
//! fails in the segment behind it. So the log is never cut again, and nothing but its size tells.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::fragment::{HEADER, Header, Kind, PAGE, PAGE_U64, all_zero};
use super::layout::Layout;
use crate::{Role, Survey, Value};

/// Segments that are looked at, the oldest ones, which a checkpoint reads first. A server keeps a few dozen.
const MOST: usize = 128;

/// Pages of zeros that are passed over to find the last one that holds something: a mebibyte, more than a crash leaves.
const ZEROS: u64 = 32;

/// Says of a log which segment no checkpoint gets past, if there is one.
pub(super) fn add_blocker(layout: &Layout, survey: &mut Survey) {
    let Some((last, _)) = layout.segments.last() else { return };
    let covered = |index| layout.checkpoint.is_some_and(|checkpoint| index <= checkpoint);
    let finished = layout.segments.iter().filter(|(index, _)| index < last && !covered(*index)).take(MOST);
    let part = |name: &String| layout.parts.iter().find(|part| part.role == Role::Live && part.name == *name);
    let mut parts = finished.filter_map(|(_, name)| part(name));
    // What cannot be read now is told when all of it is read.
    if let Some(part) = parts.find(|part| ends_inside(&part.path).unwrap_or(false)) {
        let why = format!(
            "{} ends in a record that was begun and never finished: the server does not notice, and no checkpoint gets past it; \
             stop the server and run `seawall repair`",
            part.name
        );
        survey.fact("blocker", Value::from(why));
    }
}

/// Whether a file ends in a record that was begun, with zeros behind it.
fn ends_inside(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let mut start = end.saturating_sub(1) / PAGE_U64 * PAGE_U64;
    for _ in 0..ZEROS {
        file.seek(SeekFrom::Start(start))?;
        let mut read = Vec::with_capacity(PAGE);
        file.by_ref().take(PAGE_U64).read_to_end(&mut read)?;
        if !all_zero(&read) {
            // Pages of zeros that were passed over are zeros behind it, too.
            let behind = end.saturating_sub(start + read.len() as u64);
            return Ok(zeros_behind_a_beginning(&read).is_some_and(|zeros| zeros as u64 + behind > 0));
        }
        if start == 0 {
            return Ok(false);
        }
        start -= PAGE_U64;
    }
    Ok(false)
}

/// How many zeros follow the last fragment of a page, if that begins a record or goes on with one, and nothing else does.
fn zeros_behind_a_beginning(page: &[u8]) -> Option<usize> {
    let mut rest = page;
    let mut last = None;
    while let Some(header) = Header::read(rest).filter(|header| header.kind().is_some()) {
        let data = header.data(rest).filter(|data| header.vouches_for(data))?;
        last = header.kind();
        rest = rest.get(HEADER + data.len()..).unwrap_or_default();
    }
    let is_begun = matches!(last, Some(Kind::First | Kind::Middle));
    (is_begun && all_zero(rest)).then_some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::crc32c;

    fn fragment(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        let length = u16::try_from(data.len()).unwrap();
        bytes.extend([(length >> 8) as u8, (length & 0xff) as u8]);
        let crc = crc32c(data);
        bytes.extend((0..4).rev().map(|at| u8::try_from(crc >> (8 * at) & 0xff).unwrap()));
        bytes.extend(data);
        bytes
    }

    fn ends_so(pieces: &[&[u8]], length: usize) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("00000000");
        let mut bytes = pieces.concat();
        bytes.resize(length, 0);
        std::fs::write(&path, bytes).unwrap();
        ends_inside(&path).unwrap()
    }

    #[test]
    fn a_record_that_is_begun_with_nothing_but_zeros_behind_it_is_seen() {
        let (whole, first) = (fragment(1, b"whole"), fragment(2, b"begun"));
        assert!(ends_so(&[&whole, &first], PAGE));
        assert!(ends_so(&[&whole, &first], 3 * PAGE), "pages of zeros are passed over");
        assert!(ends_so(&[&whole, &first, &fragment(3, b"on")], PAGE));
        let full = fragment(2, &vec![7; PAGE - HEADER]);
        assert!(ends_so(&[&full], 2 * PAGE), "the page itself may be full");
    }

    #[test]
    fn every_other_end_is_none() {
        let (whole, first, last) = (fragment(1, b"whole"), fragment(2, b"begun"), fragment(4, b"ended"));
        assert!(!ends_so(&[&whole], PAGE));
        assert!(!ends_so(&[&first, &last], PAGE));
        assert!(!ends_so(&[], 0) && !ends_so(&[], PAGE) && !ends_so(&[], 40 * PAGE));
        assert!(!ends_so(&[&first], first.len()), "a file that is cut there is repaired at a start");
        let mut flipped = first.clone();
        flipped[8] ^= 1;
        assert!(!ends_so(&[&flipped], PAGE), "what does not verify says nothing");
        assert!(!ends_so(&[&first, b"\x00\x00\x00\x00\x00\x00\x00x"], PAGE));
        assert!(!ends_so(&[&first[..9]], PAGE));
        assert!(!ends_so(&[&[0xff; 200]], PAGE));
    }
}
