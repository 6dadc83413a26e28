//! A directory with any bytes under any names: what is recognised is read part by part and surveyed, and both agree.

#![no_main]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use formats::{Depth, Format, Log, Order, Part, Survey, UnixTime, detect, survey};
use fuzz::laws::Seen;
use fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&how, packed)) = input.split_first() else { return };
    let tree = Tree::unpack(packed);
    let path = match tree.files.first() {
        Some(file) if how & 8 != 0 => file.as_path(),
        _ => tree.root(),
    };
    // The decoder of journals is not among those that are detected here.
    let detected = Format::ALL.iter().filter(|format| **format != Format::Journal);
    let forced = usize::from(how & 7).checked_sub(1).and_then(|number| detected.copied().nth(number));
    let Ok(log) = detect(path, forced) else { return };
    assert!(forced.is_none_or(|forced| forced == log.format()));
    let again = detect(path, Some(log.format())).expect("it was recognised before");
    assert_eq!(names(log.parts()), names(again.parts()));
    lists_files(log.as_ref(), &tree);
    let order = if how & 16 == 0 { order() } else { order().live() };
    let survey = survey(log.as_ref(), &order);
    for (part, surveyed) in log.parts().iter().zip(&survey.parts) {
        let seen = read(log.as_ref(), part, &order, how);
        if let Some(records) = surveyed.records {
            assert_eq!(records, seen.records.len() as u64, "{part:?}");
        }
        assert!(surveyed.damage >= seen.damage.len() as u64, "{part:?}: {:?}", seen.damage);
    }
    adds_up(log.as_ref(), &survey);
    if how & 32 != 0 {
        let workers = NonZeroUsize::new(3).expect("three");
        let shared = formats::survey(log.as_ref(), &order.workers(workers));
        assert_eq!(format!("{survey:?}"), format!("{shared:?}"));
    }
});

fn order() -> Order {
    Order::new(Depth::Contents { top: 3 }, UnixTime::from_seconds(1_767_225_600))
}

fn names(parts: &[Part]) -> Vec<(&str, &str)> {
    parts.iter().map(|part| (part.name.as_str(), part.role.name())).collect()
}

/// Parts are files of the directory, each once.
fn lists_files(log: &dyn Log, tree: &Tree) {
    let mut paths = BTreeSet::new();
    for part in log.parts() {
        assert!(part.path.starts_with(tree.root()), "{part:?}");
        assert_eq!(part.path.metadata().expect("a file that is there").len(), part.bytes);
        assert!(paths.insert(&part.path), "{part:?} is listed twice");
    }
}

fn read(log: &dyn Log, part: &Part, order: &Order, how: u8) -> Seen {
    let seen =
        Seen::with_losses(how >> 5, |visit| log.read(part, order, visit).expect("the file can be read"));
    for span in &seen.spans {
        assert!(
            span.start <= span.end && (span.end <= part.bytes || is_packed(part)),
            "{span:?} of {part:?}"
        );
    }
    seen
}

/// Places in an archive are those in the log that it holds.
fn is_packed(part: &Part) -> bool {
    std::fs::read(&part.path).expect("the file can be read").starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn adds_up(log: &dyn Log, survey: &Survey) {
    assert_eq!(survey.parts.len(), log.parts().len());
    assert!(survey.unreadable.is_empty(), "{:?}", survey.unreadable);
    for damage in survey.damage.listed() {
        assert!(damage.start <= damage.end, "{damage:?}");
        let part = log.parts().iter().find(|part| part.name == damage.file);
        assert!(
            part.is_none_or(|part| damage.end <= part.bytes || is_packed(part)),
            "{damage:?} of {part:?}"
        );
    }
    let of_parts: u64 = survey.parts.iter().map(|part| part.damage).sum();
    assert!(of_parts <= survey.damage.count(), "{of_parts} of {}", survey.damage.count());
}
