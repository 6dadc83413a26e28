//! The routes that the proxy answers by itself.

use serde_json::{Value, json};

use crate::house::{House, eventually};

const TOKEN: [(&str, &str); 1] = [("authorization", "Bearer open sesame")];

/// A proxy with two dead servers, and the ids of writes that it has queued.
fn queued(bodies: &[&str]) -> (House, Vec<String>) {
    let mut house = House::with(2);
    house.servers[0].go();
    house.servers[1].go();
    let id = |body: &&str| {
        let answer = house.ask_with(("POST", "/a?q=1"), &[("x-mine", "yes")], body);
        assert_eq!(answer.status, 202);
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let ids = bodies.iter().map(id).collect();
    (house, ids)
}

fn get(house: &House, target: &str) -> Value {
    house.ask_with(("GET", target), &TOKEN, "").json()
}

#[test]
fn the_status_has_the_shape_that_scripts_know() {
    let house = House::with(2);
    house.ask("POST", "/a", "one");
    eventually("both servers were checked", || {
        let status = house.ask("GET", "/status", "").json();
        status["instances"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["last_health_check"] == "2023-11-14T22:13:20Z")
    });
    let status = house.ask("GET", "/status", "").json();
    assert!(status["service"].as_str().unwrap().contains("Write-Ahead Log"));
    assert_eq!((&status["healthy_instances"], &status["total_instances"]), (&json!(2), &json!(2)));
    assert_eq!((&status["read_replica_ratio"], &status["consistency_window"]), (&json!(0.8), &json!(30)));
    let log = &status["write_ahead_log"];
    assert_eq!(log["pending_writes"], 0);
    assert_eq!(
        (&log["is_replaying"], &log["oldest_pending"], &log["oldest_pending_seconds"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert_eq!((&log["total_replayed"], &log["failed_replays"]), (&json!(0), &json!(0)));
    assert_eq!(status["instances"][0]["name"], "primary");
    assert_eq!(status["instances"][0]["success_rate"], "100.0%");
    for field in ["total_requests", "successful_requests", "failed_requests", "consistency_overrides"] {
        assert!(status["stats"][field].is_u64(), "{field}");
    }
}

#[test]
fn what_is_pending_shows_everywhere_and_is_gone_when_it_is_applied() {
    let (mut house, ids) = queued(&["one", "two"]);
    eventually("both count as gone", || house.ask("GET", "/status", "").json()["healthy_instances"] == 0);
    let status = house.ask("GET", "/status", "").json();
    assert_eq!(status["write_ahead_log"]["pending_writes"], 2);
    assert_eq!(status["write_ahead_log"]["oldest_pending"], "2023-11-14T22:13:20Z");
    assert_eq!(status["write_ahead_log"]["oldest_pending_seconds"], 0.0);
    let health = house.ask("GET", "/health", "");
    assert_eq!(
        (health.status, &health.json()["status"]),
        (200, &json!("degraded")),
        "writes are still taken"
    );
    let wal = house.ask("GET", "/wal/status", "").json();
    assert_eq!(
        (&wal["upstreams"][1]["pending_writes"], &wal["journal"]["health"]),
        (&json!(2), &json!("well"))
    );
    let metrics = house.ask("GET", "/metrics", "").text();
    assert!(
        metrics.contains("seawall_proxy_pending_writes{proxy=\"shop\",upstream=\"primary\"} 2\n"),
        "{metrics}"
    );
    assert!(metrics.contains("seawall_proxy_upstream_up{proxy=\"shop\",upstream=\"replica\"} 0\n"));
    let write = house.ask("GET", &format!("/seawall/writes/{}", ids[0]), "").json();
    assert_eq!(write["upstreams"][1]["name"], "replica");

    house.servers[0].come();
    house.servers[1].come();
    eventually("it is applied", || {
        let write = house.ask("GET", &format!("/seawall/writes/{}", ids[1]), "").json();
        write["state"] == "applied" && write["upstreams"][1]["state"] == "applied"
    });
    let status = house.ask("GET", "/status", "").json();
    assert_eq!(status["write_ahead_log"]["pending_writes"], 0);
    assert_eq!(status["write_ahead_log"]["total_replayed"], 2);
    assert_eq!(house.ask("GET", "/health", "").json()["status"], "healthy");
}

#[test]
fn pending_writes_are_listed_shown_and_exported_to_who_has_the_token() {
    let (house, ids) = queued(&["one", "two"]);
    for target in ["/seawall/writes", "/seawall/export", &format!("/seawall/writes/{}/content", ids[0])] {
        for wrong in ["Bearer open sesam", "Bearer open sesame!", "Basic open sesame", ""] {
            let answer = house.ask_with(("GET", target), &[("authorization", wrong)], "");
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("unauthorized")));
        }
    }
    let list = get(&house, "/seawall/writes?upstream=replica&limit=1");
    assert_eq!(list["writes"].as_array().unwrap().len(), 1);
    let first = &list["writes"][0];
    assert_eq!(
        (&first["id"], &first["state"], &first["target"]),
        (&json!(ids[0]), &json!("queued"), &json!("/a?q=1"))
    );
    let content = get(&house, &format!("/seawall/writes/{}/content", ids[1]));
    assert_eq!((&content["body"], &content["method"]), (&json!("two"), &json!("POST")));
    assert!(content["headers"].as_array().unwrap().contains(&json!(["x-mine", "yes"])));
    let export = house.ask_with(("GET", "/seawall/export"), &TOKEN, "").text();
    assert_eq!(export.lines().count(), 4, "two writes for two servers");
    for (target, code) in [("/seawall/writes?limit=x", "bad-query"), ("/seawall/x", "not-found")] {
        assert_eq!(get(&house, target)["error"]["code"], code);
    }
}

#[test]
fn a_pending_write_that_is_given_up_reaches_nobody_and_stays_given_up() {
    let (mut house, ids) = queued(&["one", "two", "three"]);
    let drop = format!("/seawall/writes/{}", ids[1]);
    assert_eq!(house.ask("DELETE", &drop, "").status, 401);
    let dropped = house.ask_with(("DELETE", &drop), &TOKEN, "");
    assert_eq!(dropped.json()["dropped"], json!(["primary", "replica"]));
    house.stop();
    house.start();
    house.servers[0].come();
    house.servers[1].come();
    house.expect_bodies(0, &["one", "three"]);
    house.expect_bodies(1, &["one", "three"]);
    assert_eq!(get(&house, &drop)["state"], "dropped");
    assert_eq!(house.ask_with(("DELETE", &drop), &TOKEN, "").status, 409);
}

#[test]
fn a_write_of_another_journal_or_of_none_is_unknown() {
    let (house, ids) = queued(&["one"]);
    let (mark, rest) = ids[0].split_once('-').unwrap();
    let (lane, _) = rest.split_once('-').unwrap();
    for id in
        [format!("00000000-{rest}"), format!("{mark}-{lane}-9"), format!("{mark}-{lane}-0"), "x".to_owned()]
    {
        let answer = house.ask("GET", &format!("/seawall/writes/{id}"), "");
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("unknown-write")), "{id}");
    }
}

#[test]
fn without_a_token_the_routes_that_need_one_are_closed() {
    let house = House::built(1, |settings| settings.token = None);
    for headers in [&[][..], &TOKEN, &[("authorization", "Bearer ")]] {
        let answer = house.ask_with(("GET", "/seawall/writes"), headers, "");
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &json!("no-token")));
    }
}
