//! Receivers of another hand: a mail server, and Prometheus' Alertmanager.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testkit::{MailServer, Manners, need_program, note_lack, wait_for};

use super::{PILE, pile, ran};
use crate::http::Request;
use crate::running::{House, PATIENCE};

const USER: (&str, &str) = ("seawall", "hunter22");

/// A certificate for this machine, in the house.
fn identity(house: &House) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    house.write("certificate.pem", &made.cert.pem());
    house.write("key.pem", &made.signing_key.serialize_pem());
    (house.path("certificate.pem"), house.path("key.pem"))
}

fn server(house: &House, safety: &str, login: &str) -> Option<MailServer> {
    let (certificate, key) = identity(house);
    let identity = (certificate.as_path(), key.as_path());
    MailServer::start(&Manners { safety, login, user: USER, identity })
}

fn mail(server: &MailServer, rest: &str) -> String {
    format!(
        "[[alert]]\nname = 'mail'\nkind = 'email'\nsmtp = '127.0.0.1:{}'\nca = 'certificate.pem'\n\
         from = 'W\u{e4}chter <seawall@example.com>'\nto = ['nobody@example.com', 'Ops <ops@example.com>']\n{rest}",
        server.port()
    )
}

#[test]
#[ignore = "starts a real server"]
fn a_mail_server_takes_letters_in_each_of_its_ways() {
    for (safety, login) in
        [("starttls", "PLAIN"), ("starttls", "LOGIN"), ("implicit", "PLAIN"), ("none", "none")]
    {
        let house = House::new("");
        let Some(server) = server(&house, safety, login) else { return };
        let credentials = format!("user = '{}'\npassword = '{}'\n", USER.0, USER.1);
        let credentials = if login == "none" { "" } else { &credentials };
        house.write("seawall.toml", &mail(&server, &format!("tls = '{safety}'\n{credentials}")));
        let output = ran(&house, &["alert", "test", "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{safety} {login}: {answer}");
        let expected = "250 2.0.0 taken; not taken for nobody@example.com: 550 5.1.1 nobody is called so";
        assert_eq!(answer["answer"], expected);
        let message = wait_for(PATIENCE, || server.messages().into_iter().next()).unwrap();
        assert_eq!(
            (&message["from"], &message["to"]),
            (&json!("seawall@example.com"), &json!(["ops@example.com"]))
        );
        let user = if login == "none" { Value::Null } else { json!("seawall") };
        assert_eq!(message["user"], user);
    }
}

#[test]
#[ignore = "starts a real server"]
fn a_mail_server_that_does_not_take_the_password_is_not_quoted_with_it() {
    let house = House::new("");
    let Some(server) = server(&house, "starttls", "PLAIN") else { return };
    let credentials = format!("user = 'somebody'\npassword = '{}'\n", USER.1);
    house.write("seawall.toml", &mail(&server, &credentials));
    let output = ran(&house, &["alert", "test"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text.contains("failed to log in") && text.contains("(hidden)") && !text.contains("hunter22"),
        "{text}"
    );
    // A certificate that nobody vouches for is as good as none.
    identity(&house);
    let output = ran(&house, &["alert", "test"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("failed to protect the connection"), "{text}");
}

#[test]
#[ignore = "starts a real server"]
fn whatever_a_log_is_called_a_mail_reads_as_it_was_written() {
    let house = House::new("");
    let Some(server) = server(&house, "none", "none") else { return };
    let hostile = "tls = 'none'\ntitle = \"[{state}] \u{e4}\\r\\nBcc: all@example.com {target}\"\n\
                   text = \"{message}\\n.\\n\u{20ac} =3D \\nend\"\n";
    house.write("seawall.toml", &format!("{PILE}{}", mail(&server, hostile)));
    pile(&house, 3);
    let _daemon = house.start();
    let message = wait_for(PATIENCE, || server.messages().first().cloned()).expect("a message");
    let field = |name: &str| {
        let fields = message["fields"].as_array().unwrap().iter();
        let of_name: Vec<&Value> = fields.filter(|field| field[0] == name).map(|field| &field[1]).collect();
        of_name.iter().map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(message["defects"], json!([]), "{message}");
    assert_eq!(field("Subject"), ["[firing] \u{e4}  Bcc: all@example.com pile"]);
    assert!(field("Bcc").is_empty());
    assert_eq!(field("From"), ["W\u{e4}chter <seawall@example.com>"]);
    let text = message["text"].as_str().unwrap().replace("\r\n", "\n");
    assert!(text.contains("the number of files is 3; the limit is 2\n.\n\u{20ac} =3D \nend\n"), "{text:?}");
    let raw = message["raw"].as_str().unwrap();
    assert!(raw.split("\r\n").all(|line| line.len() <= 120), "{raw}");
}

/// Letters that were taken for somebody: the state in the subject of each, and the thread that it belongs to.
fn told(server: &MailServer, to: &str) -> Vec<(String, String)> {
    let field = |message: &Value, name: &str| {
        let fields = message["fields"].as_array().unwrap().iter();
        let found =
            fields.filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap().to_owned());
        found.collect::<String>()
    };
    let of = server.messages().into_iter().filter(|message| message["to"] == json!([to]));
    of.map(|message| (field(&message, "Subject"), field(&message, "References"))).collect()
}

#[test]
#[ignore = "starts a real server"]
fn mail_brings_trouble_its_reminders_and_its_end_to_whom_it_concerns_and_to_nobody_else() {
    let house = House::new("");
    let Some(server) = server(&house, "starttls", "PLAIN") else { return };
    let alert = |name: &str, rest: &str| {
        format!(
            "[[alert]]\nname = '{name}'\nkind = 'email'\nsmtp = '127.0.0.1:{}'\nca = 'certificate.pem'\nuser = '{}'\n\
             password = '{}'\nfrom = 'seawall@example.com'\nto = ['{name}@example.com']\ntitle = '{{state}} {{severity}}'\n{rest}",
            server.port(),
            USER.0,
            USER.1
        )
    };
    let all = alert("all", "reminder = '1s'\n");
    let (worst, others) =
        (alert("worst", "severity = 'critical'\n"), alert("others", "targets = ['orders', 'prod-*']\n"));
    house.write("seawall.toml", &format!("{PILE}{all}{worst}{others}"));
    pile(&house, 3);
    let _daemon = house.start();
    let hears = |to: &str, subject: &str| {
        let heard = || told(&server, to).iter().any(|(said, _)| said == subject).then_some(());
        wait_for(PATIENCE, heard).unwrap_or_else(|| panic!("no {subject} in {:?}", server.messages()));
    };
    hears("all@example.com", "firing warning");
    hears("all@example.com", "reminder warning");
    pile(&house, 5);
    hears("worst@example.com", "firing critical");
    pile(&house, 0);
    hears("worst@example.com", "resolved critical");
    hears("all@example.com", "resolved critical");
    let letters = told(&server, "all@example.com");
    assert!(letters.iter().all(|(_, thread)| !thread.is_empty() && *thread == letters[0].1), "{letters:?}");
    let subjects: Vec<String> =
        told(&server, "worst@example.com").into_iter().map(|(said, _)| said).collect();
    assert_eq!(subjects, ["firing critical", "resolved critical"]);
    assert!(told(&server, "others@example.com").is_empty());
}

/// Debian's Alertmanager has its templates at a fixed place, so it is given its own directory in place of the machine's.
fn in_its_root(program: &Command) -> Option<Command> {
    let unshare = || Command::new("unshare").args(["-rm", "true"]).status();
    if !unshare().is_ok_and(|status| status.success()) {
        note_lack("alertmanager", "cannot be given its own directory here, which takes a namespace");
        return None;
    }
    let program = Path::new(program.get_program());
    let root = program.ancestors().nth(3)?;
    let mut command = Command::new("unshare");
    command.args([
        "-rm",
        "sh",
        "-c",
        "mount --bind \"$1/usr/share\" /usr/share && shift && exec \"$@\"",
        "sh",
    ]);
    command.arg(root).arg(program);
    Some(command)
}

/// An Alertmanager that runs. It is killed when this value goes away.
struct Alertmanager {
    child: Child,
    port: u16,
}

impl Alertmanager {
    fn start(house: &House) -> Option<Self> {
        let mut command = in_its_root(&need_program("prometheus-alertmanager")?)?;
        house.write("alertmanager.yml", "route:\n  receiver: nobody\nreceivers:\n- name: nobody\n");
        let port = testkit::chroma::free_port().unwrap();
        command.arg(format!("--config.file={}", house.path("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", house.path("alertmanager").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(house.path("log")).unwrap());
        let alertmanager = Self { child: command.spawn().unwrap(), port };
        wait_for(PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok()).expect("it listens");
        Some(alertmanager)
    }

    /// What it knows, once that is so.
    fn alerts(&self, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let ask = || {
            let answer = Request::new(([127, 0, 0, 1], self.port).into(), "GET", "/api/v2/alerts").send();
            let alerts = answer.json().as_array()?.clone();
            is_so(&alerts).then_some(alerts)
        };
        wait_for(PATIENCE, ask).expect("the Alertmanager knows")
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
#[ignore = "starts a real server"]
fn an_alertmanager_knows_an_alert_as_long_as_it_is_told_and_no_longer() {
    let house = House::new("");
    let Some(alertmanager) = Alertmanager::start(&house) else { return };
    let alert = format!(
        "[[alert]]\nkind = 'alertmanager'\nurl = 'http://127.0.0.1:{}'\nreminder = '1s'\nsource = 'here'\n",
        alertmanager.port
    );
    house.write("seawall.toml", &format!("{PILE}{alert}"));
    pile(&house, 3);
    let _daemon = house.start();
    let known = alertmanager.alerts(|alerts| alerts.len() == 1);
    let labels =
        json!({"alertname": "SeawallWalHealth", "severity": "warning", "target": "pile", "instance": "here"});
    assert_eq!(known[0]["labels"], labels);
    let (first, updated) = (known[0]["startsAt"].clone(), known[0]["updatedAt"].clone());
    // It is told again, and stays the same alert.
    let again = alertmanager.alerts(|alerts| alerts.len() == 1 && alerts[0]["updatedAt"] != updated);
    assert_eq!(again[0]["startsAt"], first);
    pile(&house, 0);
    alertmanager.alerts(<[Value]>::is_empty);
    assert_eq!(ran(&house, &["alert", "test"]).status.code(), Some(0));
    alertmanager.alerts(|alerts| alerts.iter().any(|alert| alert["labels"]["alertname"] == "SeawallTest"));
}
