//! Samples in memory, until there are so many that they are sorted and written aside.

use super::roster::SeriesId;
use super::windows::Window;

/// Samples of one batch: 20 bytes each, and eight more where they are sorted. Two batches are in use at a time.
const MAX_SAMPLES: usize = 750_000;

/// Bytes of what is longer than eight bytes.
const MAX_BLOBS: usize = 12 * 1024 * 1024;

/// Marks a series whose value is the place of a blob.
const BLOB: u32 = 1 << 31;

/// A chunk that goes into a block as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholeChunk<'a> {
    pub(super) times: (i64, i64),
    pub(super) encoding: u8,
    pub(super) samples: u64,
    pub(super) data: &'a [u8],
}

/// Something of a series at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// The bits of a number.
    Float(u64),
    /// A packed histogram.
    Histogram(&'a [u8]),
    /// A chunk that begins at that time.
    Chunk(WholeChunk<'a>),
}

/// Samples in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Batch {
    series: Vec<u32>,
    times: Vec<i64>,
    values: Vec<u64>,
    blobs: Vec<u8>,
}

impl Batch {
    /// Adds an item.
    pub(super) fn push(&mut self, series: SeriesId, time: i64, item: &Item<'_>) {
        let (flag, value) = match item {
            Item::Float(bits) => (0, *bits),
            Item::Histogram(_) | Item::Chunk(_) => (BLOB, self.blobs.len() as u64),
        };
        self.series.push(series.0 | flag);
        self.times.push(time);
        self.values.push(value);
        item.put_blob(&mut self.blobs);
    }

    /// Whether it is time to write it aside.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.series.len() >= MAX_SAMPLES || self.blobs.len() >= MAX_BLOBS
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.series.clear();
        self.times.clear();
        self.values.clear();
        self.blobs.clear();
    }

    /// The series of the item at that place.
    #[inline]
    pub(super) fn series(&self, at: u32) -> SeriesId {
        SeriesId(self.series.get(at as usize).map_or(0, |series| series & !BLOB))
    }

    /// The time of the item at that place.
    #[inline]
    pub(super) fn time(&self, at: u32) -> i64 {
        self.times.get(at as usize).copied().unwrap_or(0)
    }

    /// The item at that place.
    #[inline]
    pub(super) fn item(&self, at: u32) -> Item<'_> {
        let value = self.values.get(at as usize).copied().unwrap_or(0);
        if self.series.get(at as usize).is_some_and(|series| series & BLOB == 0) {
            return Item::Float(value);
        }
        let blob = usize::try_from(value).ok().and_then(|start| self.blobs.get(start..)).unwrap_or_default();
        let mut rest = blob;
        Item::take_blob(&mut rest).unwrap_or(Item::Histogram(&[]))
    }

    /// Series of all items, in the order in which they came.
    fn all_series(&self) -> impl Iterator<Item = SeriesId> {
        self.series.iter().map(|series| SeriesId(series & !BLOB))
    }
}

const HISTOGRAM: u8 = 1;
const CHUNK: u8 = 2;

impl<'a> Item<'a> {
    /// Appends what does not fit into eight bytes.
    fn put_blob(&self, out: &mut Vec<u8>) {
        match self {
            Item::Float(_) => {}
            Item::Histogram(packed) => {
                out.push(HISTOGRAM);
                put(packed.len() as u64, out);
                out.extend_from_slice(packed);
            }
            Item::Chunk(chunk) => {
                out.extend_from_slice(&[CHUNK, chunk.encoding]);
                put(chunk.times.0.cast_unsigned(), out);
                put(chunk.times.1.cast_unsigned(), out);
                put(chunk.samples, out);
                put(chunk.data.len() as u64, out);
                out.extend_from_slice(chunk.data);
            }
        }
    }

    /// Reads what [`put_blob`](Self::put_blob) has written.
    fn take_blob(bytes: &mut &'a [u8]) -> Option<Self> {
        match take_byte(bytes)? {
            HISTOGRAM => {
                let len = usize::try_from(take(bytes)?).ok()?;
                Some(Item::Histogram(take_bytes(bytes, len)?))
            }
            CHUNK => {
                let encoding = take_byte(bytes)?;
                let times = (take(bytes)?.cast_signed(), take(bytes)?.cast_signed());
                let samples = take(bytes)?;
                let len = usize::try_from(take(bytes)?).ok()?;
                Some(Item::Chunk(WholeChunk { times, encoding, samples, data: take_bytes(bytes, len)? }))
            }
            _ => None,
        }
    }
}

/// Sorts batches, reusing its memory.
#[derive(Debug, Default)]
pub(super) struct Sorting {
    counts: Vec<u32>,
    order: Vec<u32>,
    spare: Vec<u32>,
}

impl Sorting {
    /// Places of a batch's items: by window, then by series in the given order, then as they came.
    ///
    /// Two stable passes, each as long as the batch and what it counts.
    pub(super) fn order(&mut self, batch: &Batch, series: &[SeriesId]) -> &[u32] {
        self.counts.clear();
        self.counts.resize(series.len(), 0);
        for one in batch.all_series() {
            bump(&mut self.counts, one.index());
        }
        let mut start = 0;
        for one in series {
            if let Some(count) = self.counts.get_mut(one.index()) {
                start += std::mem::replace(count, start);
            }
        }
        self.order.clear();
        self.order.resize(batch.len(), 0);
        for (at, one) in (0..).zip(batch.all_series()) {
            let place = bump(&mut self.counts, one.index());
            if let Some(slot) = self.order.get_mut(place as usize) {
                *slot = at;
            }
        }
        self.by_window(batch);
        &self.order
    }

    fn by_window(&mut self, batch: &Batch) {
        let mut starts = std::collections::BTreeMap::new();
        let mut last = None;
        for time in &batch.times {
            let window = Window::of(*time);
            match &mut last {
                Some((of_last, count)) if *of_last == window => *count += 1,
                _ => {
                    if let Some((of_last, count)) = last.replace((window, 1u32)) {
                        *starts.entry(of_last).or_insert(0) += count;
                    }
                }
            }
        }
        if let Some((window, count)) = last {
            *starts.entry(window).or_insert(0) += count;
        }
        if starts.len() < 2 {
            return;
        }
        let mut start = 0;
        for count in starts.values_mut() {
            start += std::mem::replace(count, start);
        }
        self.spare.clear();
        self.spare.resize(self.order.len(), 0);
        for at in &self.order {
            let Some(place) = starts.get_mut(&Window::of(batch.time(*at))) else { continue };
            if let Some(slot) = self.spare.get_mut(*place as usize) {
                *slot = *at;
            }
            *place += 1;
        }
        std::mem::swap(&mut self.order, &mut self.spare);
    }
}

/// Counts one more, and says how many there were.
#[inline]
fn bump(counts: &mut [u32], at: usize) -> u32 {
    let Some(count) = counts.get_mut(at) else { return 0 };
    *count += 1;
    *count - 1
}

/// Appends items of one series of which the times ascend.
pub(super) fn put_group<'a>(items: impl Iterator<Item = (i64, Item<'a>)>, out: &mut Vec<u8>) {
    let (mut time, mut step, mut bits) = (0i64, 0i64, 0u64);
    for (at, item) in items {
        let next = at.wrapping_sub(time);
        let change = next.wrapping_sub(step);
        (time, step) = (at, next);
        put(((change << 1) ^ (change >> 63)).cast_unsigned(), out);
        match item {
            Item::Float(value) => {
                put_changed(value ^ bits, out);
                bits = value;
            }
            blob => {
                out.push(IS_BLOB);
                blob.put_blob(out);
            }
        }
    }
}

/// In the place of a changed number's header: a blob follows.
const IS_BLOB: u8 = 0xff;

/// A number as it differs from the one before: a byte that says how many bytes follow, and how many zeros behind.
#[expect(clippy::big_endian_bytes, reason = "what was written is read by this program alone")]
#[inline]
fn put_changed(change: u64, out: &mut Vec<u8>) {
    if change == 0 {
        out.push(0);
        return;
    }
    let (lead, trail) = (change.leading_zeros() / 8, change.trailing_zeros() / 8);
    let len = 8 - lead - trail;
    // Both are below nine.
    out.push(u8::try_from(trail << 4 | len).unwrap_or(0));
    let bytes = (change >> (8 * trail)).to_be_bytes();
    out.extend_from_slice(bytes.get(8 - len as usize..).unwrap_or_default());
}

#[inline]
fn take_changed(header: u8, bytes: &mut &[u8]) -> Option<u64> {
    let (trail, len) = (u32::from(header >> 4), usize::from(header & 15));
    let value = take_bytes(bytes, len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    value.checked_shl(8 * trail)
}

/// Reads what [`put_group`] has written; `None` if it is cut or no such thing.
pub(super) fn each_of_group<'a, E>(
    mut bytes: &'a [u8],
    mut visit: impl FnMut(i64, Item<'a>) -> Result<(), E>,
) -> Option<Result<(), E>> {
    let (mut time, mut step, mut bits) = (0i64, 0i64, 0u64);
    while !bytes.is_empty() {
        let change = take(&mut bytes)?;
        let change = (change >> 1).cast_signed() ^ -(change & 1).cast_signed();
        step = step.wrapping_add(change);
        time = time.wrapping_add(step);
        let item = match take_byte(&mut bytes)? {
            IS_BLOB => Item::take_blob(&mut bytes)?,
            header => {
                bits ^= take_changed(header, &mut bytes)?;
                Item::Float(bits)
            }
        };
        if let Err(error) = visit(time, item) {
            return Some(Err(error));
        }
    }
    Some(Ok(()))
}

/// Appends a number in as many groups of seven bits as it takes.
#[inline]
pub(super) fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Reads what [`put`] has written.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[inline]
fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

#[inline]
fn take_bytes<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::super::windows::RANGE;
    use super::*;

    #[test]
    fn a_group_is_read_as_it_was_written() {
        let chunk = WholeChunk { times: (i64::MIN, 7), encoding: 1, samples: 3, data: b"data" };
        let items = [
            (-5, Item::Float(1.5f64.to_bits())),
            (0, Item::Float(1.5f64.to_bits())),
            (1, Item::Float(f64::NAN.to_bits())),
            (i64::MAX, Item::Float(0x7ff0_0000_0000_0002)),
            (7, Item::Histogram(b"packed")),
            (8, Item::Chunk(chunk)),
            (9, Item::Float(1)),
        ];
        let mut out = Vec::new();
        put_group(items.into_iter(), &mut out);
        let mut read = Vec::new();
        let visit = |time, item| {
            read.push((time, item));
            Ok::<(), ()>(())
        };
        each_of_group(&out, visit).unwrap().unwrap();
        assert_eq!(read, items);
        for len in 1..out.len() {
            // A cut ends in an error or between two items, and never in a panic.
            if let Some(done) = each_of_group(out.get(..len).unwrap(), |_, _| Ok::<(), ()>(())) {
                done.unwrap();
            }
        }
    }

    #[test]
    fn a_batch_is_sorted_by_window_then_series_then_as_it_came() {
        let mut batch = Batch::default();
        let items = [(2, 0), (0, RANGE), (1, 5), (2, RANGE + 1), (0, 3), (1, 4), (2, 9)];
        for (series, time) in items {
            batch.push(SeriesId(series), time, &Item::Float(0));
        }
        let series = [SeriesId(1), SeriesId(0), SeriesId(2)];
        let mut sorting = Sorting::default();
        let order: Vec<(u32, i64)> =
            sorting.order(&batch, &series).iter().map(|at| (batch.series(*at).0, batch.time(*at))).collect();
        assert_eq!(order, [(1, 5), (1, 4), (0, 3), (2, 0), (2, 9), (0, RANGE), (2, RANGE + 1)]);
    }
}
