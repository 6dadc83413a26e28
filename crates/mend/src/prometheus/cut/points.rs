//! The points of a record, whichever of its many types it has.

use formats::Malformed;
use formats::prometheus::record::{
    Histogram, PackedHistogram, Point, Record, SeriesRef, Start, Type, each_histogram, each_sample,
};

/// What was measured.
pub(super) enum Measured<'a> {
    /// A number.
    Float(f64),
    /// A native histogram, taken apart where its record does not hold it as it is packed.
    Histogram(&'a Histogram),
    /// A native histogram as it stands in its record.
    Packed(PackedHistogram<'a>),
}

impl Measured<'_> {
    /// Appends a histogram, packed; nothing of a number.
    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Measured::Float(_) => {}
            Measured::Histogram(histogram) => histogram.pack(out),
            Measured::Packed(packed) => packed.append(out),
        }
    }
}

/// Hands out all points of a record; one without points has none.
pub(super) fn each(
    record: &[u8],
    kind: Type,
    mut visit: impl FnMut(SeriesRef, i64, Measured<'_>),
) -> Result<(), Malformed> {
    match kind {
        Type::Samples => {
            each_sample(record, |point| visit(point.series, point.time, Measured::Float(point.value)))
        }
        Type::Histograms | Type::FloatHistograms | Type::CustomHistograms | Type::CustomFloatHistograms => {
            each_histogram(record, |series, time, packed| visit(series, time, Measured::Packed(packed)))
        }
        Type::SamplesV2 | Type::HistogramsV2 | Type::FloatHistogramsV2 => {
            each_of(&Record::decode(record)?, visit);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn each_of(record: &Record<'_>, mut visit: impl FnMut(SeriesRef, i64, Measured<'_>)) {
    let mut histogram =
        |point: &Point<Histogram>| visit(point.series, point.time, Measured::Histogram(&point.value));
    match record {
        Record::HistogramsV2(_, all) => all.iter().for_each(|(point, _)| histogram(point)),
        Record::SamplesV2(all) => {
            all.iter().for_each(|(point, _)| visit(point.series, point.time, Measured::Float(point.value)));
        }
        _ => {}
    }
}

/// Leaves of a record what `keeps` says of its points' and exemplars' times; `None` if that is nothing.
pub(super) fn filtered(record: Record<'_>, keeps: impl Fn(i64) -> bool) -> Option<Record<'_>> {
    match record {
        Record::Samples(mut all) => {
            all.retain(|point| keeps(point.time));
            (!all.is_empty()).then_some(Record::Samples(all))
        }
        Record::Histograms(kind, layout, mut all) => {
            all.retain(|point| keeps(point.time));
            (!all.is_empty()).then_some(Record::Histograms(kind, layout, all))
        }
        Record::Exemplars(mut all) => {
            all.retain(|exemplar| keeps(exemplar.sample.time));
            (!all.is_empty()).then_some(Record::Exemplars(all))
        }
        Record::SamplesV2(all) => {
            let all = started(all, keeps);
            (!all.is_empty()).then_some(Record::SamplesV2(all))
        }
        Record::HistogramsV2(kind, all) => {
            let all = started(all, keeps);
            (!all.is_empty()).then_some(Record::HistogramsV2(kind, all))
        }
        other => Some(other),
    }
}

/// A start time can be told by reference to the point before, which may go: each that stays says its own.
fn started<V>(all: Vec<(Point<V>, Start)>, keeps: impl Fn(i64) -> bool) -> Vec<(Point<V>, Start)> {
    let mut before = Start::None;
    let own = all.into_iter().map(|(point, start)| {
        before = if start == Start::Same { before } else { start };
        (point, before)
    });
    own.filter(|(point, _)| keeps(point.time)).collect()
}

/// How many points of a record have a start time.
pub(super) fn count_started(record: &Record<'_>) -> u64 {
    let starts: Vec<Start> = match record {
        Record::SamplesV2(all) => all.iter().map(|(_, start)| *start).collect(),
        Record::HistogramsV2(_, all) => all.iter().map(|(_, start)| *start).collect(),
        _ => Vec::new(),
    };
    let mut before = Start::None;
    let own = starts.into_iter().map(|start| {
        before = if start == Start::Same { before } else { start };
        before
    });
    own.filter(|start| matches!(start, Start::At(at) if *at != 0)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(series: u64, time: i64) -> Point<f64> {
        Point { series: SeriesRef(series), time, value: 1.0 }
    }

    #[test]
    fn a_start_time_told_by_reference_survives_the_point_it_refers_to() {
        let all = vec![
            (point(1, 10), Start::At(5)),
            (point(2, 20), Start::Same),
            (point(3, 5), Start::None),
            (point(4, 30), Start::Same),
        ];
        let record = Record::SamplesV2(all);
        assert_eq!(count_started(&record), 2);
        let kept = filtered(record, |time| time >= 20).unwrap();
        let expected = vec![(point(2, 20), Start::At(5)), (point(4, 30), Start::None)];
        assert_eq!(kept, Record::SamplesV2(expected));
    }

    #[test]
    fn a_record_of_which_nothing_stays_is_none() {
        assert_eq!(filtered(Record::Samples(vec![point(1, 10)]), |_| false), None);
    }
}
