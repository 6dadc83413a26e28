//! What a `[[watch]]` means, and what is wrong with it.

use watch::{Floor as Free, SqliteMode};

use super::super::tests::Place;
use super::*;

fn targets(text: &str) -> Vec<Target> {
    Place::new(text).load().targets
}

fn complaint(text: &str) -> String {
    let complaints = Place::new(text).complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints[0].clone()
}

#[test]
fn a_watch_with_a_path_alone_is_looked_at_and_never_touched() {
    let [target] = targets("[[watch]]\npath = '/data'\n").try_into().unwrap();
    assert_eq!((target.name.as_str(), target.kind), ("log", Kind::Detected));
    assert_eq!((target.interval, target.bounds), (Duration::from_secs(30), Bounds::default()));
    assert!(target.url.is_none() && target.checkpoint.is_none());
    assert_eq!(target.scrub, Scrub { every: Some(Duration::from_hours(24)), rate: 8 << 20 });
    let [never] = targets("[[watch]]\npath = '/data'\nscrub = '0s'\n").try_into().unwrap();
    assert_eq!(never.scrub.every, None);
    assert!(targets("").is_empty());
}

#[test]
fn keys_of_a_table_in_a_watch_are_those_of_the_watch_before_it() {
    let text = "[[watch]]\nname = 'a'\npath = '/a'\nmax_files = 3\nmin_free = '5GiB'\ncritical_age = '2h'\n\
                [watch.checkpoint]\nhttp = 'PUT http://localhost:1/flush'\nhttp_token = 'secret'\nschedule = '10m'\n\
                [[watch]]\nname = 'b'\npath = '/b'\nformat = 'directory'\npreset = 'classic'\n\
                checkpoint.signal = 'SIGUSR1'\ncheckpoint.pid_file = '/run/b.pid'\n";
    let [a, b] = targets(text).try_into().unwrap();
    assert_eq!(a.bounds.warning.min_free, Some(Free::Bytes(5 << 30)));
    assert_eq!(
        (a.bounds.warning.max_files, a.bounds.critical.max_age),
        (Some(3), Some(Duration::from_hours(2)))
    );
    assert!(!format!("{a:?}").contains("secret"));
    let of_a = a.checkpoint.unwrap();
    assert_eq!(of_a.rhythm.schedule, Some(Duration::from_mins(10)));
    assert!(matches!(of_a.action, Action::Http { method: HttpMethod::Put, token: Some(_), .. }));
    assert_eq!((b.kind, b.bounds.preset), (Kind::Directory, Preset::Classic));
    let signal = Action::Signal { signal: Signal::Usr1, pid_file: Some("/run/b.pid".into()) };
    assert_eq!(b.checkpoint.unwrap().action, signal);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let with = |keys: &str| complaint(&format!("[[watch]]\npath = '/a'\n{keys}"));
    assert!(complaint("[[watch]]\n").contains("seawall.toml:1:1: watch.path: it has to be set"));
    assert!(with("checkpoint.comand = 'x'\n").contains("the nearest is command"));
    assert!(with("chekpoint.command = 'x'\n").contains("the nearest is checkpoint"));
    assert!(
        with("[watch.checkpont]\ncommand = 'x'\n")
            .contains("seawall.toml:3:8: checkpont: no key of [[watch]]")
    );
    assert!(
        with("checkpoint = 'x'\n")
            .contains("watch.checkpoint: it has to be a table: write [watch.checkpoint]")
    );
    assert!(with("interval = '10ms'\n").contains("a second or more"));
    assert!(with("max_files = 9\ncritical_files = 8\n").contains("danger comes after"));
    assert!(with("scrub_rate = '8MiB'\n").contains("such as 8MiB/s"));
    assert!(with("scrub = '10ms'\n").contains("a second or more"));
    assert!(with("format = 'directory'\nscrub = '1h'\n").contains("nothing to verify"));
    assert!(with("url = 'https://localhost'\n").contains("https is not spoken"));
    assert!(with("checkpoint.http = 'DELETE http://localhost/'\n").contains("none of POST"));
    assert!(with("checkpoint.cooldown = '1m'\n").contains("says nothing without checkpoint.command"));
    assert!(
        with("checkpoint.command = 'x'\ncheckpoint.pid_file = '/p'\n").contains("without checkpoint.signal")
    );
    assert!(with("checkpoint.command = 'x'\ncheckpoint.signal = 'SIGHUP'\n").contains("in one way"));
    assert!(with("dsn = 'postgres://me:secret@db/app'\n").contains("would be shown"));
    assert!(with("password = 'secret'\n").contains("says nothing without dsn"));
    assert!(with("ca = 'seawall.toml'\n").contains("says nothing without dsn or"));
    assert!(with("dsn = 'host=/run'\nformat = 'sqlite'\n").contains("only PostgreSQL is asked"));
    assert!(with("dsn = 'host=db'\nca = 'seawall.toml'\n").contains("watch.ca: there is no certificate"));
    assert!(with("checkpoint.sql = 'PRAGMA wal_checkpoint'\n").contains("checkpoint.sqlite = \"truncate\""));
    assert!(
        with("checkpoint.password = 'x'\ncheckpoint.sqlite = 'passive'\n").contains("without checkpoint.dsn")
    );
    assert!(with("checkpoint.sqlite = 'full'\n").contains("has to be one of"));
    assert!(with("format = 'etcd'\ncheckpoint.sqlite = 'passive'\n").contains("the format is etcd"));
    assert!(with("checkpoint.dsn = 'host=/run'\ncheckpoint.sqlite = 'passive'\n").contains("in one way"));
    let of_log = complaint("[[watch]]\npath = '/a.db-wal'\ncheckpoint.sqlite = 'passive'\n");
    assert!(of_log.contains("and not its log"), "{of_log}");
    assert!(with("name = 'a/b'\n").contains("is no name"));
    assert!(complaint("[[watch]]\npath = '/a'\n[[watch]]\npath = '/b'\n").contains("have this name"));
}

#[test]
fn a_checkpoint_in_sql_goes_to_its_own_database_or_to_the_one_that_is_asked() {
    let one = |keys: &str| {
        let [target] = targets(&format!("[[watch]]\npath = '/a'\n{keys}")).try_into().unwrap();
        (target.database.map(|it| it.to_string()), target.checkpoint.map(|it| it.action))
    };
    let sql = |action| match action {
        Some(Action::Sql { database, statement }) => (database.to_string(), statement),
        other => panic!("{other:?}"),
    };
    let (asked, action) = one("dsn = 'postgres://me@localhost/app'\npassword = 'secret'\n");
    assert_eq!((asked.as_deref(), action), (Some("PostgreSQL at localhost:5432"), None));
    let (_, action) = one("dsn = 'host=/run'\ncheckpoint.sql = 'SELECT 1'\n");
    assert_eq!(sql(action), ("PostgreSQL at /run/.s.PGSQL.5432".to_owned(), "SELECT 1".to_owned()));
    let (asked, action) = one("checkpoint.dsn = 'host=/run port=1'\ncheckpoint.password = 'secret'\n");
    assert_eq!(asked, None);
    assert_eq!(sql(action), ("PostgreSQL at /run/.s.PGSQL.1".to_owned(), "CHECKPOINT".to_owned()));
    let (_, action) = one("checkpoint.sqlite = 'passive'\n");
    assert_eq!(action, Some(Action::Sqlite(SqliteMode::Passive)));
}

#[test]
fn the_only_watch_can_be_made_by_the_environment_alone() {
    let place =
        Place::new("").with("SEAWALL_WATCH_PATH", "/data").with("SEAWALL_WATCH_CHECKPOINT_COMMAND", "true");
    let [target] = place.load().targets.try_into().unwrap();
    assert_eq!(target.checkpoint.unwrap().action, Action::Command("true".to_owned()));
}

#[test]
fn a_running_daemon_takes_other_watches() {
    let place = Place::new("[[watch]]\npath = '/a'\n[[proxy]]\nprimary = 'http://localhost:1'\n");
    let old = place.load();
    place.rewrite("[[watch]]\nname = 'x'\npath = '/x'\n[[watch]]\nname = 'y'\npath = '/y'\n");
    let (new, changes) = old.reload(&place.sources).unwrap();
    let names: Vec<&str> = new.targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!((names, new.proxies.len()), (vec!["x", "y"], 1), "proxies need a restart");
    assert_eq!(changes.len(), 4, "{changes:?}");
}
