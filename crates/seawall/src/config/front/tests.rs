//! A proxy is understood from the file, from the environment or from both, and what is wrong is told with its place.

use std::fs;

use super::*;
use crate::config::key::Reload;
use crate::config::tests::Place;
use crate::config::{Change, Config};

fn sole(config: &Config) -> &ProxySettings {
    let [proxy] = &config.proxies[..] else { panic!("one proxy: {:?}", config.proxies) };
    proxy
}

fn servers(proxy: &ProxySettings) -> Vec<String> {
    proxy.settings.upstreams.iter().map(|server| format!("{} {}", server.name, server.origin)).collect()
}

#[test]
fn every_proxy_of_the_file_has_a_name_a_journal_and_a_budget_of_its_own() {
    let config = Place::new(
        "[journal]\ndir = '/j'\nwhen_full = 'drop-oldest'\n\
         [[proxy]]\nname = 'a'\nlisten = '127.0.0.1:1'\nprimary = 'http://p'\n\
         replicas = ['http://r', 'http://s:1/base']\nread_replica_ratio = 1\nmax_bytes = '1GiB'\n\
         [[proxy]]\nname = 'b'\nprimary = 'http://q'\nreplicas = []\nrequest_timeout = '2s'\nambiguous = 'park'\n",
    )
    .load();
    let [a, b] = &config.proxies[..] else { panic!("two proxies") };
    assert_eq!(servers(a), ["primary http://p", "replica http://r", "replica-2 http://s:1/base"]);
    assert_eq!((a.dir.to_str(), b.dir.to_str()), (Some("/j/proxies/a"), Some("/j/proxies/b")));
    assert_eq!((a.options.max_bytes, b.options.max_bytes), (1 << 30, 10 << 30));
    assert_eq!(a.options.when_full, WhenFull::Reject, "what was acknowledged is never dropped");
    assert!(a.settings.reads.replica_ratio > 0.99);
    assert_eq!(servers(b), ["primary http://q"]);
    assert_eq!((b.settings.times.request.as_secs(), b.settings.replay.ambiguous), (2, Ambiguous::Park));
}

#[test]
fn servers_may_have_names_of_their_own() {
    let text = "[[proxy]]\nprimary = 'east=http://e'\nreplicas = ['http://r/a=b', 'west=http://w']\n";
    assert_eq!(
        servers(sole(&Place::new(text).load())),
        ["east http://e", "replica http://r/a=b", "west http://w"]
    );
    let twice = "[[proxy]]\nprimary = 'replica=http://e'\nreplicas = ['http://r']\n";
    assert_eq!(
        Place::new(twice).complaints(),
        ["seawall.toml:3:12: proxy.replicas: two servers are called replica"]
    );
}

#[test]
fn two_variables_make_a_proxy_and_the_others_tune_it_in_seconds() {
    let place = Place::new("").with("PRIMARY_URL", "http://p:8000").with("REPLICA_URL", "http://r:8000");
    let config = place.load();
    let proxy = sole(&config);
    assert_eq!(servers(proxy), ["primary http://p:8000", "replica http://r:8000"]);
    assert_eq!(proxy.settings.dialect.name(), "chroma");
    assert_eq!(proxy.settings.listen.to_string(), "127.0.0.1:8000");
    assert!(proxy.dir.ends_with("seawall/journal/proxies/proxy"));
    let config = place
        .with("CONSISTENCY_WINDOW", "20")
        .with("READ_REPLICA_RATIO", "0.5")
        .with("REQUEST_TIMEOUT", "7")
        .with("CHECK_INTERVAL", "1m")
        .with("PORT", "9000")
        .with("SEAWALL_PROXY_DIALECT", "plain")
        .load();
    let settings = &sole(&config).settings;
    assert_eq!(settings.dialect.name(), "plain");
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(settings.reads.consistency_window.as_secs(), 20);
    assert!((0.49..0.51).contains(&settings.reads.replica_ratio));
    assert_eq!((settings.times.request.as_secs(), settings.times.check_interval.as_secs()), (7, 60));
}

#[test]
fn a_variable_is_read_only_where_it_is_clear_which_proxy_it_means() {
    let none = Place::new("").with("REPLICA_URL", "http://r").with("PORT", "http").load();
    assert!(none.proxies.is_empty(), "without a primary they are somebody else's");
    let file = "[[proxy]]\nprimary = 'http://file'\n";
    let place = Place::new(file).with("PRIMARY_URL", "http://env").with("PORT", "1");
    assert_eq!(servers(sole(&place.load())), ["primary http://file"], "the file has a proxy of its own");
    let place = place.with("SEAWALL_PROXY_PRIMARY", "http://ours");
    assert_eq!(servers(sole(&place.load())), ["primary http://ours"]);
    let two = format!("{file}listen = '127.0.0.1:1'\nname = 'a'\n{file}");
    let complaints = Place::new(&two).with("SEAWALL_PROXY_PRIMARY", "http://ours").complaints();
    assert!(
        complaints[0].starts_with("SEAWALL_PROXY_PRIMARY: proxy.primary: the file has 2"),
        "{complaints:?}"
    );
}

#[test]
fn what_is_wrong_with_a_proxy_is_told_with_its_place() {
    for (text, complaint) in [
        ("[[proxy]]\nname = 'a'\n", "seawall.toml:1:1: proxy.primary: it has to be set"),
        ("[proxy]\nprimary = 'http://a'\n", "seawall.toml:1:1: proxy: it has to be a table: write [[proxy]]"),
        ("[[log]]\n", "seawall.toml:1:1: log: it has to be a table: write [log]"),
        (
            "[[proxy]]\nprimry = 'http://a'\n",
            "seawall.toml:2:1: primry: no key of [[proxy]] has this name; the nearest is primary",
        ),
        ("[[proxy]]\nprimary = 'a:80'\n", "seawall.toml:2:11: proxy.primary: a:80 is no address of a server"),
        (
            "[[proxy]]\nprimary = 'http://a'\nreplicas = 'http://b'\n",
            "seawall.toml:3:12: proxy.replicas: it has to be a list",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nreplicas = ['http://b,c']\n",
            "seawall.toml:3:12: proxy.replicas: it has to be a list",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nreplicas = ['b']\n",
            "seawall.toml:3:12: proxy.replicas: b is no address",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nname = '../x'\n",
            "seawall.toml:3:8: proxy.name: \"../x\" is no name",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nread_replica_ratio = 1.5\n",
            "seawall.toml:3:22: proxy.read_replica_ratio: \"1.5\" is no number",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nread_replica_ratio = nan\n",
            "seawall.toml:3:22: proxy.read_replica_ratio: \"nan\" is no number",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\ndialect = 'mongo'\n",
            "seawall.toml:3:11: proxy.dialect: it is \"mongo\", and has to be one of `plain`, `chroma`",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nmax_body = '256MiB'\nmax_body_memory = '1GiB'\n",
            "seawall.toml:3:12: proxy.max_body: with max_header",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\npreset = 'some-load'\n",
            "seawall.toml:3:10: proxy.preset: it is \"some-load\", and has to be one of `low-load`",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nmax_bytes = '64MiB'\n",
            "seawall.toml:3:13: proxy.max_bytes: it cannot be 67108864",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nrequest_timeout = '0s'\n",
            "seawall.toml:3:19: proxy.request_timeout: it is 0s",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\ntls_key = '/nowhere'\n",
            "seawall.toml:3:11: proxy.tls_key: failed to read /nowhere",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\nprobe = 'health'\n",
            "seawall.toml:3:9: proxy.probe: \"health\" is no path",
        ),
    ] {
        let complaints = Place::new(text).complaints();
        assert!(complaints[0].starts_with(complaint), "{text}: {complaints:#?}");
    }
}

#[test]
fn what_does_not_go_together_is_told_with_its_place() {
    for (text, complaint) in [
        (
            "[[proxy]]\nprimary = 'http://a'\n[[proxy]]\nlisten = '127.0.0.1:1'\nprimary = 'http://b'\n",
            "proxy.name: two proxies have this name",
        ),
        (
            "[[proxy]]\nprimary = 'http://a'\ndialect = 'chroma'\nprobe = '/x'\n",
            "seawall.toml:4:9: proxy.probe: the dialect chroma knows it by itself",
        ),
    ] {
        let complaints = Place::new(text).complaints();
        assert!(complaints[0].starts_with(complaint), "{text}: {complaints:#?}");
    }
}

#[test]
fn a_certificate_needs_its_key() {
    let place = Place::new("[[proxy]]\nprimary = 'http://a'\ntls_cert = '/dev/null'\n");
    assert_eq!(place.complaints(), ["seawall.toml:3:12: proxy.tls_cert: tls_key has to be set with it"]);
}

#[test]
fn a_running_daemon_keeps_its_proxies_and_is_told_what_became_of_them() {
    assert!(SECTION.keys.iter().all(|key| key.reload == Reload::Restart), "tables may change places");
    let place = Place::new("[[proxy]]\nname = 'a'\nprimary = 'http://a'\n");
    let old = place.load();
    fs::write(
        place.sources.file.as_ref().unwrap(),
        "[[proxy]]\nname = 'b'\nprimary = 'http://b'\n\
         [[proxy]]\nname = 'a'\nprimary = 'http://c'\nlisten = '127.0.0.1:1'\n",
    )
    .unwrap();
    let (new, changes) = old.reload(&place.sources).unwrap();
    assert_eq!(servers(sole(&new)), ["primary http://a"]);
    let told = |change: &Change| (change.key.clone(), change.after.clone().unwrap());
    let told: Vec<(String, String)> = changes.iter().map(told).collect();
    let own = |key: &str, after: &str| (key.to_owned(), after.to_owned());
    assert_eq!(
        told,
        [own("proxy.a.listen", "127.0.0.1:1"), own("proxy.a.primary", "http://c"), own("proxy.b.name", "b")]
    );
}

#[test]
fn a_preset_says_what_nobody_wrote_and_shows_that_it_did() {
    let tuned = |place: Place| {
        let config = place.load();
        let Settings { times, reads, .. } = sole(&config).settings.clone();
        let seconds =
            [reads.consistency_window, times.request, times.check_interval].map(|time| time.as_secs());
        (seconds, format!("{:.1}", reads.replica_ratio))
    };
    for (preset, seconds, ratio) in [
        ("low-load", [30, 30, 60], "0.5"),
        ("medium-load", [20, 15, 30], "0.7"),
        ("high-load", [10, 10, 15], "0.8"),
    ] {
        let alone = Place::new("").with("PRIMARY_URL", "http://p").with("SEAWALL_PROXY_PRESET", preset);
        assert_eq!(tuned(alone), (seconds, ratio.to_owned()), "{preset}");
    }
    let file = "[[proxy]]\nprimary = 'http://p'\npreset = 'low-load'\nrequest_timeout = '5s'\n";
    assert_eq!(
        tuned(Place::new(file).with("SEAWALL_PROXY_READ_REPLICA_RATIO", "1")),
        ([30, 5, 60], "1.0".to_owned())
    );
    let config = Place::new(file).load();
    let table = config.written.tables_of(&SECTION).next().unwrap();
    let origin = |key| config.written.entry(table, SECTION.key(key).unwrap()).unwrap().origin.to_string();
    assert_eq!(origin("check_interval"), "preset = low-load");
    assert!(origin("request_timeout").ends_with("seawall.toml:4:19"), "{}", origin("request_timeout"));
}

#[test]
fn the_largest_write_decides_how_large_segments_are_at_least() {
    let sizes = |text: &str| {
        let config = Place::new(&format!("[[proxy]]\nprimary = 'http://p'\n{text}")).load();
        let ProxySettings { settings, options, .. } = sole(&config);
        assert!(options.check().is_ok() && options.max_event > settings.limits.body_bytes as u64);
        (settings.limits.body_bytes >> 20, settings.limits.inflight_bytes >> 20, options.segment_size >> 20)
    };
    assert_eq!(sizes(""), (4, 64, 64));
    assert_eq!(sizes("dialect = 'chroma'\n"), (40, 128, 160));
    assert_eq!(sizes("dialect = 'chroma'\nmax_body = '1MiB'\n"), (1, 128, 64));
}
