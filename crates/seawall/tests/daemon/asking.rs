//! Servers that are asked: behind TLS and a login, and over a log that they cannot see the trouble of.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{need_peer, wait_for};

use super::running::{Daemon, House, PATIENCE};
use super::watch::health;

/// A server that is killed when this goes away.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// `open sesame`, as Prometheus wants to have it.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

/// A Prometheus on `data` that speaks TLS alone, to one user alone.
fn behind_a_login(house: &House, port: u16) -> Option<Served> {
    let peer = need_peer("prometheus-3.5")?;
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    house.write("certificate.pem", &made.cert.pem());
    house.write("key.pem", &made.signing_key.serialize_pem());
    house.write("prometheus.yml", "scrape_configs: []\n");
    let tls = "tls_server_config: { cert_file: certificate.pem, key_file: key.pem }";
    house.write("web.yml", &format!("{tls}\nbasic_auth_users: {{ seawall: '{HASH}' }}\n"));
    let mut command = peer.command("usr/bin/prometheus");
    command.args(["--config.file=prometheus.yml", "--web.config.file=web.yml", "--storage.tsdb.path=data"]);
    command.args(["--web.enable-lifecycle", &format!("--web.listen-address=127.0.0.1:{port}")]);
    let command = command.current_dir(house.path("")).stdout(Stdio::null()).stderr(Stdio::null());
    Some(Served(command.spawn().unwrap()))
}

/// The first of two fragments, with the checksum of the standard's check value, and zeros to the end of its page.
fn never_finished() -> Vec<u8> {
    let mut segment = [&[2, 0, 9, 0xe3, 0x06, 0x92, 0x83][..], b"123456789"].concat();
    segment.resize(32 * 1024, 0);
    segment
}

fn watched(port: u16, password: &str) -> String {
    let url = format!("https://127.0.0.1:{port}");
    format!(
        "[[watch]]\nname = 'prom'\npath = 'data'\nformat = 'prometheus'\ninterval = '1s'\nmin_free = '0%'\n\
         url = '{url}'\nurl_ca = 'certificate.pem'\nurl_user = 'seawall'\nurl_password_file = '{password}'\n\
         [watch.checkpoint]\nhttp = 'POST {url}/-/reload'\nhttp_ca = 'certificate.pem'\nhttp_user = 'seawall'\n\
         http_password_file = '{password}'\npatience = '1s'\ncooldown = '0s'\n"
    )
}

fn target(daemon: &Daemon) -> Value {
    daemon.get("/api/v1/targets/prom").json()
}

#[test]
#[ignore = "starts a real server"]
fn a_server_behind_tls_and_a_login_is_asked_and_what_it_cannot_see_keeps_its_log() {
    let house = House::new("");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fs::create_dir_all(house.path("data/wal")).unwrap();
    fs::write(house.path("data/wal/00000000"), never_finished()).unwrap();
    let Some(_server) = behind_a_login(&house, port) else { return };
    house.write("right", "open sesame\n");
    house.write("wrong", "open cinnamon\n");
    house.write("seawall.toml", &watched(port, "right"));
    let daemon = house.start();
    health(&daemon, "healthy");
    let well = target(&daemon);
    let expected = json!({"ready": true, "answers": true, "corruptions": 0, "replaying": null});
    assert_eq!(well["server"], expected, "{well}");
    let blocker = well["blockers"][0].as_str().unwrap();
    assert!(blocker.contains("wal/00000000 ends in a record that was begun"), "{well}");
    assert!(daemon.get("/metrics").body.contains("seawall_target_server_ready{target=\"prom\"} 1"));
    let asked = daemon.post("/api/v1/targets/prom/checkpoint", b"");
    assert_eq!((asked.status, asked.code().as_str()), (502, "ineffective"), "it was asked: {asked:?}");
    house.write("seawall.toml", &watched(port, "wrong"));
    daemon.signal(Signal::HUP);
    let refused = || {
        let target = target(&daemon);
        (target["reasons"].to_string().contains("401 Unauthorized") && target["server"]["ready"] == false)
            .then_some(())
    };
    wait_for(PATIENCE, refused).unwrap_or_else(|| panic!("{}", target(&daemon)));
    let asked = daemon.post("/api/v1/targets/prom/checkpoint", b"");
    assert_eq!((asked.status, asked.code().as_str()), (502, "failed"), "{asked:?}");
    let told = format!("{:?}{}{asked:?}", daemon.told(), target(&daemon));
    assert!(!told.contains("sesame") && !told.contains("cinnamon"), "{told}");
    assert_eq!(fs::read(house.path("data/wal/00000000")).unwrap(), never_finished(), "nothing was changed");
}
