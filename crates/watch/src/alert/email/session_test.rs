//! Talks with relays that do what no sound one does.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::alert::Secret;
use crate::call::Roots;

/// Certificates that vouch for a relay that there is not: a talk that needs them has to fail before.
fn roots() -> Roots {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Roots::new(made.cert.pem().into_bytes())
}

/// The same for a relay that is given the time that it takes.
fn talk(says: &'static str, safety: Safety) -> (Result<Reply, Trouble>, String) {
    talk_within(Duration::from_mins(1), says, safety)
}

/// What is sent to a relay that says this, whatever it hears, and how the talk ends.
fn talk_within(limit: Duration, says: &'static str, safety: Safety) -> (Result<Reply, Trouble>, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.ok();
            String::from_utf8_lossy(&heard).into_owned()
        });
        let login = Login { user: "seawall".to_owned(), password: Secret::new("hunter22".to_owned()) };
        let relay = Relay::new(("127.0.0.1", port), safety, Some(login), &roots()).unwrap();
        let (from, to): (Mailbox, _) = ("a@b".parse().unwrap(), ["c@d".parse().unwrap()]);
        let outcome = async {
            let mut session = Session::open(&relay, &from, limit).await?;
            session.hand_over(&from, &to, ".\r\nx\r\n").await.map(|(reply, _)| reply)
        };
        let outcome = outcome.await;
        (outcome, heard.await.unwrap())
    })
}

#[test]
fn without_starttls_nothing_is_sent_that_matters() {
    let (outcome, heard) = talk("220 hi\r\n250-hi\r\n250 AUTH PLAIN\r\n", Safety::StartTls);
    assert!(outcome.unwrap_err().to_string().contains("STARTTLS"));
    assert_eq!(heard, "EHLO b\r\n");
}

#[test]
fn what_was_said_before_the_protection_does_not_count_after_it() {
    let (outcome, heard) =
        talk("220 hi\r\n250-hi\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN\r\n", Safety::StartTls);
    assert!(outcome.unwrap_err().to_string().contains("without protection"));
    assert!(!heard.contains("AUTH"), "{heard}");
}

#[test]
fn credentials_are_not_sent_where_others_can_read_them() {
    let says = "220 hi\r\n250-hi\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n";
    let (outcome, heard) = talk(says, Safety::None);
    assert_eq!(outcome.unwrap().to_string(), "250 taken");
    assert!(!heard.contains("AUTH"), "{heard}");
    assert!(heard.ends_with("DATA\r\n..\r\nx\r\n.\r\n"), "a line that is a dot is none: {heard}");
}

#[test]
fn a_relay_that_says_no_for_good_is_believed_only_about_the_message() {
    let (outcome, _) = talk("220 hi\r\n250 hi\r\n250 ok\r\n550 nobody\r\n", Safety::None);
    assert!(outcome.unwrap_err().is_final());
    let (outcome, _) = talk("220 hi\r\n250 hi\r\n250 ok\r\n451 later\r\n", Safety::None);
    assert!(!outcome.unwrap_err().is_final());
    let (outcome, _) = talk("220 hi\r\n250 hi\r\n550 not you\r\n", Safety::None);
    assert!(!outcome.unwrap_err().is_final());
}

#[test]
fn a_relay_that_hangs_is_left() {
    let (outcome, _) = talk_within(Duration::from_millis(50), "220 hi\r\n", Safety::None);
    assert!(matches!(outcome, Err(Trouble::Wire { .. })));
}
