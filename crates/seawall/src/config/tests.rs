//! What is written is understood, what is wrong is told with its place, and nothing can be written that nobody reads.

use std::fs;

use tempfile::TempDir;

use super::key::{Occurs, Section};
use super::*;

/// Every reader of a section ends with this: a key that nobody asks for fails the test that loads a configuration.
pub(super) fn every_key_was_asked_for(section: &Section, asked: &[&str]) {
    let idle: Vec<&str> =
        section.keys.iter().map(|key| key.name).filter(|name| !asked.contains(name)).collect();
    assert!(idle.is_empty(), "nothing reads these keys of [{}]: {idle:?}", section.name);
}

pub(super) struct Place {
    directory: TempDir,
    pub(super) sources: Sources,
}

impl Place {
    pub(super) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("seawall.toml");
        fs::write(&file, text).unwrap();
        let environment = [("HOME".to_owned(), "/home/somebody".to_owned())].into();
        Self { directory, sources: Sources { file: Some(file), environment, typed: Vec::new() } }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn load(&self) -> Config {
        Config::load(&self.sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    pub(super) fn rewrite(&self, text: &str) {
        fs::write(self.directory.path().join("seawall.toml"), text).unwrap();
    }

    /// What is wrong, as it is told, without the directory.
    pub(super) fn complaints(&self) -> Vec<String> {
        let problems = Config::load(&self.sources).unwrap_err();
        let directory = format!("{}/", self.directory.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&directory, "")).collect()
    }
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn without_a_file_everything_has_its_default() {
    let environment = [("HOME".to_owned(), "/home/somebody".to_owned())].into();
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7400");
    assert_eq!(config.journal.dir, PathBuf::from("/home/somebody/.local/state/seawall/journal"));
    assert_eq!(config.journal.archive_dir, config.journal.dir.join("archive"));
    assert_eq!(config.journal.retention.max_age, Some(30 * 24 * 3_600_000));
    assert_eq!(config.log, LogSettings { level: Level::Info, form: LogForm::Auto });
}

#[test]
fn the_command_line_outranks_the_environment_which_outranks_the_file() {
    let mut place =
        Place::new("[server]\nlisten = '127.0.0.1:1'\nmax_connections = 7\n[log]\nlevel = 'warn'\n")
            .with("SEAWALL_SERVER_LISTEN", "127.0.0.1:2")
            .with("SEAWALL_LOG_LEVEL", "error")
            .with("SEAWALL_JOURNAL_DIR", "");
    place.sources.typed.push(("log", "level", "debug".to_owned()));
    let config = place.load();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:2");
    assert_eq!(config.server.max_connections, 7);
    assert_eq!(config.log.level, Level::Debug);
    assert!(config.journal.dir.starts_with("/home/somebody"), "an empty variable is none");
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let place = Place::new(
        "[server]\nlisen = 'x'\nlisten = 'nowhere'\nmax_connections = '7'\n\n[journal]\n  segment_size = '5 parsecs'\n[jurnal]\n",
    )
    .with("SEAWALL_SERVER_LISTN", "127.0.0.1:2");
    assert_eq!(
        place.complaints(),
        [
            "seawall.toml:8:2: jurnal: no section has this name; the nearest is journal",
            "seawall.toml:4:19: server.max_connections: it has to be a number, without quotes, and this is text",
            "seawall.toml:2:1: lisen: no key of [server] has this name; the nearest is listen",
            "SEAWALL_SERVER_LISTN: no key has this variable; the nearest is SEAWALL_SERVER_LISTEN",
            "seawall.toml:3:10: server.listen: \"nowhere\" is no address with a port, such as 127.0.0.1:7400, 0.0.0.0:7400 or \
             [::1]:7400",
            "seawall.toml:7:18: journal.segment_size: unknown unit \"parsecs\": use B, kB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, \
             PiB",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let [complaint] = &Place::new("[server]\nlisten = \n").complaints()[..] else { panic!("one complaint") };
    assert!(complaint.starts_with("seawall.toml:2:10: not TOML: "), "{complaint}");
}

#[test]
fn bounds_that_span_keys_are_told_at_one_of_them() {
    let complaints = Place::new("[journal]\nsegment_size = '100kB'\n").complaints();
    assert_eq!(
        complaints,
        [
            "seawall.toml:2:16: journal.segment_size: it cannot be 100000: it has to be 65536 to 1073741824, in steps of 4096"
        ]
    );
    let complaints = Place::new("[journal]\nmax_bytes = '64MiB'\n").complaints();
    assert!(complaints[0].starts_with("seawall.toml:2:13: journal.max_bytes: "), "{complaints:?}");
    let complaints = Place::new("[server]\nmax_body = 5\nrequest_timeout = '0s'\n").complaints();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
}

#[test]
fn who_can_be_reached_from_elsewhere_needs_a_token() {
    let open = "[server]\nlisten = '0.0.0.0:7400'\n";
    let complaints = Place::new(open).complaints();
    assert!(complaints[0].starts_with("seawall.toml:2:10: server.listen: "), "{complaints:?}");
    Place::new(open).with("SEAWALL_SERVER_TOKEN", TOKEN).load();
    let complaints = Place::new("[server]\nprotect_reads = true\n").complaints();
    assert!(complaints[0].contains("there is no token"), "{complaints:?}");
}

#[test]
fn a_secret_lies_in_one_place_and_is_never_shown() {
    let place = Place::new("");
    let file = place.directory.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let place = place.with("SEAWALL_SERVER_TOKEN_FILE", file.to_str().unwrap());
    let config = place.load();
    let token = config.server.token.as_ref().unwrap();
    assert!(token.is(TOKEN.as_bytes()) && !token.is(b"") && !token.is(&TOKEN.as_bytes()[1..]));
    assert!(!format!("{:?}", config.server).contains(TOKEN));
    let both = place.with("SEAWALL_SERVER_TOKEN", TOKEN).complaints();
    assert!(both[0].contains("keep one of the two"), "{both:?}");
    let guessed = Place::new("[server]\ntoken = 'secret'\n").complaints();
    assert!(guessed[0].contains("16 or more") && !guessed[0].contains("\"secret\""), "{guessed:?}");
    let absent = Place::new("[server]\ntoken_file = '/nowhere/token'\n").complaints();
    assert!(
        absent[0].starts_with("seawall.toml:2:14: server.token: failed to read the secret"),
        "{absent:?}"
    );
}

#[test]
fn variables_that_kubernetes_makes_of_services_are_left_alone() {
    Place::new("")
        .with("SEAWALL_SERVER_SERVICE_HOST", "10.0.0.1")
        .with("SEAWALL_SERVER_PORT", "tcp://10.0.0.1:7400")
        .with("SEAWALL_SERVER_PORT_7400_TCP_ADDR", "10.0.0.1")
        .with("SEAWALL_PORT", "tcp://10.0.0.1:7400")
        .load();
}

#[test]
fn a_file_that_is_too_large_or_not_there_is_told() {
    let place = Place::new(&"#".repeat((1 << 20) + 1));
    assert!(place.complaints()[0].contains("no configuration"), "{:?}", place.complaints());
    fs::remove_file(place.sources.file.as_ref().unwrap()).unwrap();
    assert!(place.complaints()[0].contains("failed to read the configuration"), "{:?}", place.complaints());
}

#[test]
fn a_new_edition_is_told_apart_by_what_a_running_daemon_takes() {
    let old = Place::new("[server]\nlisten = '127.0.0.1:1'\ntoken = '0123456789abcdef'\n").load();
    let new = Place::new("[server]\nlisten = '127.0.0.1:2'\ntoken = 'fedcba9876543210'\n").load();
    let found = changes(&old.written, &new.written);
    let told: Vec<(&str, Option<&str>, Reload)> =
        found.iter().map(|change| (&*change.key, change.after.as_deref(), change.reload)).collect();
    assert_eq!(
        told,
        [
            ("server.listen", Some("127.0.0.1:2"), Reload::Restart),
            ("server.token", Some("(hidden)"), Reload::Live)
        ]
    );
}

#[test]
fn what_needs_a_restart_stays_and_the_rest_has_to_make_sense_with_it() {
    let place =
        Place::new("[server]\nlisten = '0.0.0.0:1'\ntoken = '0123456789abcdef'\nmax_body_memory = '32MiB'\n");
    let old = place.load();
    let write = |text: &str| fs::write(place.sources.file.as_ref().unwrap(), text).unwrap();
    write("[server]\nlisten = '127.0.0.1:2'\ntoken = 'fedcba9876543210'\n[journal]\nmax_bytes = '20GiB'\n");
    let (new, changes) = old.reload(&place.sources).unwrap();
    assert_eq!(new.server.listen.to_string(), "0.0.0.0:1");
    assert_eq!(new.journal.options.max_bytes, old.journal.options.max_bytes);
    assert!(new.server.token.as_ref().unwrap().is(b"fedcba9876543210"));
    assert_eq!(changes.len(), 4, "{changes:?}");
    let (_, again) = new.reload(&place.sources).unwrap();
    assert_eq!(again.len(), 3, "what needs a restart is told again");
    // By itself it would do; but the daemon can still be reached from elsewhere.
    write("[server]\nlisten = '127.0.0.1:2'\n");
    let problems = old.reload(&place.sources).unwrap_err();
    assert!(problems[0].message.contains("a token is needed"), "{problems:?}");
    write("[server]\ntoken = 'fedcba9876543210'\nmax_body = '64MiB'\n");
    assert!(old.reload(&place.sources).is_err(), "more than the memory that there is for all bodies");
}

#[test]
fn every_default_is_a_value_of_its_key_and_stands_in_the_schema() {
    let schema = schema();
    for section in SECTIONS {
        for key in section.keys {
            let table = &schema["properties"][section.name];
            let table = if section.occurs == Occurs::Often { &table["items"] } else { table };
            let inside = |table: &serde_json::Value, name: &str| table["properties"][name].clone();
            let stated = match key.name.split_once('.') {
                Some((outer, inner)) => inside(&inside(table, outer), inner),
                None => inside(table, key.name),
            };
            assert_eq!(stated["description"], key.about, "{}.{}", section.name, key.name);
            assert_eq!(stated.get("default").is_some(), key.default.is_some(), "{}", key.name);
        }
    }
}

/// The table of a section as the documentation has it.
fn table(section: &Section) -> String {
    let row = |key: &key::Key| {
        let default = key.default.map_or_else(|| "-".to_owned(), |default| format!("`{default}`"));
        let reload = match key.reload {
            Reload::Live => "SIGHUP",
            Reload::Restart => "restart",
        };
        format!("| `{}` | {} | {default} | {reload} | {} |\n", key.name, key.kind.label(), key.about)
    };
    let rows: String = section.keys.iter().map(row).collect::<Vec<_>>().concat();
    format!(
        "## {}\n\n{}\n\n| key | value | default | taken with | what it is |\n|---|---|---|---|---|\n{rows}",
        section.heading(),
        section.about
    )
}

#[test]
fn the_documentation_lists_every_key_as_it_is_and_no_other() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = fs::read_to_string(path).unwrap();
    for section in SECTIONS {
        let table = table(section);
        assert!(text.contains(&table), "docs/configuration.md has to have this:\n\n{table}");
    }
    assert_eq!(text.matches("\n## [").count(), SECTIONS.len(), "it has sections that there are not");
}
