//! What the unchanged client sees while servers are gone, and what both servers have when they are back.

use serde_json::{Value, json};

use crate::house::House;

const FILL: &str = "
def fill(name, *ids):
    collection = seen.get_or_create_collection(name)
    collection.add(ids=list(ids), embeddings=[[1.0, 1.0] for id in ids], documents=['of ' + id for id in ids])
";

fn record(id: &str) -> Value {
    json!([format!("of {id}"), null, [1.0, 1.0]])
}

#[test]
#[ignore = "starts a real server"]
fn what_is_written_while_a_server_is_gone_is_on_both_when_it_is_back() {
    let Some(mut house) = House::open() else { return };
    house.run(FILL);
    house.run("fill('always', 'a')");
    house.primary.kill().unwrap();
    house.run("fill('always', 'b'); fill('without-primary', 'c')");
    assert_eq!(house.run("seen.get_collection('without-primary').get()['documents']"), json!(["of c"]));
    assert_eq!(house.run("seen.get_collection('always').count()"), 2);
    house.primary.start().unwrap();
    house.replica.kill().unwrap();
    house.run("fill('always', 'd'); fill('without-replica', 'e')");
    house.primary.kill().unwrap();
    house.run("fill('always', 'f'); fill('without-any', 'g'); fill('without-any', 'h')");
    house.run(
        "seen.get_collection('without-any').upsert(ids=['h'], embeddings=[[1.0, 1.0]], documents=['of h'])",
    );
    house.run(
        "
import httpx
here = f'http://127.0.0.1:{proxy}'
by_hand = httpx.post(here + '/api/v2/collections', json={'name': 'by-hand'})
where = here + by_hand.headers['location']
assert by_hand.status_code == 202 and httpx.get(where).json()['state'] == 'queued'
",
    );
    house.replica.start().unwrap();
    house.primary.start().unwrap();
    let books = json!({
        "always": {"metadata": null, "records": {"a": record("a"), "b": record("b"), "d": record("d"), "f": record("f")}},
        "by-hand": {"metadata": null, "records": {}},
        "without-primary": {"metadata": null, "records": {"c": record("c")}},
        "without-replica": {"metadata": null, "records": {"e": record("e")}},
        "without-any": {"metadata": null, "records": {"g": record("g"), "h": record("h")}},
    });
    house.expect(&books);
    assert_eq!(house.run("httpx.get(where).json()['state']"), "applied");
}
