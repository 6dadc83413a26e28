//! What a client sees as long as all servers are there.

use crate::house::{House, eventually};

#[test]
fn a_write_gets_the_primary_s_answer_and_reaches_every_server() {
    let house = House::with(3);
    let answer = house.ask_with(("PUT", "/orders/5?x=%20y"), &[("x-mine", "1")], "five");
    assert_eq!((answer.status, answer.text().as_str()), (200, "primary: /orders/5?x=%20y five"));
    assert_eq!(answer.header("x-served"), Some("yes"));
    for server in 0..3 {
        house.expect_bodies(server, &["five"]);
    }
    let seen = house.servers[2].seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/orders/5?x=%20y"));
    assert_eq!(
        (seen.headers["x-mine"].as_str(), seen.headers["x-forwarded-for"].as_str()),
        ("1", "127.0.0.1")
    );
    assert_eq!(seen.headers["host"], house.servers[2].address.to_string());
}

#[test]
fn the_same_idempotency_key_goes_to_every_server() {
    let house = House::with(2);
    house.ask("POST", "/a", "one");
    house.ask_with(("POST", "/a"), &[("idempotency-key", "mine")], "two");
    house.expect_bodies(1, &["one", "two"]);
    let (primary, replica) = (house.servers[0].seen(), house.servers[1].seen());
    assert_eq!(primary[0].key(), replica[0].key());
    assert!(primary[0].key().starts_with("seawall-"));
    assert_eq!((primary[1].key(), replica[1].key()), ("mine", "mine"));
}

#[test]
fn what_the_primary_refuses_is_its_answer_and_reaches_no_replica() {
    let house = House::with(2);
    for status in [400, 404, 409, 429, 500] {
        house.servers[0].answer(move |_| (status, "no".to_owned()));
        let answer = house.ask("POST", "/a", "refused");
        assert_eq!((answer.status, answer.text().as_str()), (status, "no"));
    }
    house.servers[0].answer_plainly("primary");
    assert_eq!(house.ask("POST", "/a", "good").status, 200);
    house.expect_bodies(1, &["good"]);
}

#[test]
fn an_answer_without_a_body_keeps_its_length() {
    let house = House::with(1);
    let answer = house.ask("HEAD", "/a", "");
    assert_eq!(
        (answer.status, answer.header("content-length"), answer.text().as_str()),
        (200, Some("12"), "")
    );
}

#[test]
fn writes_of_a_lane_reach_every_server_in_the_same_order() {
    let house = House::with(3);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let house = &house;
            scope.spawn(move || {
                for number in 0..25 {
                    assert_eq!(house.ask("POST", "/same", &format!("{writer}/{number}")).status, 200);
                }
            });
        }
    });
    eventually("all arrive", || house.servers.iter().all(|server| server.bodies().len() == 200));
    let order = house.servers[0].bodies();
    assert_eq!(house.servers[1].bodies(), order);
    assert_eq!(house.servers[2].bodies(), order);
}
