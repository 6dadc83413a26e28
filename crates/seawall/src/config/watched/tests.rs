//! What a `[[watch]]` means, and what is wrong with it.

use watch::{Floor as Free, OverDamage, Schedule, SqliteMode, Way};

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
    assert!(target.server.is_none() && target.checkpoint.is_none());
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
    assert_eq!(of_a.rhythm.schedule, Some(Schedule::Every(Duration::from_mins(10))));
    assert!(matches!(of_a.action, Action::Http { method: HttpMethod::Put, .. }));
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
    assert!(with("checkpoint.http = 'DELETE http://localhost/'\n").contains("none of POST"));
    assert!(with("checkpoint.cooldown = '1m'\n").contains("says nothing without checkpoint.command"));
    assert!(
        with("checkpoint.command = 'x'\ncheckpoint.pid_file = '/p'\n").contains("without checkpoint.signal")
    );
    assert!(with("checkpoint.command = 'x'\ncheckpoint.signal = 'SIGHUP'\n").contains("in one way"));
    assert!(with("dsn = 'postgres://me:secret@db/app'\n").contains("would be shown"));
    assert!(with("password = 'secret'\n").contains("says nothing without dsn"));
    assert!(with("ca = 'Cargo.toml'\n").contains("says nothing without dsn or"));
    assert!(with("dsn = 'host=/run'\nformat = 'sqlite'\n").contains("only PostgreSQL is asked"));
    assert!(with("dsn = 'host=db'\nca = 'Cargo.toml'\n").contains("watch.ca: there is no certificate"));
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
fn a_schedule_is_a_span_or_what_a_crontab_has_by_the_clock_that_tz_names() {
    let text = |schedule: &str| {
        format!("[[watch]]\npath = '/a'\ncheckpoint.command = 'x'\ncheckpoint.schedule = '{schedule}'\n")
    };
    let of = |schedule: &str, zone: &str| {
        let [target] = Place::new(&text(schedule)).with("TZ", zone).load().targets.try_into().unwrap();
        target.checkpoint.unwrap().rhythm.schedule.unwrap()
    };
    let midnight = formats::UnixTime::from_seconds(0);
    assert_eq!(of("6h", "Nowhere/Atlantis"), Schedule::Every(Duration::from_hours(6)), "no clock is needed");
    assert_eq!(of("0 3 * * *", "").next(midnight), Some(formats::UnixTime::from_seconds(3 * 3600)));
    assert_eq!(of("0 3 * * *", "XYZ-2").next(midnight), Some(formats::UnixTime::from_seconds(3600)));
    let wrong = |schedule: &str, zone: &str| {
        let complaints = Place::new(&text(schedule)).with("TZ", zone).complaints();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        complaints[0].clone()
    };
    assert!(wrong("0 25 * * *", "").contains("\"25\" is no hour"), "{}", wrong("0 25 * * *", ""));
    assert!(wrong("0 3 * *", "").contains("five fields"));
    assert!(wrong("@daily", "Nowhere/Atlantis").contains("Nowhere/Atlantis"));
    assert!(wrong("soon", "").contains("0 3 * * *"), "{}", wrong("soon", ""));
    assert!(wrong("0s", "").contains("a second or more"));
}

#[test]
fn a_server_is_asked_with_what_it_wants_to_see() {
    let with = |keys: &str| complaint(&format!("[[watch]]\npath = '/a'\n{keys}"));
    let url = "url = 'http://localhost:9090'\n";
    let [target] =
        targets(&format!("[[watch]]\npath = '/a'\n{url}url_user = 'me'\nurl_password = 'open sesame'\n"))
            .try_into()
            .unwrap();
    assert_eq!(format!("{:?}", target.server.unwrap()), "http://localhost:9090");
    assert!(with("url_token = 'x'\n").contains("without url"));
    assert!(with(&format!("{url}url_user = 'me'\n")).contains("url_password has to be set"));
    assert!(with(&format!("{url}url_password = 'x'\n")).contains("url_user has to be set"));
    assert!(with(&format!("{url}url_user = 'a:b'\nurl_password = 'x'\n")).contains("no colon"));
    let both = format!("{url}url_token = 'x'\nurl_user = 'me'\nurl_password = 'x'\n");
    assert!(with(&both).contains("keep one of the two"));
    let tls = "url = 'https://localhost:9090'\nurl_ca = '/nowhere.pem'\n";
    assert!(with(tls).contains("/nowhere.pem"));
    assert!(with("url = 'http://me:secret@localhost'\n").contains("keys for credentials"));
    let http = "checkpoint.command = 'x'\ncheckpoint.http_user = 'me'\ncheckpoint.http_password = 'x'\n";
    let complaints = Place::new(&format!("[[watch]]\npath = '/a'\n{http}")).complaints();
    assert!(complaints[0].contains("without checkpoint.http"), "{complaints:?}");
}

#[test]
fn a_server_is_restarted_in_one_way_under_rules_that_make_sense() {
    let text = "[[watch]]\npath = '/a'\n[watch.restart]\ndocker = 'prom'\ngrace = '90s'\nmost_a_day = 1\n";
    let [target] = targets(text).try_into().unwrap();
    let restart = target.restart.unwrap();
    assert_eq!((restart.rules.after, restart.rules.most_a_day), (2, 1));
    assert_eq!(restart.rules.over_damage, OverDamage::Refuse);
    assert!(matches!(restart.way, Way::Docker { grace, .. } if grace == Duration::from_secs(90)));
    let with = |keys: &str| complaint(&format!("[[watch]]\npath = '/a'\n{keys}"));
    assert!(with("restart.after = 3\n").contains("without restart.docker, or"));
    assert!(with("restart.systemd = 'a'\nrestart.grace = '1s'\n").contains("without restart.docker"));
    assert!(with("restart.systemd = 'a'\nrestart.command = 'b'\n").contains("in one way"));
    assert!(with("restart.systemd = '--now'\n").contains("no name of a unit"));
    assert!(with("restart.docker = 'a/../b'\n").contains("no name of a container"));
    assert!(with("restart.command = 'a'\nrestart.after = 0\n").contains("from 1 to 720"));
    assert!(with("restart.command = 'a'\nrestart.most_a_day = 9999\n").contains("from 1 to 720"));
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
