//! What is kept, and what becomes of files that are not what they should be.

use std::os::unix::fs::PermissionsExt;

use testkit::wait_for;

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_700_000_000);
const LONG: Duration = Duration::from_mins(2);

type Told = Arc<Mutex<Vec<String>>>;

fn open(dir: &Path) -> (Shelf, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let shelf = Shelf::open(dir, NOW, move |news| {
        let word = match news {
            KeepingNews::SetAside { to, .. } => format!("aside {}", to.file_name().unwrap().display()),
            KeepingNews::Failed { error, .. } => format!("failed {error}"),
            KeepingNews::Recovered => "recovered".to_owned(),
        };
        heard.lock().unwrap().push(word);
    });
    (shelf, told)
}

fn whole(file: &str) -> Option<String> {
    file.starts_with("good").then(|| file.to_owned())
}

#[test]
fn what_was_kept_last_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("deep/inside");
    let (shelf, _) = open(&place);
    assert_eq!(shelf.target("db", whole), None);
    for number in 0..100 {
        shelf.keep_target("db", || format!("good {number}"));
    }
    shelf.keep_alerts(|| "good alerts".to_owned());
    shelf.end(LONG);
    drop(shelf);
    let (shelf, told) = open(&place);
    assert_eq!(shelf.target("db", whole).unwrap(), "good 99");
    assert_eq!(shelf.alerts(whole).unwrap(), "good alerts");
    assert_eq!(shelf.target("other", whole), None);
    assert!(told.lock().unwrap().is_empty());
}

#[test]
fn a_file_that_is_not_whole_is_set_aside_and_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("db.watch"), "bad").unwrap();
    fs::write(dir.path().join("alerts"), [0xff; 9]).unwrap();
    let (shelf, told) = open(dir.path());
    assert_eq!((shelf.target("db", whole), shelf.alerts(whole)), (None, None));
    assert_eq!(*told.lock().unwrap(), ["aside db.watch.bad", "aside alerts.bad"]);
    assert_eq!(fs::read(dir.path().join("db.watch.bad")).unwrap(), b"bad");
    assert_eq!(shelf.target("db", whole), None);
}

#[test]
fn what_cannot_be_written_is_told_once_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let (shelf, told) = open(dir.path());
    // Nothing can be written where a directory stands; root may write whatever the permissions say.
    let there = dir.path().join("db.watch.new");
    fs::create_dir(&there).unwrap();
    for _ in 0..3 {
        shelf.keep_target("db", || "good".to_owned());
        shelf.flush(LONG);
    }
    fs::remove_dir(&there).unwrap();
    shelf.keep_target("db", || "good".to_owned());
    let recovered = || Some(told.lock().unwrap().clone()).filter(|told| told.len() == 2);
    let told = wait_for(LONG, recovered).unwrap();
    assert!(told[0].starts_with("failed") && told[1] == "recovered", "{told:?}");
}

#[test]
fn a_directory_is_kept_in_by_one_process_alone_and_one_that_cannot_be_made_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = open(dir.path());
    let (second, told) = open(dir.path());
    second.keep_target("db", || "good".to_owned());
    second.end(LONG);
    assert_eq!(*told.lock().unwrap(), ["failed another process keeps its state there"]);
    assert!(!dir.path().join("db.watch").exists());
    drop(first);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, told) = open(&file.join("below"));
    assert!(told.lock().unwrap()[0].starts_with("failed"));
}

#[test]
fn files_of_targets_that_nobody_watches_any_more_go_after_a_month() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["old.watch", "alerts", "notes.txt"] {
        fs::write(dir.path().join(name), "good").unwrap();
    }
    let stale = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let files = ["old.watch", "alerts", "notes.txt"];
    files.iter().for_each(|name| {
        File::options().write(true).open(dir.path().join(name)).unwrap().set_modified(stale).unwrap();
    });
    fs::write(dir.path().join("new.watch"), "good").unwrap();
    let fresh = std::time::UNIX_EPOCH + Duration::from_secs(1_699_999_999);
    File::options().write(true).open(dir.path().join("new.watch")).unwrap().set_modified(fresh).unwrap();
    let (shelf, _) = open(dir.path());
    assert!(!dir.path().join("old.watch").exists() && dir.path().join("notes.txt").exists());
    assert!(shelf.target("new", whole).is_some() && shelf.alerts(whole).is_some());
}
