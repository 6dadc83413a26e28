//! Directories that are not as the server left them.

use std::fs;

use testkit::prometheus::Prometheus;

use super::{Case, Outcome};
use crate::sound::{Sound, segment_name};

const CHECKPOINT: &str = "wal/checkpoint.00000001/00000000";

fn a_missing_segment_keeps_it_from_starting(prometheus: &Prometheus) {
    for (name, sound, missing) in [
        ("first", Sound::plain(), 0),
        ("hole", Sound::plain(), 2),
        ("behind the checkpoint", Sound::with_checkpoint(), 2),
    ] {
        let file = segment_name(missing);
        sound.remove(&file);
        let outcome = Outcome::Refuses(&file);
        Case { name, sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);
    }
}

fn a_hole_before_the_checkpoint_keeps_it_from_starting(prometheus: &Prometheus) {
    let (sound, file) = (Sound::with_checkpoint(), segment_name(1));
    sound.write(&segment_name(0), &sound.read(&segment_name(2)));
    let outcome = Outcome::Refuses(&file);
    Case { name: "hole", sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);
}

fn a_segment_twice_under_two_spellings_of_its_number_keeps_it_from_starting(prometheus: &Prometheus) {
    let sound = Sound::plain();
    sound.write("wal/000002", &sound.read(&segment_name(2)));
    let outcome = Outcome::Refuses("not sequential");
    Case { name: "spellings", sound: &sound, damage: Some(("wal/000002", 0)), outcome }.holds(prometheus);
}

fn a_copy_of_a_segment_without_series_changes_nothing(prometheus: &Prometheus) {
    let sound = Sound::plain();
    sound.write(&segment_name(5), &sound.read(&segment_name(2)));
    Case { name: "copy", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
}

fn a_copy_of_a_segment_with_series_makes_it_forget_their_samples(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(5));
    sound.write(&file, &sound.read(&segment_name(0)));
    let outcome = Outcome::Loses("100 series are declared again, and the server forgets 30000 samples");
    Case { name: "copy", sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);
}

fn left_over_segments_are_not_read(prometheus: &Prometheus) {
    let (plain, sound) = (Sound::plain(), Sound::with_checkpoint());
    for segment in 0..2 {
        sound.write(&segment_name(segment), &plain.read(&segment_name(segment)));
    }
    Case { name: "left over", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
}

fn empty_segments_are_sound(prometheus: &Prometheus) {
    for segment in [2, 4] {
        let (sound, file) = (Sound::plain(), segment_name(segment));
        sound.write(&file, &[]);
        Case { name: &file, sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
    }
}

fn a_flip_in_the_checkpoint_deletes_every_segment(prometheus: &Prometheus) {
    let sound = Sound::with_checkpoint();
    sound.change(CHECKPOINT, |bytes| bytes[40_000] ^= 0xff);
    let damage = formats_at(&sound, 40_000);
    let outcome = Outcome::Refuses("deletes all 3 WAL segments, and exits");
    Case { name: "flip", sound: &sound, damage: Some((CHECKPOINT, damage)), outcome }.holds(prometheus);
    assert_eq!(sound.segments(), Vec::<String>::new());
}

/// Where the fragment of the checkpoint begins that this byte lies in.
fn formats_at(sound: &Sound, byte: usize) -> usize {
    let all = crate::sound::fragments(&sound.read(CHECKPOINT));
    all.into_iter().find(|fragment| fragment.contains(&byte)).unwrap().start
}

fn a_checkpoint_without_files_takes_the_series_with_it(prometheus: &Prometheus) {
    let sound = Sound::with_checkpoint();
    sound.remove(CHECKPOINT);
    let outcome = Outcome::Loses("it drops the samples of 100 series that no record declares");
    Case { name: "empty", sound: &sound, damage: None, outcome }.holds(prometheus);
}

fn a_hole_in_the_checkpoint_keeps_it_from_starting(prometheus: &Prometheus) {
    let sound = Sound::with_checkpoint();
    sound.write("wal/checkpoint.00000001/00000002", &sound.read(&segment_name(2)));
    let missing = "wal/checkpoint.00000001/00000001";
    let outcome = Outcome::Refuses(missing);
    Case { name: "hole", sound: &sound, damage: Some((missing, 0)), outcome }.holds(prometheus);
}

fn a_file_in_the_place_of_a_checkpoint_keeps_it_from_starting(prometheus: &Prometheus) {
    for name in ["wal/checkpoint.00000000", "wal/checkpoint.old"] {
        let sound = Sound::plain();
        sound.write(name, b"x");
        let damage = Some((name, 0));
        Case { name, sound: &sound, damage, outcome: Outcome::Refuses(name) }.holds(prometheus);
    }
}

fn a_directory_in_the_place_of_a_segment_is_taken_for_a_damaged_one(prometheus: &Prometheus) {
    for (folder, outcome) in [(2, Outcome::Deletes("wal/00000002")), (5, Outcome::Mends)] {
        let (sound, file) = (Sound::plain(), segment_name(folder));
        if folder < 5 {
            sound.remove(&file);
        }
        fs::create_dir(sound.at(&file)).unwrap();
        Case { name: &file, sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);
    }
}

fn a_checkpoint_above_all_segments_is_read_alone(prometheus: &Prometheus) {
    let sound = Sound::plain();
    sound.write("wal/checkpoint.00000009/00000000", &sound.read(&segment_name(0)));
    let outcome = Outcome::Loses("it starts a segment with a number below the checkpoint");
    Case { name: "above", sound: &sound, damage: None, outcome }.holds(prometheus);
}

fn files_and_directories_that_are_no_segments_are_passed_over(prometheus: &Prometheus) {
    for sound in [Sound::plain(), Sound::with_checkpoint()] {
        for name in [
            "wal/notes.txt",
            "wal/00000003.repair",
            "wal/.hidden",
            "wal/backup/00000000",
            "wal/lost+found/x",
            "wal/checkpoint.00000001.tmp/00000000",
            "wal/checkpoint.bad/00000000",
            "notes.txt",
            "backup/wal/00000000",
            "snapshots/x/y",
            "wbl.old/00000003",
        ] {
            sound.write(name, b"no log at all");
        }
        Case { name: "junk", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
    }
}

testkit::for_each_version! {
    a_missing_segment_keeps_it_from_starting,
    a_hole_before_the_checkpoint_keeps_it_from_starting,
    a_segment_twice_under_two_spellings_of_its_number_keeps_it_from_starting,
    a_copy_of_a_segment_without_series_changes_nothing,
    a_copy_of_a_segment_with_series_makes_it_forget_their_samples,
    left_over_segments_are_not_read,
    empty_segments_are_sound,
    a_flip_in_the_checkpoint_deletes_every_segment,
    a_checkpoint_without_files_takes_the_series_with_it,
    a_hole_in_the_checkpoint_keeps_it_from_starting,
    a_file_in_the_place_of_a_checkpoint_keeps_it_from_starting,
    a_directory_in_the_place_of_a_segment_is_taken_for_a_damaged_one,
    a_checkpoint_above_all_segments_is_read_alone,
    files_and_directories_that_are_no_segments_are_passed_over,
}
