//! Any bytes, read as a segment of PostgreSQL: what was made right is found, whole and cut anywhere.

#![no_main]

use std::ops::{ControlFlow, Range};

use formats::postgres::scan;
use fuzz::control::Control;
use fuzz::laws::Seen;
use fuzz::postgres::{Frame, Shape, opening, segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, file)) = Control::split(input) else { return };
    let mut file = file.to_vec();
    let Some(shape) = opening(control, &mut file) else {
        // Bytes that are no segment may be an error; what matters is that reading ends.
        drop(scan(&file, &mut |_entry| ControlFlow::Continue(())));
        return;
    };
    let mut file = stretched(control, shape, file);
    let frames = segment(control, shape, &mut file);
    let seen = read(control, &file);
    obeys(&seen, &file, shape);
    if (0..file.len().div_ceil(shape.page)).all(|page| control.repairs(page)) {
        let is_made = |start: u64| frames.iter().any(|frame| frame.bytes.start as u64 == start);
        // In a damaged record lie, by chance, bytes of sound ones: what is behind them may be tied to neither.
        let is_nested = seen.records.iter().any(|(span, _)| !is_made(span.start));
        let missed = frames.iter().find(|frame| !is_nested && !frame.is_left && !is_found(&seen, frame));
        assert!(missed.is_none(), "{missed:?} is sound, and found was {:?}", seen.spans);
    }
    if control.repairs_all() {
        // Behind the last of them lies what nobody made, and by chance a sound record.
        let end = frames.last().map_or(40, |frame| frame.bytes.end);
        for len in [end, (end * usize::from(control.stretch) / 256).max(40)] {
            is_whole(&read(control, &file[..len]), &frames, len);
        }
    }
});

fn read(control: Control, file: &[u8]) -> Seen {
    Seen::with_losses(control.stretch, |visit| scan(file, visit).expect("memory can be read"))
}

/// Now and then a long record is put in front, so that the file lies across the end of its segment.
fn stretched(control: Control, shape: Shape, file: Vec<u8>) -> Vec<u8> {
    let pages = file.len() / shape.page;
    if control.stretch % 16 != 1 || shape.segment > 1 << 20 || pages < 2 || pages > 60 {
        return file;
    }
    let end = shape.segment - pages.div_ceil(2) * shape.page;
    let mut all = file[..40].to_vec();
    all[2] &= !1;
    all[16..20].fill(0);
    all.resize(end, 0);
    all[40..44].copy_from_slice(&(shape.room(40, end) as u32).to_le_bytes());
    all.extend_from_slice(&file[shape.page..]);
    all
}

fn obeys(seen: &Seen, file: &[u8], shape: Shape) {
    let len = file.len().min(shape.segment) as u64;
    let first = seen.records.first().map(|(span, _)| span.start);
    let (mut reached, mut records) = (0, 0);
    for span in &seen.spans {
        assert!(span.start <= span.end && span.end <= len, "{span:?} in {len} bytes");
        // The header of a page may be wrong where the record around it is sound.
        assert!(span.start >= reached || span.end <= reached, "{span:?} begins before {reached}");
        let gap = reached as usize..(span.start.max(reached)) as usize;
        let is_behind = first.is_some_and(|first| first < reached);
        assert!(!is_behind || gap.is_empty() || shape.is_header(gap.clone()), "{gap:?} lies nowhere");
        reached = reached.max(span.end);
    }
    for (span, record) in &seen.records {
        assert!(span.start >= records && span.start % 8 == 0, "{span:?} begins before {records}");
        assert!(record.times.is_none() && record.samples == 0);
        records = span.end;
    }
    let mut damaged = 0;
    for (span, damage) in seen.lost.iter().zip(&seen.damage) {
        if damage.file == "memory" {
            let Range { start, end } = *span;
            assert!(
                start <= damage.start && damage.start <= damage.end && damage.end <= end,
                "{damage:?} {span:?}"
            );
            assert!(damage.start >= damaged, "{damage:?} begins before {damaged}");
            damaged = damage.end;
        } else {
            assert_eq!((damage.start, damage.end), (0, 40), "{damage:?}");
        }
    }
    let lost: u64 = seen.damage.iter().map(|damage| damage.lost.bytes).sum();
    assert!(lost <= file.len() as u64, "{lost} bytes lost of {}", file.len());
}

fn is_found(seen: &Seen, frame: &Frame) -> bool {
    seen.records.iter().any(|(span, _)| span.start == frame.bytes.start as u64)
}

/// Of a file of so many bytes, all records are found and nothing is wrong with them.
fn is_whole(seen: &Seen, frames: &[Frame], len: usize) {
    let found: Vec<u64> = seen.records.iter().map(|(span, _)| span.start).collect();
    let whole = frames.iter().take_while(|frame| frame.bytes.end <= len);
    let there: Vec<u64> = whole.map(|frame| frame.bytes.start as u64).collect();
    if there.len() < frames.len() && found.iter().any(|start| !there.contains(start)) {
        // What was cut holds, by chance, the bytes of sound records: then it is damage before them.
        return;
    }
    assert_eq!(found, there);
    assert!(seen.damage.is_empty(), "{:?}", seen.damage);
    assert!(seen.notes.iter().all(|(_, note)| note.code == "torn-tail"), "{:?}", seen.notes);
    assert!(seen.notes.len() <= 1);
}
