//! Logs that were harmed at random: nothing good is lost, nothing false is kept, and one repair is enough.

use std::fs;

use formats::prometheus::Compression;
use mend::prometheus::Repair;
use mend::{Mending, Newer, apply, undo};
use proptest::prelude::*;

use crate::model::{Content, Harm, Original};
use crate::plans::{order, terms};
use crate::sound::{Begin, Dir, dirs, tree};

/// One harm: which file, what, where.
type Blow = (usize, u8, u32, u8);

/// Strikes `dir`, and says what is gone.
fn strike(dir: &Dir, blow: Blow, harms: &mut Vec<Harm>) {
    let (file, what, at, bits) = blow;
    let files: Vec<String> = tree(dir.path()).into_keys().collect();
    let name = files[file % files.len()].clone();
    let mut bytes = dir.read(&name);
    if bytes.is_empty() {
        return;
    }
    let at = at as usize % bytes.len();
    let range = match what {
        0..=4 => {
            bytes[at] ^= bits.max(1);
            at..at + 1
        }
        5 => {
            let end = bytes.len().min(at + 3000);
            bytes[at..end].fill(0);
            at..end
        }
        6 => {
            let end = bytes.len().min(at + 500);
            bytes[at..end].fill(bits);
            at..end
        }
        7 => {
            let end = bytes.len();
            bytes.truncate(at);
            at..end
        }
        _ => {
            fs::remove_file(dir.at(&name)).unwrap();
            harms.push(Harm::File(name));
            return;
        }
    };
    dir.write(&name, &bytes);
    harms.push(Harm::Bytes(name, range.start as u64..range.end as u64));
}

/// Whether all of `part` is in `whole`.
fn holds(whole: &Content, part: &Content) -> bool {
    part.iter().all(|(labels, values)| {
        whole.get(labels).is_some_and(|all| values.iter().all(|(time, bits)| all.get(time) == Some(bits)))
    })
}

fn log(kind: u8) -> Dir {
    let begin = Begin(1_767_225_600_000);
    match kind {
        0 => begin.plain(Compression::None),
        1 => begin.plain(Compression::Snappy),
        2 => begin.with_checkpoint(),
        _ => {
            let dir = begin.with_checkpoint();
            begin.add_late(&dir);
            dir
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happened_all_that_was_good_is_there_and_nothing_else(
        kind in 0_u8..4,
        blows in prop::collection::vec((any::<usize>(), 0_u8..9, any::<u32>(), any::<u8>()), 1..5),
    ) {
        let dir = log(kind);
        let original = Original::of(dir.path());
        let mut harms = Vec::new();
        blows.iter().for_each(|blow| strike(&dir, *blow, &mut harms));
        let good = original.good(&harms);
        prop_assume!(formats::detect(dir.path(), None).is_ok());
        let (before, dirs_before) = (tree(dir.path()), dirs(dir.path()));

        let repair = Repair::plan(dir.path(), &order()).unwrap();
        if !repair.plan().is_empty() {
            apply(&repair, &terms()).unwrap();
        }
        let repaired = Original::of(dir.path()).good(&[]);
        prop_assert!(holds(&repaired, &good), "lost: {harms:?} {:?}", repair.plan().steps);
        prop_assert!(holds(&original.good(&[]), &repaired), "false: {harms:?}");
        let again = Repair::plan(dir.path(), &order()).unwrap();
        prop_assert!(again.plan().is_empty(), "{harms:?} {:?} {:?}", repair.plan().steps, again.plan().steps);

        if !repair.plan().is_empty() {
            apply(&undo(&repair.plan().site, None, Newer::Refuse).unwrap(), &terms()).unwrap();
            prop_assert!(tree(dir.path()) == before && dirs(dir.path()) == dirs_before);
        }
    }
}
