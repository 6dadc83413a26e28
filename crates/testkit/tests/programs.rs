//! The programs of every peer that is here run on this machine.

#![expect(clippy::unwrap_used, reason = "tests")]

use testkit::need_program;

fn a_program_runs_and_tells_its_version(program: &str, question: &str) {
    let Some(mut command) = need_program(program) else { return };
    let answer = command.arg(question).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    assert!(answer.stdout.iter().any(u8::is_ascii_digit), "{}", String::from_utf8_lossy(&answer.stdout));
}

#[test]
#[ignore = "starts a fetched program"]
fn sqlite_runs() {
    a_program_runs_and_tells_its_version("sqlite3", "--version");
}

#[test]
#[ignore = "starts a fetched program"]
fn etcd_runs() {
    a_program_runs_and_tells_its_version("etcd", "--version");
}

#[test]
#[ignore = "starts a fetched program"]
fn etcdctl_runs() {
    a_program_runs_and_tells_its_version("etcdctl", "version");
}

#[test]
#[ignore = "starts a fetched program"]
fn initdb_runs() {
    a_program_runs_and_tells_its_version("initdb", "--version");
}

#[test]
#[ignore = "starts a fetched program"]
fn postgres_runs() {
    a_program_runs_and_tells_its_version("postgres", "--version");
}
