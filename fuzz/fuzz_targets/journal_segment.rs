//! Any frames behind the sound header of a segment, and of a second one behind it: read, and opened.

#![no_main]

use ::journal::reader::Life;
use fuzz::control::Control;
use fuzz::{journal, repair};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, rest)) = Control::split(input) else { return };
    let Some((&second, frames)) = rest.split_first() else { return };
    let (one, two) = frames.split_at(frames.len() * usize::from(second) / 255);
    let mut files = Vec::new();
    for (number, first, frames) in [(1u64, 1, one), (2, u64::from(control.stretch), two)] {
        if number == 2 && frames.is_empty() {
            break;
        }
        let mut file = journal::segment(number, first.max(1), frames);
        repair::journal(control, (journal::ID, number), &mut file[..4096 + frames.len().min(61_440)]);
        files.push((format!("{number:016x}.seg"), file));
    }
    let storage = journal::directory(&files);
    journal::read(&storage, Life::Still);
    journal::read(&storage, Life::Running);
    journal::start(&storage);
});
