//! What an `[[alert]]` means, what is wrong with it, and that nothing in it is shown that is secret.

use super::super::tests::Place;
use super::*;

fn alerts(text: &str) -> Vec<Arc<Sender>> {
    Place::new(text).load().alerts
}

fn complaints(text: &str) -> String {
    Place::new(text).complaints().join("\n")
}

/// A host that can be spoken to without certificates, which this machine may lack.
const WEBHOOK: &str = "[[alert]]\nkind = 'webhook'\nurl = 'http://localhost:9/hooks/hunter22'\n";

#[test]
fn an_alert_hears_of_everything_unless_it_is_told_otherwise() {
    let [alert] = alerts(WEBHOOK).try_into().unwrap();
    assert_eq!((alert.name.as_str(), alert.channel.place()), ("alert", "http://localhost:9".to_owned()));
    assert_eq!(alert.rules.route, Route::default());
    assert_eq!(alert.rules.reminder, Some(REMINDER));
    assert_eq!((alert.rules.endings, alert.rules.patience), (Endings::Told, Duration::from_hours(1)));
    assert!(alerts("").is_empty());
}

#[test]
fn an_alert_is_about_what_it_says() {
    let text = format!(
        "{WEBHOOK}events = ['wal.damage', 'journal']\ntargets = ['db-*']\nseverity = 'critical'\n\
         reminder = '0s'\nresolved = false\nname = 'night'\nsource = 'here'\n"
    );
    let [alert] = alerts(&text).try_into().unwrap();
    let route = &alert.rules.route;
    assert_eq!(route.topics, [Topic::Damage, Topic::Journal]);
    assert_eq!((route.least, route.targets.len()), (Severity::Critical, 1));
    assert_eq!((alert.rules.reminder, alert.rules.endings), (None, Endings::Silent));
    assert_eq!(alert.paper.source, "here");
}

#[test]
fn an_alertmanager_is_told_each_minute_and_a_mail_needs_no_more_than_a_relay_on_this_machine() {
    let text = "[[alert]]\nname = 'am'\nkind = 'alertmanager'\nurl = 'http://localhost:9093'\n\
                [[alert]]\nname = 'mail'\nkind = 'email'\nsmtp = 'localhost:25'\ntls = 'none'\n\
                from = 'Seawall <seawall@example.com>'\nto = ['a@example.com', 'B <b@example.com>']\n";
    let [am, mail] = alerts(text).try_into().unwrap();
    assert_eq!(am.rules.reminder, Some(Duration::from_mins(1)));
    assert_eq!(mail.channel.place(), "a@example.com, b@example.com through localhost:25");
}

#[test]
fn slack_by_the_environment_alone_is_an_alert() {
    let url = "http://localhost:9/services/T0/B0/hunter22";
    let config = Place::new("").with("SLACK_WEBHOOK_URL", url).load();
    let [slack] = config.alerts.try_into().unwrap();
    assert_eq!((slack.name.as_str(), slack.channel.kind()), ("slack", "slack"));
    // One in the file is the whole truth.
    let config = Place::new(WEBHOOK).with("SLACK_WEBHOOK_URL", url).load();
    assert_eq!(config.alerts.len(), 1);
    assert_eq!(config.alerts[0].channel.kind(), "webhook");
}

#[test]
fn what_is_wrong_is_told_with_its_key_and_without_what_is_secret() {
    let email = "[[alert]]\nkind = 'email'\n";
    for (text, expected) in [
        ("[[alert]]\n", "alert.kind: it has to be set"),
        ("[[alert]]\nkind = 'sms'\n", "has to be one of"),
        ("[[alert]]\nkind = 'slack'\n", "alert.url: it has to be set"),
        ("[[alert]]\nkind = 'slack'\nurl = 'hunter22'\n", "alert.url: it is no address"),
        ("[[alert]]\nkind = 'slack'\nurl = 'http://a:hunter22@b/'\n", "user or a password"),
        (&format!("{email}from = 'a@b'\nto = ['a@b']\n"), "alert.smtp: it has to be set"),
        (&format!("{email}smtp = 'a'\nfrom = 'a'\nto = ['a@b']\n"), "no address of mail"),
        (
            &format!(
                "{email}smtp = 'a'\ntls = 'none'\nuser = 'x'\npassword = 'hunter22'\nfrom = 'a@b'\nto = ['a@b']\n"
            ),
            "where others can read it",
        ),
        (&format!("{WEBHOOK}events = ['wal.death']\n"), "is none of wal.health"),
        (&format!("{WEBHOOK}smtp = 'a'\n"), "alert.smtp: it says nothing for the kind webhook"),
        (&format!("{WEBHOOK}text = '{{who}}'\n"), "nothing goes into {who}"),
        (&format!("{WEBHOOK}retry_for = '0s'\n"), "alert.retry_for"),
        (&format!("{WEBHOOK}{WEBHOOK}"), "two alerts have this name"),
        (&format!("{WEBHOOK}token = \"hunter22\\u0001x\"\n"), "visible ASCII"),
        (
            "[[alert]]\nkind = 'pagerduty'\nurl = 'http://localhost:9'\n",
            "alert.routing_key: it has to be set",
        ),
        (
            "[[alert]]\nkind = 'alertmanager'\nurl = 'http://localhost:9'\nreminder = '0s'\n",
            "forgets what is not told again",
        ),
    ] {
        let said = complaints(text);
        assert!(said.contains(expected), "{text}\n{said}");
        assert!(!said.contains("hunter22"), "{said}");
    }
}

#[test]
fn no_secret_is_in_what_is_shown_of_a_configuration() {
    let text = format!("{WEBHOOK}secret = 'hunter22'\ntoken = 'hunter22'\n");
    let config = Place::new(&text).load();
    let shown = format!("{:?}", config.alerts);
    assert!(shown.contains("webhook") && !shown.contains("hunter22"), "{shown}");
}
