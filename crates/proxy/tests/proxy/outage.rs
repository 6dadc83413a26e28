//! What a client sees while servers are gone, and what the servers have when they are back.

use crate::house::{House, eventually};

#[test]
fn a_replica_answers_for_a_dead_primary_which_gets_the_write_when_it_is_back() {
    let mut house = House::with(2);
    assert_eq!(house.ask("POST", "/a", "one").text(), "primary: /a one");
    house.servers[0].go();
    for body in ["two", "three"] {
        let answer = house.ask("POST", "/a", body);
        assert_eq!((answer.status, answer.text()), (200, format!("replica: /a {body}")));
    }
    house.servers[0].come();
    house.expect_bodies(0, &["one", "two", "three"]);
    house.expect_bodies(1, &["one", "two", "three"]);
    eventually("the primary answers again", || house.ask("POST", "/b", "x").text() == "primary: /b x");
}

#[test]
fn without_any_server_a_write_is_queued_and_arrives_everywhere_in_order() {
    let mut house = House::with(2);
    house.servers[0].go();
    house.servers[1].go();
    for number in 1..=50 {
        let answer = house.ask("POST", "/a", &number.to_string());
        assert_eq!(answer.status, 202);
        let told = answer.json();
        assert_eq!((told["state"].as_str(), told["lane"].as_str()), (Some("queued"), Some("/a")));
        assert_eq!(told["pending"], number);
        let id = told["id"].as_str().unwrap();
        assert_eq!(answer.header("location"), Some(format!("/seawall/writes/{id}").as_str()));
    }
    house.servers[1].come();
    house.servers[0].come();
    let all: Vec<String> = (1..=50).map(|number| number.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    house.expect_bodies(0, &all);
    house.expect_bodies(1, &all);
}

#[test]
fn what_was_queued_outlives_the_proxy() {
    let mut house = House::with(2);
    house.servers[0].go();
    house.servers[1].go();
    for body in ["one", "two"] {
        assert_eq!(house.ask("POST", "/a", body).status, 202);
    }
    house.stop();
    house.start();
    assert_eq!(house.ask("POST", "/a", "three").status, 202);
    house.servers[0].come();
    house.servers[1].come();
    house.expect_bodies(0, &["one", "two", "three"]);
    house.expect_bodies(1, &["one", "two", "three"]);
    let keys: Vec<String> = house.servers[0].seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, house.servers[1].seen().iter().map(|seen| seen.key().to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_journal_that_is_full_takes_no_writes_and_says_so_until_there_is_room() {
    let mut house = House::with(1).cramped();
    house.servers[0].go();
    let body = "x".repeat(8 << 10);
    let mut queued = 0;
    let refused = loop {
        let answer = house.ask("POST", "/a", &body);
        if answer.status != 202 {
            break answer;
        }
        queued += 1;
    };
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (507, Some("journal-full")));
    assert!(queued > 10, "{queued}");
    let health = |house: &House| {
        let answer = house.ask("GET", "/health", "");
        (answer.status, answer.json()["journal"].as_str().unwrap().to_owned())
    };
    assert_eq!(health(&house), (503, "over-budget".to_owned()));
    let too_large = house.ask("POST", "/a", &"x".repeat(20 << 10));
    assert_eq!((too_large.status, too_large.json()["error"]["code"].as_str()), (413, Some("too-large")));
    house.servers[0].come();
    eventually("there is room again, before anybody has tried", || health(&house).0 == 200);
    assert_eq!(house.ask("POST", "/a", "last").status, 200);
    let bodies = house.servers[0].bodies();
    assert_eq!(bodies.iter().filter(|one| **one == body).count(), queued, "what was refused is not there");
}

#[test]
fn what_a_server_lacks_that_is_not_configured_any_more_is_told_and_kept() {
    let mut house = House::with(2);
    house.servers[1].go();
    assert_eq!(house.ask("POST", "/a", "one").status, 200);
    house.stop();
    let replica = house.settings.upstreams.pop().unwrap();
    house.start();
    let told = house.notices.lock().unwrap().clone();
    assert!(
        told.iter().any(|notice| notice.to_string().contains("replica is not configured any more")),
        "{told:?}"
    );
    house.stop();
    house.settings.upstreams.push(replica);
    house.servers[1].come();
    house.start();
    house.expect_bodies(1, &["one"]);
}

#[test]
fn what_is_refused_when_it_is_repeated_is_put_aside_and_the_rest_goes_on() {
    let mut house = House::with(1);
    house.servers[0].go();
    for body in ["good", "bad", "better"] {
        assert_eq!(house.ask("POST", "/a", body).status, 202);
    }
    house.servers[0]
        .answer(|seen| if seen.body == "bad" { (422, "no".to_owned()) } else { (200, String::new()) });
    house.servers[0].come();
    house.expect_bodies(0, &["good", "bad", "better"]);
    eventually("it is told", || {
        house.notices.lock().unwrap().iter().any(|notice| notice.to_string().contains("422"))
    });
}

#[test]
fn a_client_that_prefers_to_wait_gets_the_answer_when_the_server_is_back() {
    let mut house = House::with(1);
    house.servers[0].go();
    assert_eq!(house.ask("POST", "/a", "one").status, 202);
    let address = house.address();
    let waiter = std::thread::spawn(move || {
        crate::client::ask_with(address, ("POST", "/a"), &[("prefer", "wait=50")], b"two")
    });
    assert_eq!(house.ask("POST", "/a", "three").status, 202);
    house.servers[0].come();
    let answer = waiter.join().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "primary: /a two"));
}

#[test]
fn a_server_keeps_its_name_and_what_it_lacks_is_not_given_to_another() {
    let mut house = House::with(3);
    house.servers[1].go();
    assert_eq!(house.ask("POST", "/a", "one").status, 200);
    house.expect_bodies(2, &["one"]);
    house.stop();
    let given = house.settings.upstreams.clone();
    let refused = |house: &mut House, servers: [usize; 2]| {
        let [first, second] = servers.map(|number| given[number].origin.clone());
        house.settings.upstreams[1].origin = first;
        house.settings.upstreams[2].origin = second;
        house.try_start().err().unwrap().to_string()
    };
    let swapped = refused(&mut house, [2, 1]);
    assert!(swapped.contains(&format!("write it as replica-2={}", given[2].origin)), "{swapped}");
    let promoted = refused(&mut house, [0, 2]);
    assert!(promoted.contains("was called primary until now"), "{promoted}");
    // In another order under their own names they are the same, and one may move.
    house.settings.upstreams = vec![given[0].clone(), given[2].clone(), given[1].clone()];
    house.servers[1].come();
    house.start();
    house.expect_bodies(1, &["one"]);
    house.expect_bodies(2, &["one"]);
}
