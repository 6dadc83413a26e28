//! The lines of a dump.

use formats::{Role, UnixTime};

use super::*;
use crate::report::fake::FakeLog;

fn dump(log: FakeLog, filter: Filter) -> (Vec<String>, Exit) {
    let subject = Subject::of(Path::new("/data"), Box::new(log));
    let order = subject.order(Depth::Bytes, UnixTime::from_seconds(0));
    let parts: Vec<&Part> = subject.log.parts().iter().collect();
    let mut dump = Dump::new(filter, Vec::new());
    dump.log(&subject, &order, &parts).unwrap();
    let exit = dump.exit();
    (String::from_utf8(dump.out).unwrap().lines().map(str::to_owned).collect(), exit)
}

fn log() -> FakeLog {
    FakeLog::new(&[("wal/1", Role::Live, 100), ("wal/2", Role::Live, 100)])
        .record("wal/1", Record::new("a").with("n", 1u64))
        .damage("wal/1", 10, 15)
        .record("wal/1", Record::new("b").with("n", 2u64))
        .record("wal/2", Record::new("a").with("n", f64::NAN))
}

#[test]
fn lines_come_in_the_order_of_the_log_with_damage_in_place() {
    let (lines, exit) = dump(log(), Filter::default());
    assert_eq!(
        lines,
        [
            r#"{"file":"wal/1","start":0,"end":10,"type":"a","n":1}"#,
            r#"{"file":"wal/1","start":10,"end":15,"damage":{"cause":"checksum mismatch","lost":{"records":1,"bytes":5}}}"#,
            r#"{"file":"wal/1","start":15,"end":25,"type":"b","n":2}"#,
            r#"{"file":"wal/2","start":0,"end":10,"type":"a","n":"NaN"}"#,
        ]
    );
    assert_eq!(exit, Exit::Damage);
}

#[test]
fn damage_stands_in_every_dump_whatever_is_asked_for() {
    let (lines, exit) = dump(log(), Filter { types: vec!["none".to_owned()], ..Filter::default() });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("damage"));
    assert_eq!(exit, Exit::Damage);
}

#[test]
fn a_field_never_hides_the_place_of_its_record() {
    let log = FakeLog::new(&[("1", Role::Live, 100)]).record("1", Record::new("odd").with("type", 9u64));
    let (lines, _) = dump(log, Filter::default());
    assert_eq!(lines, [r#"{"file":"1","start":0,"end":10,"type":"odd","type_":9}"#]);
}

#[test]
fn a_stream_is_called_by_its_files_name() {
    for stream in ["jobs/j1.wal", "j1.wal", "j1"] {
        assert!(is_of_stream("jobs/j1.wal", stream), "{stream}");
    }
    assert!(is_of_stream("j1.wal.zst", "j1"));
    assert!(is_of_stream("a.b.wal", "a.b"));
    assert!(!is_of_stream("jobs/j1.wal", "j"));
    assert!(!is_of_stream("jobs/j1.wal", "jobs"));
}

/// A reader that takes some bytes and goes away.
struct Gone(usize);

impl Write for Gone {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn reading_stops_when_nobody_listens_any_more() {
    let subject = Subject::of(Path::new("/data"), Box::new(log()));
    let order = subject.order(Depth::Bytes, UnixTime::from_seconds(0));
    let parts: Vec<&Part> = subject.log.parts().iter().collect();
    let mut dump = Dump::new(Filter::default(), Gone(80));
    let failure = dump.log(&subject, &order, &parts).unwrap_err();
    assert_eq!(failure.exit(), Exit::Fine);
    assert!(failure.is_broken_pipe());
}
