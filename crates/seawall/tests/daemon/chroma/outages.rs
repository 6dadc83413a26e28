//! What the unchanged client sees while servers are gone, and the daemon with them.

use serde_json::{Value, json};
use testkit::chroma::Chroma;

use super::house::Library;

const FILL: &str = "
seen = client(proxy)
def fill(name, *ids):
    collection = seen.get_or_create_collection(name)
    collection.add(ids=list(ids), embeddings=[[1.0, 1.0] for id in ids], documents=['of ' + id for id in ids])
";

fn book(ids: &[&str]) -> Value {
    let record = |id: &&str| ((*id).to_owned(), json!([format!("of {id}"), null, [1.0, 1.0]]));
    json!({"metadata": null, "records": ids.iter().map(record).collect::<serde_json::Map<_, _>>()})
}

#[test]
#[ignore = "starts a real server"]
fn two_variables_keep_chroma_writable_through_outages_and_a_kill_of_the_daemon() {
    let Some(chroma) = Chroma::need() else { return };
    let mut library = Library::open(&chroma, &[]);
    library.run(FILL);
    library.run("fill('always', 'a')");
    library.primary.kill().unwrap();
    library.run("fill('always', 'b'); fill('without-primary', 'c')");
    assert_eq!(library.run("seen.get_collection('without-primary').get()['documents']"), json!(["of c"]));
    library.replica.kill().unwrap();
    library.run("fill('always', 'd'); fill('without-any', 'e')");
    // More bytes than what a service of another kind would be sent at once.
    library.run("big = seen.create_collection('big'); many = [str(number) for number in range(1000)]");
    library.run("big.add(ids=many, embeddings=[[1.0] * 1536 for id in many])");
    library.kill();
    library.start();
    library.run("seen = client(proxy); fill('without-any', 'f')");
    library.replica.start().unwrap();
    library.primary.start().unwrap();
    for server in ["primary", "replica"] {
        library.eventually(&format!("client({server}).get_collection('big').count() == 1000"));
    }
    library.run("client(proxy).delete_collection('big')");
    library.expect(&json!({
        "always": book(&["a", "b", "d"]),
        "without-primary": book(&["c"]),
        "without-any": book(&["e", "f"]),
    }));
    assert!(library.daemon.take().unwrap().stop().success());
}
