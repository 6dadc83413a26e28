//! Where logs usually lie: what a daemon without a configuration watches.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use formats::DetectError;
use tracing::warn;
use watch::{Bounds, Kind, Scrub, Target};

use crate::journal_log;

/// Places of packages and of container images. A star stands for any name.
const PLACES: [&str; 16] = [
    "var/lib/prometheus/metrics2",
    "var/lib/prometheus",
    "var/lib/prometheus/data",
    "prometheus",
    "var/lib/postgresql/*/*",
    "var/lib/postgresql/data",
    "var/lib/pgsql/data",
    "var/lib/pgsql/*/data",
    "var/lib/influxdb3/*",
    "var/lib/influxdb3/data/*",
    "var/lib/etcd",
    "var/lib/etcd/default",
    "var/lib/loki/wal",
    "loki/wal",
    "var/lib/grafana/grafana.db",
    "var/lib/airunner/wal",
];

/// How often they are looked at.
const INTERVAL: Duration = Duration::from_secs(30);

/// Nobody asked for any of them: they are read in full only when somebody does.
const SCRUB: Scrub = Scrub { every: None, rate: 8 << 20 };

/// Logs that are found: at most so many, since nobody asked for any of them.
const MOST: usize = 32;

/// The logs in well-known places below a root. Which format lies there is looked at anew by the watch.
pub(super) fn found(root: &Path) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for path in PLACES.iter().flat_map(|place| matching(root, place)) {
        let log = match journal_log::detect(&path, None) {
            Ok(log) => log,
            Err(DetectError::Unknown { .. } | DetectError::Several { .. }) => continue,
            Err(error) => {
                warn!(%error, "a place where logs lie could not be looked at");
                continue;
            }
        };
        let root = log.root().to_owned();
        let is_known = targets.iter().any(|target| target.path == path || target.path == root);
        if !is_known && targets.len() < MOST {
            let name = name(log.format().name(), &targets);
            let (kind, bounds) = (Kind::Log(log.format()), Bounds::default());
            targets.push(Target {
                name,
                path,
                kind,
                interval: INTERVAL,
                bounds,
                server: None,
                scrub: SCRUB,
                database: None,
                checkpoint: None,
                restart: None,
            });
        }
    }
    targets
}

fn name(format: &str, taken: &[Target]) -> String {
    let is_free = |name: &String| !taken.iter().any(|target| target.name == *name);
    let numbered = (2..).map(|number| format!("{format}-{number}"));
    std::iter::once(format.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

fn matching(root: &Path, place: &str) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    for name in place.split('/') {
        found = match name {
            "*" => found.iter().flat_map(|dir| names(dir)).collect(),
            name => found.iter().map(|dir| dir.join(name)).filter(|path| path.exists()).collect(),
        };
    }
    found
}

fn names(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MOST).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_in_well_known_places_are_found_and_have_names_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let at = |place: &str| root.path().join(place);
        for node in ["a", "b"] {
            let wal = at(&format!("var/lib/influxdb3/{node}/wal"));
            fs::create_dir_all(&wal).unwrap();
            fs::write(wal.join("00000000001.wal"), b"idb3.001....").unwrap();
        }
        fs::create_dir_all(at("var/lib/prometheus")).unwrap();
        let found = found(root.path());
        let told: Vec<(&str, PathBuf)> =
            found.iter().map(|target| (target.name.as_str(), target.path.clone())).collect();
        assert_eq!(
            told,
            [("influxdb3", at("var/lib/influxdb3/a")), ("influxdb3-2", at("var/lib/influxdb3/b"))]
        );
    }
}
