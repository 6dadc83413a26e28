//! Telling of trouble: what receivers get from the daemon, and what becomes of it when they do not take it.

mod peers;
pub(crate) mod receiver;
mod shipping;

use std::fs;
use std::process::Output;

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{need_program, wait_for};

use super::running::{House, PATIENCE};
use receiver::{Post, Receiver};

/// A pile of files: more than two are worth attention, more than four are dangerous.
const PILE: &str = "[[watch]]\nname = 'pile'\npath = 'pile'\nformat = 'directory'\ninterval = '1s'\n\
    max_files = 2\nmin_free = '0%'\n";

fn pile(house: &House, files: u32) {
    fs::remove_dir_all(house.path("pile")).ok();
    fs::create_dir_all(house.path("pile")).unwrap();
    (0..files).for_each(|number| fs::write(house.path(&format!("pile/{number}")), "x").unwrap());
}

fn words(posts: &[Post]) -> Vec<(String, String)> {
    let word = |post: &Post, name: &str| post.body[name].as_str().unwrap_or_default().to_owned();
    posts.iter().map(|post| (word(post, "state"), word(post, "severity"))).collect()
}

fn pair(state: &str, severity: &str) -> (String, String) {
    (state.to_owned(), severity.to_owned())
}

fn ran(house: &House, args: &[&str]) -> Output {
    house.seawall(args).output().unwrap()
}

#[test]
fn each_change_is_told_once_and_is_signed() {
    let receiver = Receiver::willing();
    let alert =
        format!("[[alert]]\nkind = 'webhook'\nurl = '{}'\nsecret = 'hunter22'\n", receiver.url("/hook"));
    let house = House::new(&format!("{PILE}{alert}"));
    pile(&house, 3);
    let daemon = house.start();
    receiver.wait(1);
    pile(&house, 5);
    receiver.wait(2);
    pile(&house, 0);
    receiver.wait(3);
    assert_eq!(daemon.stop().code(), Some(0));
    let posts = receiver.posts();
    let expected = [pair("firing", "warning"), pair("firing", "critical"), pair("resolved", "critical")];
    assert_eq!(words(&posts), expected);
    let first = &posts[0];
    assert_eq!((first.path.as_str(), &first.body["target"]), ("/hook", &json!("pile")));
    assert_eq!(first.body["event"], "wal.health");
    assert_eq!(first.body["alert"], posts[2].body["alert"], "they are about the same trouble");
    assert!(first.body["message"].as_str().unwrap().contains("the number of files is 3; the limit is 2"));
    signatures_hold(&posts);
}

/// What the guide tells receivers to do finds each of them genuine, and none that was changed.
fn signatures_hold(posts: &[Post]) {
    const GUIDE: &str = include_str!("../../../../../docs/guides/alerts.md");
    const CHECK: &str = "import sys\n\
        headers = {'X-Seawall-Timestamp': sys.argv[1], 'X-Seawall-Signature': sys.argv[2]}\n\
        print(*(is_genuine(b'hunter22', headers, body.encode()) for body in (sys.argv[3], sys.argv[3] + ' ')))";
    let (_, code) = GUIDE.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    for post in posts {
        let Some(mut python) = need_program("python3") else { return };
        let headers = ["x-seawall-timestamp", "x-seawall-signature"].map(|name| post.headers[name].as_str());
        let output =
            python.arg("-c").arg(format!("{code}{CHECK}")).args(headers).arg(&post.raw).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "True False\n");
    }
}

#[test]
fn a_receiver_that_is_down_for_a_while_gets_the_same_letter_once_it_is_there() {
    let port = testkit::chroma::free_port().unwrap();
    let alert = format!("[[alert]]\nname = 'night'\nkind = 'webhook'\nurl = 'http://127.0.0.1:{port}'\n");
    let house = House::new(&format!("{PILE}{alert}"));
    pile(&house, 3);
    let daemon = house.start();
    daemon.line("an alert could not be told, and is tried again");
    let receiver = Receiver::on(port, |before, _| match before {
        0 => (429, "Retry-After: 1\r\n\r\nslow down".to_owned()),
        1 => (503, "\r\n".to_owned()),
        _ => (204, "\r\n".to_owned()),
    });
    let told = daemon.line("an alert was told");
    assert_eq!(
        (&told["alert"], &told["target"], &told["state"]),
        (&json!("night"), &json!("pile"), &json!("firing"))
    );
    let posts = receiver.posts();
    let ids: Vec<&str> = posts.iter().map(|post| post.headers["idempotency-key"].as_str()).collect();
    assert_eq!((ids.len(), ids[0]), (3, ids[2]));
    let figures = daemon.get("/metrics").body;
    for figure in ["sent_total", "firing"] {
        let line = format!("seawall_alerts_{figure}{{alert=\"night\",kind=\"webhook\"}} 1\n");
        assert!(figures.contains(&line), "{line}{figures}");
    }
}

#[test]
fn who_comes_with_a_reload_hears_of_what_is_so_and_who_stays_hears_nothing_twice() {
    let (old, new) = (Receiver::willing(), Receiver::willing());
    let alert = |name: &str, receiver: &Receiver| {
        format!("[[alert]]\nname = '{name}'\nkind = 'webhook'\nurl = '{}'\n", receiver.url("/"))
    };
    let house = House::new(&format!("{PILE}{}", alert("old", &old)));
    pile(&house, 3);
    let daemon = house.start();
    old.wait(1);
    house.write("seawall.toml", &format!("{PILE}{}{}", alert("new", &new), alert("old", &old)));
    daemon.signal(Signal::HUP);
    assert_eq!(words(&new.wait(1)), [pair("firing", "warning")]);
    pile(&house, 0);
    assert_eq!(words(&new.wait(2))[1], pair("resolved", "warning"));
    assert_eq!(words(&old.wait(2)), [pair("firing", "warning"), pair("resolved", "warning")]);
    // A log that nobody watches any more has no trouble any more.
    pile(&house, 3);
    old.wait(3);
    house.write("seawall.toml", &alert("old", &old));
    daemon.signal(Signal::HUP);
    assert_eq!(words(&old.wait(4))[3], pair("resolved", "warning"));
}

/// Slack's rules for what it takes.
fn slack(_: usize, post: &Post) -> (u16, String) {
    let is_text = post.body["text"].as_str().is_some_and(|text| !text.is_empty() && text.len() <= 40_000);
    let attachments = post.body["attachments"].as_array();
    let is_well = is_text
        && post.headers.get("content-type").is_some_and(|kind| kind == "application/json")
        && attachments
            .is_some_and(|all| all.len() <= 100 && all.iter().all(|one| one["fallback"].is_string()));
    if is_well { (200, "\r\nok".to_owned()) } else { (400, "\r\ninvalid_payload".to_owned()) }
}

/// `PagerDuty`'s rules for what it takes.
fn pagerduty(_: usize, post: &Post) -> (u16, String) {
    let text =
        |value: &Value, most: usize| value.as_str().is_some_and(|text| (1..=most).contains(&text.len()));
    let body = &post.body;
    let payload = &body["payload"];
    let severities = ["critical", "error", "warning", "info"];
    let is_event = match body["event_action"].as_str() {
        Some("trigger") => {
            text(&payload["summary"], 1_024)
                && text(&payload["source"], 255)
                && payload["severity"].as_str().is_some_and(|severity| severities.contains(&severity))
        }
        Some("resolve" | "acknowledge") => true,
        _ => false,
    };
    let is_well = is_event && body["routing_key"].as_str().is_some_and(|key| key.len() == 32);
    if is_well && text(&body["dedup_key"], 255) {
        return (202, "\r\n{\"status\":\"success\",\"message\":\"Event processed\"}".to_owned());
    }
    (400, "\r\n{\"status\":\"invalid event\",\"errors\":[]}".to_owned())
}

#[test]
fn a_test_goes_through_each_alert_and_says_what_was_answered() {
    let (chat, pager) = (Receiver::start(slack), Receiver::start(pagerduty));
    let house = House::new(&format!(
        "[[alert]]\nname = 'chat'\nkind = 'slack'\nurl = '{}'\n\
         [[alert]]\nname = 'pager'\nkind = 'pagerduty'\nurl = '{}'\nrouting_key = '{}'\n\
         [[alert]]\nname = 'gone'\nkind = 'webhook'\nurl = 'http://127.0.0.1:1/x'\n",
        chat.url("/services/T0/B0/x"),
        pager.url("/v2/enqueue"),
        "r".repeat(32),
    ));
    let output = ran(&house, &["alert", "test", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcome =
        |at: usize| (lines[at]["name"].as_str().unwrap(), lines[at]["delivered"].as_bool().unwrap());
    assert_eq!([outcome(0), outcome(1), outcome(2)], [("chat", true), ("pager", true), ("gone", false)]);
    assert!(lines[1]["answer"].as_str().unwrap().contains("Event processed"));
    let actions: Vec<Value> = pager.posts().iter().map(|post| post.body["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "the incident is closed at once");
    assert_eq!(ran(&house, &["alert", "test", "chat"]).status.code(), Some(0));
    assert_eq!(chat.posts().len(), 2);
    assert_eq!(ran(&house, &["alert", "test", "nobody"]).status.code(), Some(64));
}

#[test]
fn a_primary_that_is_gone_is_told_to_slack_by_the_environment_alone() {
    let chat = Receiver::start(slack);
    let gone = testkit::chroma::free_port().unwrap();
    let house = House::new("")
        .with("PRIMARY_URL", &format!("http://127.0.0.1:{gone}"))
        .with("SEAWALL_PROXY_LISTEN", "127.0.0.1:0")
        .with("SLACK_WEBHOOK_URL", &chat.url("/services/T0/B0/x"));
    let _daemon = house.start();
    let text = chat.wait(1)[0].body["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "*[firing] critical: proxy/primary proxy.upstream*");
}

#[test]
fn nothing_that_is_secret_is_told_whatever_a_receiver_repeats() {
    let parrot = |status: u16| {
        Receiver::start(move |_, post| (status, format!("\r\n{} {:?} {}", post.path, post.headers, post.raw)))
    };
    let (hook, chat, pager) = (parrot(401), parrot(404), parrot(400));
    let house = House::new(&format!(
        "{PILE}[[alert]]\nname = 'hook'\nkind = 'webhook'\nurl = '{}'\nsecret = 'secret-one'\ntoken = 'secret-two'\n\
         [[alert]]\nname = 'chat'\nkind = 'slack'\nurl_file = 'url'\n\
         [[alert]]\nname = 'pager'\nkind = 'pagerduty'\nurl = '{}'\nrouting_key = 'secret-four'\n\
         [[alert]]\nname = 'mail'\nkind = 'email'\nsmtp = '127.0.0.1:1'\nuser = 'me'\npassword = 'secret-five'\n\
         from = 'a@b'\nto = ['a@b']\nca = 'ca.pem'\n",
        hook.url("/hooks/secret-six?key=secret-seven"),
        pager.url("/v2/secret-eight"),
    ));
    let certificate = rcgen::generate_simple_self_signed(vec!["relay".to_owned()]).unwrap();
    house.write("ca.pem", &certificate.cert.pem());
    house.write("url", &chat.url("/services/secret-three"));
    pile(&house, 3);
    let daemon = house.start();
    let attempts = || {
        let lines = daemon.told();
        let of = |alert: &str| lines.iter().any(|line| line["alert"] == alert && line["reason"].is_string());
        ["hook", "chat", "pager", "mail"].into_iter().all(of).then_some(lines)
    };
    let mut told = format!("{:?}", wait_for(PATIENCE, attempts).expect("each is tried"));
    told.push_str(&daemon.get("/metrics").body);
    for args in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check"],
        &["alert", "list"],
        &["alert", "list", "--json"],
        &["alert", "test"],
        &["alert", "test", "--json", "-v"],
    ] {
        let output = ran(&house, args);
        told.push_str(&String::from_utf8_lossy(&output.stdout));
        told.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    house.write("seawall.toml", "[[alert]]\nkind = 'slack'\nurl = 'secret-nine'\n");
    daemon.signal(Signal::HUP);
    told.push_str(&daemon.line("the new configuration is wrong").to_string());
    assert!(told.contains("(hidden)") && told.contains("127.0.0.1"), "{told}");
    assert!(!told.contains("secret-"), "{told}");
}
