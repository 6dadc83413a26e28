//! A ship is understood from the file, and what is wrong is told with its place.

use std::fs;

use super::*;
use crate::config::Config;
use crate::config::tests::Place;

const URL: &str = "[[ship]]\nurl = 'http://c'\n";

#[test]
fn a_ship_needs_no_more_than_a_url() {
    let config = Place::new("[[ship]]\nurl = 'http://c:1/in?x={stream}'\n").load();
    let [ship] = &config.ships[..] else { panic!("one ship: {:?}", config.ships) };
    let settings = &ship.settings;
    assert_eq!(
        (settings.name.as_str(), settings.sink.place()),
        ("ship", "http://c:1/in?x={stream}".to_owned())
    );
    assert_eq!((settings.scope.clone(), settings.start), (Scope::All, Start::Oldest));
    assert_eq!(settings.policy, Policy::default(), "what the keys say is what the library does by itself");
}

#[test]
fn every_key_of_a_ship_means_something() {
    let config = Place::new(
        "[[ship]]\nname = 'a'\nurl = 'http://c'\nstreams = 'jobs/'\nstart = 'newest'\nformat = 'raw'\n\
         batch_events = 5\nbatch_bytes = '1kB'\nbatch_wait = '2s'\nrate = 7\nin_flight = 3\nattempts = 4\n\
         backoff_initial = '2s'\nbackoff_max = '3s'\nbackoff_multiplier = 1.5\nbackoff_jitter = 0\non_refused = 'block'\n\
         headers = \"\"\"\nX-A: 1\n\nX-B: 2:3\n\"\"\"\ntoken = 'x'\n\
         [[ship]]\nname = 'b'\nurl = 'http://d/base'\nsink = 'airunner'\ntask_token_dir = '/t'\n",
    )
    .load();
    let [a, b] = &config.ships[..] else { panic!("two ships") };
    let policy = &a.settings.policy;
    assert_eq!(
        (a.settings.scope.clone(), a.settings.start),
        (Scope::Prefix("jobs/".to_owned()), Start::Newest)
    );
    assert_eq!((policy.batch.events, policy.batch.bytes, policy.batch.wait.as_secs()), (5, 1000, 2));
    assert_eq!((policy.rate, policy.in_flight, policy.attempts), (Some(7), 3, Some(4)));
    assert_eq!(policy.on_refused, OnRefused::Block);
    assert_eq!(policy.backoff.pause(2, 1.0).as_millis(), 3000, "1.5 times 2 s, with nothing left to chance");
    assert_eq!(a.settings.sink.most_events(), 1);
    assert_eq!(b.settings.sink.place(), "http://d/base/job.v1.JobEventsService/PublishJobEvents");
}

#[test]
fn what_is_wrong_with_a_ship_is_told_with_its_place() {
    for (more, complaint) in [
        ("url = 'c'\n", "seawall.toml:2:7: ship.url: c is no address to deliver to"),
        (
            "streams = 'a*'\nurl = 'http://c'\n",
            "seawall.toml:2:11: ship.streams: it is the beginning of names",
        ),
        ("name = 'archive'\nurl = 'http://c'\n", "seawall.toml:2:8: ship.name: the consumer that archives"),
        ("name = 'a b'\nurl = 'http://c'\n", "seawall.toml:2:8: ship.name: \"a b\" is no name"),
        ("rate = 0\nurl = 'http://c'\n", "seawall.toml:2:8: ship.rate: it is 0"),
        (
            "backoff_multiplier = 0.5\nurl = 'http://c'\n",
            "seawall.toml:2:22: ship.backoff_multiplier: \"0.5\" is no",
        ),
        ("backoff_max = '1ms'\nurl = 'http://c'\n", "seawall.toml:2:15: ship.backoff_max: it is less than"),
        (
            "headers = 'sesame'\nurl = 'http://c'\n",
            "seawall.toml:2:11: ship.headers: its line 1 is no header",
        ),
        (
            "headers = 'Host: x'\nurl = 'http://c'\n",
            "seawall.toml:2:11: ship.headers: cannot send the header Host",
        ),
        (
            "tls_key = '/nowhere'\nurl = 'http://c'\n",
            "seawall.toml:2:11: ship.tls_key: failed to read /nowhere",
        ),
        ("sink = 'airunner'\nurl = 'http://c'\n", "seawall.toml:2:8: ship.sink: airunner needs either"),
        (
            "task_token = 'x'\nurl = 'http://c'\n",
            "seawall.toml:2:14: ship.task_token: it is for the sink airunner",
        ),
        (
            "sink = 'airunner'\ntask_token = 'x'\nformat = 'raw'\nurl = 'http://c'\n",
            "seawall.toml:4:10: ship.format: it is for the sink http",
        ),
        ("tls_ca = '/dev/null'\nurl = 'https://c'\n", "seawall.toml:3:7: ship.url: cannot use the trusted"),
    ] {
        let complaints = Place::new(&format!("[[ship]]\n{more}")).complaints();
        assert!(complaints[0].starts_with(complaint), "{more}: {complaints:#?}");
    }
    assert_eq!(Place::new("[[ship]]\n").complaints(), ["seawall.toml:1:1: ship.url: it has to be set"]);
    let twice = Place::new(&format!("{URL}{URL}")).complaints();
    assert!(twice[0].ends_with("ship.name: two ships have this name"), "{twice:?}");
}

#[test]
fn a_secret_of_a_ship_is_never_shown() {
    let place = Place::new(&format!("{URL}headers = 'X-Api-Key: sesame'\ntoken = 'sesame'\n"));
    let config = place.load();
    assert!(!format!("{:?}", config.ships).contains("sesame"));
    let wrong = Place::new(&format!("{URL}headers = 'sesame\u{1}: x'\n")).complaints();
    assert!(!wrong.is_empty());
}

#[test]
fn a_running_daemon_takes_ships_as_they_are_in_a_new_file() {
    assert!(SECTION.is_live());
    let place =
        Place::new("[[ship]]\nname = 'a'\nurl = 'http://a'\n[[ship]]\nname = 'b'\nurl = 'http://b'\n");
    let old = place.load();
    let file = place.sources.file.as_ref().unwrap();
    fs::write(file, "[[ship]]\nname = 'b'\nurl = 'http://b'\n[[ship]]\nname = 'c'\nurl = 'http://c'\n")
        .unwrap();
    let (new, changes) = old.reload(&place.sources).unwrap();
    let names =
        |config: &Config| config.ships.iter().map(|ship| ship.settings.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&new), ["b", "c"]);
    assert!(new.ships[0].is_same(&old.ships[1]) && !new.ships[1].is_same(&old.ships[0]));
    let told: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(told, ["ship.a.name", "ship.c.name"]);
}
