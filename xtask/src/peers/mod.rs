//! `peers`: fetches the real servers that tests run against into `target/peers`, without root.
//!
//! They come from Debian, because its mirrors keep several releases of one server side by side, every package is
//! signed, and a machine that builds Debian software can reach a mirror already. Nothing is installed: packages are
//! unpacked into a directory each, named after the server and its version. What Debian does not have comes from the
//! Python package index, with every version pinned.
//!
//! What is already there is taken as it is. A server that can't be had is told in one line and is no failure: the
//! tests that need it are counted as skipped, by name.

mod apt;
mod mirror;
mod peer;
mod wheels;

use std::path::PathBuf;

use crate::workspace::target;
use mirror::Mirror;
use peer::{Peer, Suite};
use wheels::Wheels;

/// The servers, most wanted first. Two names for one program: Debian moved promtool into a package of its own.
const PEERS: [Peer; 9] = [
    Peer {
        name: "prometheus",
        suite: Suite::Named("bookworm"),
        packages: &["prometheus"],
        programs: &["prometheus", "promtool"],
    },
    Peer {
        name: "prometheus",
        suite: Suite::Named("trixie"),
        packages: &["prometheus", "promtool"],
        programs: &["prometheus", "promtool"],
    },
    Peer {
        name: "prometheus",
        suite: Suite::Named("sid"),
        packages: &["prometheus", "promtool"],
        programs: &["prometheus", "promtool"],
    },
    Peer { name: "sqlite", suite: Suite::OfThisMachine, packages: &["sqlite3"], programs: &["sqlite3"] },
    Peer {
        name: "etcd",
        suite: Suite::OfThisMachine,
        packages: &["etcd-server", "etcd-client"],
        programs: &["etcd", "etcdctl"],
    },
    // No server: it makes the system fail a program, or kills it, at any of its calls.
    Peer { name: "strace", suite: Suite::OfThisMachine, packages: &["strace"], programs: &["strace"] },
    Peer {
        name: "postgresql",
        suite: Suite::OfThisMachine,
        packages: &["postgresql"],
        programs: &["postgres", "initdb", "pg_ctl", "psql"],
    },
    Peer {
        name: "alertmanager",
        suite: Suite::Named("bookworm"),
        packages: &["prometheus-alertmanager"],
        programs: &["prometheus-alertmanager"],
    },
    // The server is another name of a program among its tools.
    Peer {
        name: "redis",
        suite: Suite::OfThisMachine,
        packages: &["redis-server", "redis-tools"],
        programs: &["redis-server"],
    },
];

/// Proxies that a benchmark sets beside ours; no test needs them, so only the benchmark fetches them.
const PROXIES: [Peer; 2] = [
    Peer { name: "nginx", suite: Suite::OfThisMachine, packages: &["nginx"], programs: &["nginx"] },
    Peer { name: "haproxy", suite: Suite::OfThisMachine, packages: &["haproxy"], programs: &["haproxy"] },
];

/// What is shipped as Python packages. Chroma's holds the server, the client, and what the client imports. The
/// others are a protocol and a mail server, of which the tests make servers.
const WHEELS: [Wheels; 3] = [
    Wheels {
        name: "chromadb",
        pins: include_str!("chromadb.txt"),
        modules: "chromadb, chromadb_rust_bindings",
    },
    Wheels {
        name: "connectrpc",
        pins: include_str!("connectrpc.txt"),
        modules: "connectrpc.server, connectrpc.compat, google.protobuf",
    },
    Wheels { name: "aiosmtpd", pins: include_str!("aiosmtpd.txt"), modules: "aiosmtpd.smtp" },
];

/// `cargo xtask peers`. It does not fail: what can't be had here is told, and told again by the tests that lack it.
pub(crate) fn run() {
    println!("== peers in {}", directory().display());
    let mirror = Mirror::of_this_machine();
    fetch(&PEERS, mirror.as_ref());
    for wheels in &WHEELS {
        match wheels.find_or_fetch(mirror.as_ref()) {
            Ok(found) => println!("{found}"),
            Err(why) => println!("{} from Python packages can't be had: {why}", wheels.name),
        }
    }
}

/// Fetches the other proxies.
pub(crate) fn proxies() {
    fetch(&PROXIES, Mirror::of_this_machine().as_ref());
}

fn fetch(peers: &[Peer], mirror: Result<&Mirror, &String>) {
    for peer in peers {
        match peer.find_or_fetch(mirror) {
            Ok(found) => println!("{found}"),
            Err(why) => println!("{} of {} can't be had: {why}", peer.name, peer.suite),
        }
    }
}

/// Where the servers are unpacked; `SEAWALL_PEERS` names another place, to share them between checkouts.
fn directory() -> PathBuf {
    std::env::var_os("SEAWALL_PEERS").map_or_else(|| target().join("peers"), PathBuf::from)
}
