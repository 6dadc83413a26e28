//! Damage inside segments.

use std::ops::Range;
use std::time::Duration;

use formats::prometheus::record::{Point, Record, SeriesRef};
use formats::prometheus::{Compression, Pages};
use testkit::prometheus::Prometheus;
use testkit::wait_for;

use super::{Case, Outcome};
use crate::counts::total;
use crate::live::compacting;
use crate::model::survey_of;
use crate::sound::{
    BEGIN, PAGE, SERIES, Sound, closed, encoded, fragments, samples, segment_name, times, with_record,
};

/// The first, one in the middle, the last.
const SEGMENTS: [i64; 3] = [0, 2, 4];

/// The fragment of a sound segment that a byte lies in.
fn fragment_at(sound: &Sound, file: &str, byte: usize) -> Range<usize> {
    fragments(&sound.read(file)).into_iter().find(|fragment| fragment.contains(&byte)).unwrap()
}

/// Flips bits of one byte of a fragment that is a whole record, and demands that the server cuts there.
fn flip_cuts(prometheus: &Prometheus, segment: i64, at: usize, bits: u8) {
    let (sound, file) = (Sound::plain(), segment_name(segment));
    let fragment = fragment_at(&sound, &file, PAGE + 8000);
    sound.change(&file, |bytes| bytes[fragment.start + at] ^= bits);
    Case {
        name: &format!("bits {bits:#04x} flipped in byte {at} of a fragment of {file}"),
        sound: &sound,
        damage: Some((&file, fragment.start)),
        outcome: Outcome::Cuts(&file, fragment.start),
    }
    .holds(prometheus);
}

fn a_flip_in_the_data_or_the_checksum_cuts_there(prometheus: &Prometheus) {
    for segment in SEGMENTS {
        flip_cuts(prometheus, segment, 100, 0xff);
        flip_cuts(prometheus, segment, 3, 0x01);
    }
}

fn a_flip_in_the_length_cuts_there(prometheus: &Prometheus) {
    for segment in SEGMENTS {
        flip_cuts(prometheus, segment, 2, 0x10);
        flip_cuts(prometheus, segment, 1, 0x80);
    }
}

fn a_flip_in_the_type_cuts_there(prometheus: &Prometheus) {
    // A type that no fragment has.
    SEGMENTS.iter().for_each(|segment| flip_cuts(prometheus, *segment, 0, 6));
    // Padding, a beginning, a continuation, an end, a compressed record.
    [1, 3, 2, 5, 0x08].iter().for_each(|bits| flip_cuts(prometheus, 2, 0, *bits));
}

fn a_flip_in_the_first_record_or_in_the_last_cuts_there(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(0));
    sound.change(&file, |bytes| bytes[20] ^= 1);
    let outcome = Outcome::Cuts(&file, 0);
    Case { name: "first record", sound: &sound, damage: Some((&file, 0)), outcome }.holds(prometheus);

    let (sound, file) = (Sound::plain(), segment_name(4));
    let last = fragments(&sound.read(&file)).pop().unwrap();
    sound.change(&file, |bytes| bytes[last.end - 1] ^= 1);
    let outcome = Outcome::Cuts(&file, last.start);
    Case { name: "last record", sound: &sound, damage: Some((&file, last.start)), outcome }.holds(prometheus);
}

fn a_flip_in_the_second_half_of_a_record_cuts_where_the_record_begins(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(2));
    let (first, last) = (fragment_at(&sound, &file, PAGE - 1), fragment_at(&sound, &file, PAGE));
    assert_eq!((first.end, last.start), (PAGE, PAGE));
    sound.change(&file, |bytes| bytes[last.start + 10] ^= 1);
    let outcome = Outcome::Cuts(&file, first.start);
    Case { name: "second half", sound: &sound, damage: Some((&file, last.start)), outcome }.holds(prometheus);
}

fn a_bit_that_no_writer_sets_is_passed_over(prometheus: &Prometheus) {
    for segment in SEGMENTS {
        let (sound, file) = (Sound::plain(), segment_name(segment));
        let fragment = fragment_at(&sound, &file, PAGE + 8000);
        sound.change(&file, |bytes| bytes[fragment.start] ^= 0x20);
        let damage = Some((file.as_str(), fragment.start));
        Case { name: "reserved bit", sound: &sound, damage, outcome: Outcome::Starts }.holds(prometheus);
    }
}

fn a_flip_in_the_padding_costs_what_lies_behind_the_segment(prometheus: &Prometheus) {
    for segment in [2, 4] {
        let (sound, file) = (Sound::plain(), segment_name(segment));
        let end = fragments(&sound.read(&file)).pop().unwrap().end;
        sound.change(&file, |bytes| bytes[end + 100] = 1);
        let damage = Some((file.as_str(), end + 100));
        let outcome = if segment == 4 { Outcome::Mends } else { Outcome::Cuts(&file, end) };
        Case { name: &file, sound: &sound, damage, outcome }.holds(prometheus);
    }
}

fn a_torn_end_of_the_newest_segment_costs_the_last_record_alone(prometheus: &Prometheus) {
    // Of a header that was cut behind its first byte, zeros make a record without content.
    for (kept, outcome) in [
        (1, Outcome::Starts),
        (3, Outcome::Mends),
        (6, Outcome::Mends),
        (7, Outcome::Mends),
        (500, Outcome::Mends),
    ] {
        let (sound, file) = (Sound::plain(), segment_name(4));
        let last = fragments(&sound.read(&file)).pop().unwrap();
        sound.change(&file, |bytes| bytes.truncate(last.start + kept));
        let name = format!("{kept} bytes left of the last fragment");
        Case { name: &name, sound: &sound, damage: None, outcome }.holds(prometheus);
    }
}

fn a_record_that_goes_on_in_a_page_that_was_never_written_is_a_torn_end(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(4));
    sound.change(&file, |bytes| bytes.truncate(PAGE));
    Case { name: "page", sound: &sound, damage: None, outcome: Outcome::Mends }.holds(prometheus);
}

fn a_segment_in_the_middle_that_ends_inside_a_record_is_cut_there(prometheus: &Prometheus) {
    let plain = Sound::plain();
    let file = segment_name(2);
    let (full, first) = (fragment_at(&plain, &file, 50_000), fragment_at(&plain, &file, PAGE - 1));
    for (len, begin) in [(50_000, full.start), (PAGE, first.start)] {
        let sound = Sound::plain();
        sound.change(&file, |bytes| bytes.truncate(len));
        let outcome = Outcome::Cuts(&file, begin);
        let damage = Some((file.as_str(), begin));
        Case { name: &format!("cut to {len}"), sound: &sound, damage, outcome }.holds(prometheus);
    }
}

fn a_segment_that_ends_between_records_is_sound(prometheus: &Prometheus) {
    for segment in SEGMENTS {
        let (sound, file) = (Sound::plain(), segment_name(segment));
        let end = fragment_at(&sound, &file, 50_000).end;
        sound.change(&file, |bytes| bytes.truncate(end));
        Case { name: &file, sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
    }
}

/// Where the halves of two records happen to make one, it has samples that nobody wrote.
fn a_zeroed_page_invents_samples_where_the_halves_around_it_fit(prometheus: &Prometheus) {
    let file = segment_name(2);
    let zeroed = |series| {
        let (sound, mut pages) = (Sound::plain(), Pages::default());
        let begin = times(2).next().unwrap();
        for time in begin.. {
            pages.log(&samples(series, time), Compression::None);
            if pages.bytes().len() > 3 * PAGE {
                break;
            }
        }
        sound.write(&file, &closed(pages));
        sound.change(&file, |bytes| bytes[PAGE..2 * PAGE].fill(0));
        sound
    };
    let says =
        |sound: &Sound, words: &str| survey_of(sound.path()).verdict.what().unwrap_or("").contains(words);
    let damage = Some((file.as_str(), PAGE));
    let fitting = (20..SERIES).map(zeroed).find(|sound| says(sound, "never existed")).unwrap();
    Case { name: "fits", sound: &fitting, damage, outcome: Outcome::Invents }.holds(prometheus);

    let sound = (20..SERIES).map(zeroed).find(|sound| says(sound, "it cuts")).unwrap();
    let first = fragment_at(&sound, &file, PAGE - 1);
    let outcome = Outcome::Cuts(&file, first.start);
    Case { name: "does not fit", sound: &sound, damage, outcome }.holds(prometheus);
}

fn a_record_that_is_begun_and_followed_by_zeros_alone_is_passed_over(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(2));
    let first = fragment_at(&sound, &file, PAGE - 1);
    sound.change(&file, |bytes| bytes[PAGE..].fill(0));
    let damage = Some((file.as_str(), first.start));
    let outcome = Outcome::Loses("but every checkpoint fails there, so the WAL grows for ever");
    Case { name: "begun", sound: &sound, damage, outcome }.holds(prometheus);

    let rules = sound.at("rules.yml");
    let server = compacting(prometheus, sound.path(), &rules, "10m").start().unwrap();
    let failed = || (total(&server, "prometheus_tsdb_checkpoint_creations_failed_total") > 0).then_some(());
    wait_for(Duration::from_mins(1), failed).unwrap_or_else(|| panic!("{}", server.log()));
}

fn zeros_with_data_behind_them_in_the_page_cut_there(prometheus: &Prometheus) {
    let (sound, file) = (Sound::plain(), segment_name(2));
    let fragment = fragment_at(&sound, &file, PAGE + 8000);
    sound.change(&file, |bytes| bytes[fragment.clone()].fill(0));
    let damage = Some((file.as_str(), fragment.start));
    Case { name: "hole", sound: &sound, damage, outcome: Outcome::Cuts(&file, fragment.start) }
        .holds(prometheus);
}

fn pages_of_zeros_at_the_end_are_taken_without_a_word(prometheus: &Prometheus) {
    for segment in [2, 4] {
        let (sound, file) = (Sound::plain(), segment_name(segment));
        let end = sound.read(&file).len();
        sound.change(&file, |bytes| bytes.resize(end + PAGE, 0));
        let (damage, outcome) = match segment {
            4 => (None, Outcome::Starts),
            _ => (Some((file.as_str(), end)), Outcome::Loses("it starts without a word")),
        };
        Case { name: &file, sound: &sound, damage, outcome }.holds(prometheus);
    }
}

fn records_that_cannot_be_decoded_cut_although_their_checksum_is_right(prometheus: &Prometheus) {
    let whole = samples(SERIES, BEGIN + 151 * 15_000 - 7_000);
    let series = [&[1][..], &[0; 8], &[1, 200, b'x']].concat();
    let histogram = [&[7][..], &[0; 16], &[2, 2, 0, 3]].concat();
    let tombstone = [&[3][..], &[0; 8], &[2]].concat();
    let exemplar = [&[4][..], &[0; 16], &[2, 2, 0, 3]].concat();
    for record in [&whole[..whole.len() - 3], &series, &histogram, &tombstone, &exemplar] {
        let (sound, at) = with_record(record);
        let file = segment_name(2);
        let (name, damage) = (format!("record of type {}", record[0]), Some((file.as_str(), at)));
        Case { name: &name, sound: &sound, damage, outcome: Outcome::Cuts(&file, at) }.holds(prometheus);
    }
}

fn records_of_types_that_do_not_exist_are_passed_over(prometheus: &Prometheus) {
    let file = segment_name(2);
    for kind in [20, 63, 0, 64, 255] {
        let (sound, at) = with_record(&[kind, 1, 2, 3]);
        let (damage, outcome) = match kind {
            20 | 63 => (None, Outcome::Starts),
            _ => (Some((file.as_str(), at)), Outcome::Loses("it starts without a word")),
        };
        Case { name: &format!("type {kind}"), sound: &sound, damage, outcome }.holds(prometheus);
    }
    let (sound, _) = with_record(&[]);
    Case { name: "nothing", sound: &sound, damage: None, outcome: Outcome::Starts }.holds(prometheus);
}

fn samples_of_series_that_nobody_declared_are_dropped(prometheus: &Prometheus) {
    let stray = |number| Point { series: SeriesRef(number), time: BEGIN, value: 1.0 };
    let (sound, _) = with_record(&encoded(&Record::Samples(vec![stray(5000), stray(5001)])));
    let outcome = Outcome::Loses("it drops the samples of 2 series that no record declares");
    Case { name: "stray", sound: &sound, damage: None, outcome }.holds(prometheus);
}

testkit::for_each_version! {
    a_flip_in_the_data_or_the_checksum_cuts_there,
    a_flip_in_the_length_cuts_there,
    a_flip_in_the_type_cuts_there,
    a_flip_in_the_first_record_or_in_the_last_cuts_there,
    a_flip_in_the_second_half_of_a_record_cuts_where_the_record_begins,
    a_bit_that_no_writer_sets_is_passed_over,
    a_flip_in_the_padding_costs_what_lies_behind_the_segment,
    a_torn_end_of_the_newest_segment_costs_the_last_record_alone,
    a_record_that_goes_on_in_a_page_that_was_never_written_is_a_torn_end,
    a_segment_in_the_middle_that_ends_inside_a_record_is_cut_there,
    a_segment_that_ends_between_records_is_sound,
    a_zeroed_page_invents_samples_where_the_halves_around_it_fit,
    a_record_that_is_begun_and_followed_by_zeros_alone_is_passed_over,
    zeros_with_data_behind_them_in_the_page_cut_there,
    pages_of_zeros_at_the_end_are_taken_without_a_word,
    records_that_cannot_be_decoded_cut_although_their_checksum_is_right,
    records_of_types_that_do_not_exist_are_passed_over,
    samples_of_series_that_nobody_declared_are_dropped,
}
