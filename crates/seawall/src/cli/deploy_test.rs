//! The files under `deploy/` say what this binary understands: their command lines go through its own parser.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use saphyr::{LoadableYamlNode, Yaml};

use crate::app;
use crate::cli::{Cli, Command};
use crate::commands::guard;
use crate::config::{Config, Sources};
use crate::sizes::Size;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

const UNITS: [&str; 2] =
    ["systemd/prometheus.service.d/seawall.conf", "systemd/guard/prometheus.service.d/seawall.conf"];

const MANIFESTS: [&str; 2] = ["kubernetes/prometheus-init.yaml", "kubernetes/prometheus-guard.yaml"];

fn understood(words: impl IntoIterator<Item = String>) -> Cli {
    app::parse(words.into_iter().map(OsString::from)).unwrap_or_else(|error| panic!("{error}"))
}

/// The words of an `Exec` line as systemd splits them, without the prefixes of the program.
fn words(line: &str) -> Vec<String> {
    let halves: Vec<&str> = line.split("%%").collect();
    assert!(halves.iter().all(|half| !half.contains('%')), "a single percent sign is a specifier: {line}");
    assert!(!line.contains(['"', '\'', '\\']), "quotes need a better splitter than this one: {line}");
    let line = halves.join("%");
    line.trim_start_matches(['-', '@', ':', '+', '!']).split_whitespace().map(str::to_owned).collect()
}

/// Section, key and value of each line; comments and blank lines left out.
fn settings(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        settings.push((section.clone(), key.to_owned(), value.to_owned()));
    }
    settings
}

#[test]
fn units_hold_known_settings_and_commands_that_are_understood() {
    for unit in UNITS {
        let mut commands = 0;
        for (section, key, value) in settings(&fs::read_to_string(deploy(unit)).unwrap()) {
            assert_eq!(section, "Service", "{unit}");
            match key.as_str() {
                "ExecStartPre" | "ExecStart" if !value.is_empty() => {
                    let cli = understood(words(&value));
                    commands += 1;
                    if let Command::Guard(args) = cli.command {
                        assert_eq!(args.command.first().unwrap(), "/usr/bin/prometheus");
                    }
                }
                "ExecStart" | "TimeoutStartSec" => {}
                other => panic!("{unit}: unknown setting {other}"),
            }
        }
        assert_eq!(commands, 1, "{unit}");
    }
}

const SERVICE: &str = "systemd/seawall.service";

#[test]
fn the_service_runs_a_command_that_is_understood_with_a_variable_that_is_read() {
    let settings = settings(&fs::read_to_string(deploy(SERVICE)).unwrap());
    let value = |name: &str| {
        let found = settings.iter().find(|(section, key, _)| section == "Service" && key == name);
        found.unwrap_or_else(|| panic!("no {name}")).2.clone()
    };
    let Command::Run(_) = understood(words(&value("ExecStart"))).command else { panic!("another command") };
    assert_eq!(
        (value("Type"), value("ExecReload")),
        ("notify".to_owned(), "/bin/kill -HUP $MAINPID".to_owned())
    );
    let variable = value("Environment");
    let (name, path) = variable.split_once('=').unwrap();
    let environment = [(name.to_owned(), path.to_owned())].into();
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.journal.dir, Path::new(path));
    assert!(Path::new(path).starts_with(Path::new("/var/lib").join(value("StateDirectory"))));
}

#[test]
fn systemd_accepts_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(deploy(SERVICE)).unwrap().replace("=/usr/bin/seawall", "=/bin/true");
    let unit = dir.path().join("seawall.service");
    fs::write(&unit, text).unwrap();
    let mut systemd = Process::new("systemd-analyze");
    systemd.args(["verify", "--man=no", "--generators=no", "--recursive-errors=no"]).arg(&unit);
    let Ok(checked) = systemd.output() else { return };
    let said = String::from_utf8_lossy(&checked.stderr);
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("seawall")).collect();
    assert!(checked.status.success() && about_us.is_empty(), "{said}");
}

/// systemd's own judgement, where systemd is installed.
#[test]
fn systemd_accepts_the_units() {
    for unit in UNITS {
        let dir = tempfile::tempdir().unwrap();
        let base = "[Service]\nExecStart=/bin/true\n";
        fs::write(dir.path().join("prometheus.service"), base).unwrap();
        let drop_in = dir.path().join("prometheus.service.d/seawall.conf");
        fs::create_dir(drop_in.parent().unwrap()).unwrap();
        // It also looks whether the programs exist, which they need not where tests run.
        let text = fs::read_to_string(deploy(unit)).unwrap();
        let text = text.replace("=/usr/bin/seawall", "=/bin/true");
        fs::write(&drop_in, text).unwrap();
        let checked = Process::new("systemd-analyze")
            .args(["verify", "--man=no", "--generators=no", "--recursive-errors=no"])
            .arg(dir.path().join("prometheus.service"))
            .env("SYSTEMD_UNIT_PATH", format!("{}:", dir.path().display()))
            .output();
        let Ok(checked) = checked else { return };
        let said = String::from_utf8_lossy(&checked.stderr);
        let about_us: Vec<&str> = said.lines().filter(|line| line.contains("seawall")).collect();
        assert!(checked.status.success() && about_us.is_empty(), "{unit}: {said}");
    }
}

fn list(yaml: &Yaml<'_>, key: &str) -> Vec<String> {
    let items = yaml.as_mapping_get(key).and_then(|list| list.as_vec()).cloned().unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("no text in {key}")).to_owned()).collect()
}

fn get<'a, 'b>(yaml: &'a Yaml<'b>, path: &str) -> &'a Yaml<'b> {
    path.split('.')
        .fold(yaml, |yaml, key| yaml.as_mapping_get(key).unwrap_or_else(|| panic!("no {key} in {path}")))
}

#[test]
fn manifests_run_commands_that_are_understood() {
    for manifest in MANIFESTS {
        let documents = Yaml::load_from_str(&fs::read_to_string(deploy(manifest)).unwrap()).unwrap();
        let [document] = documents.as_slice() else { panic!("{manifest} is not one document") };
        assert_eq!(get(document, "kind").as_str(), Some("StatefulSet"));
        let pod = get(document, "spec.template.spec");
        let mut commands = Vec::new();
        for kind in ["initContainers", "containers"] {
            for container in get(pod, kind).as_vec().unwrap() {
                mounts_exist(document, pod, container);
                let command: Vec<String> =
                    list(container, "command").into_iter().chain(list(container, "args")).collect();
                let program =
                    command.first().map(|program| Path::new(program).file_name().unwrap().to_owned());
                if program.is_some_and(|program| program == "seawall") {
                    commands.push(understood(command).command);
                }
            }
        }
        let [command] = commands.as_slice() else {
            panic!("{manifest}: one command, not {}", commands.len())
        };
        match command {
            Command::Check(args) => assert_eq!(args.path.as_deref(), Some(Path::new("/prometheus"))),
            Command::Guard(_) => {}
            other => panic!("{manifest}: {other:?}"),
        }
    }
}

#[test]
fn the_guard_finds_the_log_that_its_manifest_mounts() {
    let text = fs::read_to_string(deploy("kubernetes/prometheus-guard.yaml")).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    let containers = get(documents.first().unwrap(), "spec.template.spec.containers").as_vec().unwrap();
    let server = containers.first().unwrap();
    let command = list(server, "command").into_iter().chain(list(server, "args"));
    let Command::Guard(args) = understood(command).command else { panic!("no guard") };
    assert_eq!(guard::Plan::new(args).unwrap().path(), Path::new("/prometheus"));
}

/// Every volume that a container mounts is one of the pod's or of the claim templates.
fn mounts_exist(document: &Yaml<'_>, pod: &Yaml<'_>, container: &Yaml<'_>) {
    let name = |yaml: &Yaml<'_>| get(yaml, "name").as_str().unwrap().to_owned();
    let volumes = get(pod, "volumes").as_vec().unwrap().iter().map(name);
    let claims = get(document, "spec.volumeClaimTemplates").as_vec().unwrap();
    let volumes: Vec<String> =
        volumes.chain(claims.iter().map(|claim| name(get(claim, "metadata")))).collect();
    for mount in get(container, "volumeMounts").as_vec().unwrap() {
        assert!(volumes.contains(&name(mount)), "no volume {}", name(mount));
    }
}

#[test]
fn the_manifest_of_the_proxy_runs_one_whose_journal_and_budget_fit_its_volume() {
    let text = fs::read_to_string(deploy("kubernetes/chroma-proxy.yaml")).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    let [set, service] = documents.as_slice() else { panic!("a set and a service") };
    let pod = get(set, "spec.template.spec");
    let [container] = get(pod, "containers").as_vec().unwrap().as_slice() else { panic!("one container") };
    mounts_exist(set, pod, container);
    let words = std::iter::once("seawall".to_owned()).chain(list(container, "args"));
    let Command::Run(_) = understood(words).command else { panic!("another command") };
    let text_at = |yaml: &Yaml<'_>, path: &str| get(yaml, path).as_str().unwrap().to_owned();
    let variables = get(container, "env").as_vec().unwrap().iter();
    let environment = variables.map(|one| (text_at(one, "name"), text_at(one, "value"))).collect();
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    let [proxy] = &config.proxies[..] else { panic!("one proxy") };
    let first = |path: &str| &get(container, path).as_vec().unwrap()[0];
    assert_eq!(
        Some(i64::from(proxy.settings.listen.port())),
        get(first("ports"), "containerPort").as_integer()
    );
    assert!(proxy.dir.starts_with(text_at(first("volumeMounts"), "mountPath")));
    assert_eq!(proxy.settings.upstreams.len(), 2);
    let claim =
        get(&get(set, "spec.volumeClaimTemplates").as_vec().unwrap()[0], "spec.resources.requests.storage");
    let volume: Size = claim.as_str().unwrap().parse().unwrap();
    assert!(proxy.options.max_bytes + 2 * proxy.options.segment_size < volume.bytes());
    let grace = get(pod, "terminationGracePeriodSeconds").as_integer().unwrap();
    assert!(config.server.drain_timeout.as_secs() < u64::try_from(grace).unwrap());
    assert_eq!(get(service, "spec.selector.app").as_str(), get(pod_labels(set), "app").as_str());
}

fn pod_labels<'a, 'b>(set: &'a Yaml<'b>) -> &'a Yaml<'b> {
    get(set, "spec.template.metadata.labels")
}
