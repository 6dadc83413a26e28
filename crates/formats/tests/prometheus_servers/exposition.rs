//! What an exporter shows: floats, late samples, series that come and go, exemplars, native histograms.

use testkit::Page;

use crate::model::now;

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> i64 {
    i64::try_from(now().nanos() / 1_000_000).unwrap()
}

/// Floats, of which every second one of `late` comes after a newer one, and one series that is there every other time.
pub(crate) fn floats(count: u64) -> Page {
    let now = now_millis();
    let late = seconds(now - if count.is_multiple_of(2) { 0 } else { 60_000 });
    let now = seconds(now);
    let flickers = if count % 3 == 1 { "" } else { "# TYPE flickers gauge\nflickers 1\n" };
    Page::openmetrics(format!(
        "# TYPE requests counter\n\
        requests_total{{code=\"200\"}} {count} # {{trace=\"t{count}\"}} {count}.5 {now}\n\
        # TYPE late gauge\n\
        late {count} {late}\n\
        # TYPE odd gauge\n\
        odd{{kind=\"nan\"}} NaN\n\
        odd{{kind=\"inf\"}} +Inf\n\
        odd{{kind=\"zero\"}} -0\n\
        {flickers}# EOF\n"
    ))
}

/// A time as the text format has it.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// A native histogram of whole numbers.
pub(crate) fn whole_histograms(count: u64) -> Page {
    Page::protobuf(whole(count))
}

/// The same, and a gauge of floating-point numbers, which 2.42 does not scrape.
pub(crate) fn histograms(count: u64) -> Page {
    Page::protobuf([whole(count), gauge(count)].concat())
}

fn whole(count: u64) -> Vec<u8> {
    let whole = [
        Field::Number(1, 12 + count * 4),
        Field::Double(2, 18.5 + count as f64),
        Field::Number(5, zigzag(1)),
        Field::Double(6, 0.001),
        Field::Number(7, 2 + count),
        Field::Bytes(9, message(&[Field::Number(1, zigzag(-2)), Field::Number(2, 1)])),
        Field::Bytes(10, varint(zigzag(count.cast_signed() + 3))),
        Field::Bytes(12, message(&[Field::Number(1, zigzag(0)), Field::Number(2, 2)])),
        Field::Bytes(12, message(&[Field::Number(1, zigzag(3)), Field::Number(2, 1)])),
        Field::Bytes(
            13,
            [varint(zigzag(count.cast_signed() + 1)), varint(zigzag(1)), varint(zigzag(-1))].concat(),
        ),
    ];
    family("whole", 4, &whole)
}

fn gauge(count: u64) -> Vec<u8> {
    let float = [
        Field::Double(4, 4.5 + count as f64),
        Field::Double(2, 1.25),
        Field::Number(5, zigzag(3)),
        Field::Double(6, 0.0),
        Field::Double(8, 0.5),
        Field::Bytes(12, message(&[Field::Number(1, zigzag(-1)), Field::Number(2, 2)])),
        Field::Bytes(14, [(1.5 + count as f64).to_bits(), 2.5f64.to_bits()].map(little_endian).concat()),
    ];
    family("gauge", 5, &float)
}

/// A family of one histogram, behind its length.
fn family(name: &str, kind: u64, histogram: &[Field]) -> Vec<u8> {
    let metric = message(&[Field::Bytes(7, message(histogram))]);
    let family = message(&[Field::Bytes(1, name.into()), Field::Number(3, kind), Field::Bytes(4, metric)]);
    [varint(family.len() as u64), family].concat()
}

/// A field of a protobuf message.
enum Field {
    Number(u64, u64),
    Double(u64, f64),
    Bytes(u64, Vec<u8>),
}

fn message(fields: &[Field]) -> Vec<u8> {
    let field = |field: &Field| match field {
        Field::Number(number, value) => [varint(number << 3), varint(*value)].concat(),
        Field::Double(number, value) => [varint(number << 3 | 1), little_endian(value.to_bits())].concat(),
        Field::Bytes(number, bytes) => {
            [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.clone()].concat()
        }
    };
    fields.iter().flat_map(field).collect()
}

#[expect(clippy::little_endian_bytes, reason = "protobuf stores doubles so")]
fn little_endian(bits: u64) -> Vec<u8> {
    bits.to_le_bytes().to_vec()
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[expect(clippy::little_endian_bytes, reason = "the lowest byte of a number below 128")]
fn varint(value: u64) -> Vec<u8> {
    let (low, rest) = ((value & 0x7f).to_le_bytes()[0], value >> 7);
    if rest == 0 { vec![low] } else { [vec![low | 0x80], varint(rest)].concat() }
}
