//! The guard in front of a real server.

use std::ffi::OsStr;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::{need_peer, wait_for};

use crate::world::World;

const LIMIT: Duration = Duration::from_mins(1);

/// What stands behind the guard's `--`: a server that scrapes nothing and listens on a port of its own.
fn server(prometheus: &OsStr) -> Vec<String> {
    vec![
        prometheus.to_string_lossy().into_owned(),
        "--config.file=empty.yml".to_owned(),
        "--storage.tsdb.path=data".to_owned(),
        "--web.listen-address=127.0.0.1:0".to_owned(),
    ]
}

fn guarded(world: &World, flags: &[&str], server: &[String]) -> Command {
    let words = ["guard"].into_iter().chain(flags.iter().copied()).chain(["--"]);
    let mut command = world.seawall(&words.collect::<Vec<_>>());
    command.args(server).stderr(Stdio::null());
    command
}

/// Waits until the server writes its log, stops it as a supervisor would, and answers with its exit code.
fn run_for_a_while(world: &World, mut running: Child, meanwhile: impl FnOnce()) -> Option<i32> {
    let in_use = || {
        let ran = world.run(&["check", "--json", "--allow-missing", "data"]);
        let noted = ran.stdout.contains(&format!("(process {})", running.id()));
        (noted && world.path("data/wal/00000000").exists()).then_some(())
    };
    let found = wait_for(LIMIT, in_use);
    if found.is_some() {
        meanwhile();
    }
    // The process that was started as the guard is the server by now.
    let killed = Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    let code = running.wait().unwrap().code();
    assert!(killed.success());
    assert_eq!(found, Some(()), "the server was not seen to write its log");
    code
}

#[test]
#[ignore = "starts a real server"]
fn a_real_server_starts_behind_the_guard_and_is_kept_from_a_damaged_log() {
    let Some(peer) = need_peer("prometheus-3.5") else { return };
    let world = World::new();
    fs::write(world.path("empty.yml"), "").unwrap();
    let server = server(peer.command("usr/bin/prometheus").get_program());

    // First start: the path of the log comes from the server's own flag, and nothing is there yet.
    let running = guarded(&world, &["--max-size", "5GB"], &server).spawn().unwrap();
    let code = run_for_a_while(&world, running, || {
        assert_eq!(
            guarded(&world, &[], &server).status().unwrap().code(),
            Some(4),
            "a second one is refused"
        );
        assert_eq!(world.run(&["verify", "data"]).code, Some(0), "a running server's log is no damage");
    });
    assert_eq!(code, Some(0), "the signal reached the server itself, and it ended well");
    assert_eq!(world.run(&["verify", "data"]).code, Some(0));

    // A log of ours, damaged, in its place.
    fs::remove_dir_all(world.path("data/wal")).unwrap();
    fs::create_dir(world.path("data/wal")).unwrap();
    for segment in ["wal/00000000", "wal/00000001"] {
        fs::copy(world.path("damaged").join(segment), world.path("data").join(segment)).unwrap();
    }
    let before = fs::read(world.path("data/wal/00000000")).unwrap();
    assert_eq!(guarded(&world, &["--verify"], &server).status().unwrap().code(), Some(2));
    assert_eq!(fs::read(world.path("data/wal/00000000")).unwrap(), before, "the server did not touch it");
    assert!(world.path("data/wal/00000001").exists());

    // Told to start in spite of it, the server does what the verdict says: it cuts, and deletes what comes later.
    let running = guarded(&world, &["--verify", "--on-problem", "start"], &server).spawn().unwrap();
    assert_eq!(run_for_a_while(&world, running, || {}), Some(0));
    assert_ne!(fs::read(world.path("data/wal/00000000")).unwrap(), before);
}
