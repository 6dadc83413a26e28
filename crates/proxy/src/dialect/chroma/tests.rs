//! The dialect by itself: what it makes of requests and answers, and what it knows then.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const HERE: &str = "/api/v2/tenants/default_tenant/databases/default_database";
const IDS: [&str; 4] = [
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "00000000-0000-4000-8000-000000000003",
    "00000000-0000-4000-8000-000000000004",
];

/// The dialect for a primary and a replica, with what it knows.
struct Desk {
    chroma: Chroma,
    known: Known,
}

fn call(method: &str, target: &str, (key, body): (&str, Value)) -> Call {
    let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_str(key).unwrap())]);
    let head = Head { method: method.parse().unwrap(), target: target.parse().unwrap(), headers };
    Call { head, body: if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) } }
}

fn here(method: &str, path: &str, key: &str, body: Value) -> Call {
    call(method, &format!("{HERE}{path}"), (key, body))
}

fn answer(status: u16, body: &Value) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) }
}

fn record(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "tenant": "default_tenant", "database": "default_database", "metadata": null})
}

fn create(name: &str, key: &str) -> Call {
    here("POST", "/collections", key, json!({"name": name}))
}

fn delete(name: &str, key: &str) -> Call {
    here("DELETE", &format!("/collections/{name}"), key, Value::Null)
}

fn rename(id: &str, name: &str, key: &str) -> Call {
    here("PUT", &format!("/collections/{id}"), key, json!({"new_name": name}))
}

fn add(id: &str) -> Call {
    here("POST", &format!("/collections/{id}/add"), "k", json!({"ids": ["1"]}))
}

impl Desk {
    fn new() -> Self {
        Self { chroma: Chroma::new(["primary", "replica"]), known: Known::default() }
    }

    /// A server answers, and the client gets this.
    fn hear(&self, call: &Call, server: &str, answer: Answer) -> Value {
        for lesson in self.chroma.learn(call, server, &answer, &self.known) {
            self.known.take_in(&lesson);
        }
        let answer = self.chroma.inbound(call, server, answer, &self.known);
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn hear_created(&self, call: &Call, server: &str, (id, name): (&str, &str)) -> String {
        self.hear(call, server, answer(200, &record(id, name)))["id"].as_str().unwrap().to_owned()
    }

    fn promise(&self, call: &Call) -> (u16, Value) {
        let promise = self.chroma.promise(call, &self.known).unwrap();
        for lesson in &promise.lessons {
            self.known.take_in(lesson);
        }
        (promise.answer.status.as_u16(), serde_json::from_slice(&promise.answer.body).unwrap())
    }

    fn sent(&self, call: &Call, server: &str) -> String {
        match self.chroma.outbound(call, server, &self.known) {
            Outbound::AsItIs => call.head.target.to_string(),
            Outbound::Rewritten(other) => other.head.target.to_string(),
            Outbound::Ask(question) => format!("ask {}", question.head.target),
            Outbound::NotYet(_) => "not yet".to_owned(),
            Outbound::Never(_) => "never".to_owned(),
        }
    }

    fn lane(&self, call: &Call) -> String {
        self.chroma.lane(call, &self.known).as_str().to_owned()
    }

    fn words(&self) -> Vec<String> {
        self.known.beginning("", usize::MAX).into_iter().map(|(key, _)| key).collect()
    }
}

#[test]
fn endpoints_say_what_reads_and_never_a_word_in_a_path() {
    let desk = Desk::new();
    let class = |method: &str, path: &str| {
        let head = here(method, path, "k", Value::Null).head;
        matches!(desk.chroma.class(&head, &desk.known), Class::Read(..))
    };
    for path in ["query", "get", "search", "count"] {
        assert!(class("POST", &format!("/collections/{}/{path}", IDS[0])), "{path}");
    }
    for path in ["add", "upsert", "update", "delete", "fork", "functions/attach", "something-new"] {
        assert!(!class("POST", &format!("/collections/{}/{path}", IDS[0])), "{path}");
    }
    assert!(
        class("GET", "/collections/update")
            && class("GET", "/collections")
            && class("GET", "/collections_count")
    );
    assert!(
        !class("POST", "/collections")
            && !class("DELETE", "/collections/query")
            && !class("PUT", "/collections/get")
    );
    assert!(!class("PURGE", "/collections/x") && class("GET", "") && class("HEAD", "/collections"));
    let refused = |call: &Call| matches!(desk.chroma.class(&call.head, &desk.known), Class::Refused(_));
    assert!(refused(&here("DELETE", "", "k", Value::Null)));
    assert!(refused(&call("POST", "/api/v2/reset", ("k", Value::Null))));
    assert!(refused(&call("POST", "/api/v1/reset", ("k", Value::Null))));
    assert!(!refused(&call("DELETE", "/api/v2/tenants/t/databases/d", ("k", Value::Null))));
}

#[test]
fn short_and_old_paths_mean_what_they_meant() {
    let desk = Desk::new();
    for (method, path, long) in [
        ("POST", "/api/v2/collections", format!("{HERE}/collections")),
        ("GET", "/api/v2/collections_count", format!("{HERE}/collections_count")),
        ("GET", "/api/v1/collections?limit=5", format!("{HERE}/collections?limit=5")),
        ("GET", "/api/v1/count_collections", format!("{HERE}/collections_count")),
        (
            "GET",
            "/api/v1/collections/b%20c?tenant=t&x=1&database=d%2Fe",
            "/api/v2/tenants/t/databases/d%2Fe/collections/b%20c?x=1".to_owned(),
        ),
        ("GET", "/api/v1", "/api/v2/heartbeat".to_owned()),
        ("GET", "/api/v1/version", "/api/v2/version".to_owned()),
        ("POST", "/api/v1/databases?tenant=t", "/api/v2/tenants/t/databases".to_owned()),
        ("GET", "/api/v1/databases/d", "/api/v2/tenants/default_tenant/databases/d".to_owned()),
        (
            "GET",
            "/api/v2/collections/t:d:books",
            "/api/v2/tenants/t/databases/d/collections/books".to_owned(),
        ),
        ("GET", "/elsewhere/api/v1/collections", "/elsewhere/api/v1/collections".to_owned()),
    ] {
        assert_eq!(desk.sent(&call(method, path, ("k", Value::Null)), "primary"), long, "{path}");
    }
    let old = call("POST", "/api/v1/collections", ("k", json!({"name": "books"})));
    assert_eq!(desk.lane(&old), desk.lane(&create("books", "k")));
}

#[test]
fn the_first_server_to_answer_gives_the_id_and_the_others_keep_their_own() {
    let desk = Desk::new();
    let books = create("books", "k1");
    assert_eq!(desk.hear_created(&books, "primary", (IDS[0], "books")), IDS[0]);
    assert_eq!(desk.hear_created(&books, "replica", (IDS[1], "books")), IDS[0]);
    assert_eq!(desk.sent(&add(IDS[0]), "primary"), format!("{HERE}/collections/{}/add", IDS[0]));
    assert_eq!(desk.sent(&add(IDS[0]), "replica"), format!("{HERE}/collections/{}/add", IDS[1]));
    let list = desk.hear(
        &here("GET", "/collections", "k", Value::Null),
        "replica",
        answer(200, &json!([record(IDS[1], "books")])),
    );
    assert_eq!(list, json!([record(IDS[0], "books")]));
    assert_eq!(desk.lane(&add(IDS[0])), desk.lane(&books));
}

#[test]
fn a_promised_collection_has_one_id_from_then_on() {
    let desk = Desk::new();
    let books = create("books", "k1");
    let (status, promised) = desk.promise(&books);
    let id = promised["id"].as_str().unwrap();
    assert_eq!((status, words::uuid(id).as_deref()), (202, Some(id)));
    assert_eq!(desk.promise(&books).1["id"], id, "however often it is asked for");
    assert_eq!(desk.promise(&create("books", "k2")).0, 409);
    let again = here("POST", "/collections", "k3", json!({"name": "books", "get_or_create": true}));
    assert_eq!(desk.promise(&again).1["id"], id);
    assert_eq!(desk.promise(&here("GET", "/collections/books", "k", Value::Null)).1, promised);
    assert_eq!(desk.hear_created(&books, "replica", (IDS[1], "books")), id);
    assert_eq!(desk.hear_created(&books, "primary", (IDS[0], "books")), id);
    assert_eq!(desk.sent(&add(id), "primary"), format!("{HERE}/collections/{}/add", IDS[0]));
}

#[test]
fn a_collection_that_is_created_anew_is_another_one_on_a_server_that_is_behind() {
    let desk = Desk::new();
    let (first, gone, second) = (create("books", "k1"), delete("books", "k2"), create("books", "k3"));
    desk.hear_created(&first, "primary", (IDS[0], "books"));
    desk.hear(&gone, "primary", answer(200, &json!({})));
    assert_eq!(desk.hear_created(&second, "primary", (IDS[1], "books")), IDS[1]);
    assert_eq!(desk.hear_created(&first, "replica", (IDS[2], "books")), IDS[0]);
    assert_eq!(desk.sent(&add(IDS[0]), "replica"), format!("{HERE}/collections/{}/add", IDS[2]));
    desk.hear(&gone, "replica", answer(200, &json!({})));
    assert_eq!(desk.promise(&here("GET", "/collections/books", "k", Value::Null)).1["id"], IDS[1]);
    assert_eq!(desk.hear_created(&second, "replica", (IDS[3], "books")), IDS[1]);
    assert_eq!(desk.sent(&add(IDS[1]), "replica"), format!("{HERE}/collections/{}/add", IDS[3]));
}

#[test]
fn what_is_deleted_everywhere_is_forgotten_but_for_the_lanes_of_names() {
    let desk = Desk::new();
    let writes = [rename(IDS[0], "maps", "k2"), rename(IDS[0], "atlas", "k3"), rename(IDS[0], "atlas", "k4")];
    for (server, id) in [("primary", IDS[0]), ("replica", IDS[1])] {
        desk.hear_created(&create("books", "k1"), server, (id, "books"));
    }
    for write in &writes {
        desk.hear(write, "primary", answer(200, &json!({})));
    }
    let gone = delete("atlas", "k5");
    desk.hear(&gone, "primary", answer(200, &json!({})));
    for write in &writes {
        desk.hear(write, "replica", answer(200, &json!({})));
    }
    desk.hear(&gone, "replica", answer(404, &json!({})));
    // A creation of one of these names may have been journaled meanwhile, in the lane of all this.
    let lanes = ["atlas", "maps"].map(|name| format!("lane/default_tenant/default_database/{name}"));
    assert_eq!(desk.words(), lanes);
}

#[test]
fn a_name_stays_in_the_lane_of_the_collection_that_was_given_it() {
    let desk = Desk::new();
    desk.hear_created(&create("old", "k1"), "primary", (IDS[0], "old"));
    let (lane, renamed) = (desk.lane(&create("old", "k")), rename(IDS[0], "new", "k2"));
    assert_ne!(desk.lane(&create("new", "k")), lane);
    assert_eq!(desk.lane(&renamed), lane);
    desk.hear(&renamed, "primary", answer(200, &json!({})));
    for after in [add(IDS[0]), delete("new", "k"), create("new", "k"), create("old", "k")] {
        assert_eq!(desk.lane(&after), lane);
    }
    assert_eq!(desk.promise(&here("GET", "/collections/new", "k", Value::Null)).1["id"], IDS[0]);
    assert!(desk.chroma.promise(&here("GET", "/collections/old", "k", Value::Null), &desk.known).is_none());
}

#[test]
fn a_new_name_waits_until_the_server_has_it_free() {
    let desk = Desk::new();
    for (name, key, id, other) in [("one", "k1", IDS[0], IDS[2]), ("two", "k2", IDS[1], IDS[3])] {
        desk.hear_created(&create(name, key), "primary", (id, name));
        desk.hear_created(&create(name, key), "replica", (other, name));
    }
    let (gone, renamed) = (delete("two", "k3"), rename(IDS[0], "two", "k4"));
    desk.hear(&gone, "primary", answer(200, &json!({})));
    desk.hear(&renamed, "primary", answer(200, &json!({})));
    assert_eq!(desk.sent(&renamed, "replica"), "not yet");
    desk.hear(&gone, "replica", answer(200, &json!({})));
    assert_eq!(desk.sent(&renamed, "replica"), format!("{HERE}/collections/{}", IDS[2]));
}

#[test]
fn what_was_there_before_is_asked_for_by_its_name() {
    let desk = Desk::new();
    let read = here("GET", "/collections/books", "k", Value::Null);
    assert_eq!(desk.hear(&read, "replica", answer(200, &record(IDS[1], "books")))["id"], IDS[1]);
    assert_eq!(desk.hear(&read, "primary", answer(200, &record(IDS[0], "books")))["id"], IDS[1]);
    // Known by its id alone: first by the server that has this id, then by its name.
    assert_eq!(desk.sent(&add(IDS[2]), "primary"), format!("ask {HERE}/collections/by-id/{}", IDS[2]));
    let lane = desk.lane(&add(IDS[2]));
    let Asked::Learned(lessons) =
        desk.chroma.asked(&add(IDS[2]), "primary", &answer(200, &record(IDS[2], "maps")), &desk.known)
    else {
        panic!("it is there");
    };
    lessons.iter().for_each(|lesson| desk.known.take_in(lesson));
    assert_eq!(desk.sent(&add(IDS[2]), "replica"), format!("ask {HERE}/collections/maps"));
    assert_eq!((desk.lane(&add(IDS[2])), desk.lane(&delete("maps", "k"))), (lane.clone(), lane));
    let nothing = desk.chroma.asked(&add(IDS[2]), "replica", &answer(404, &json!({})), &desk.known);
    assert!(matches!(nothing, Asked::Instead(Outbound::Never(_))));
    // The server answers best to an id that it has never seen.
    let unknown = desk.chroma.asked(&add(IDS[3]), "primary", &answer(404, &json!({})), &desk.known);
    assert!(matches!(unknown, Asked::Instead(Outbound::AsItIs)));
}

#[test]
fn a_creation_that_is_there_and_a_deletion_that_is_gone_had_been_applied() {
    let desk = Desk::new();
    let before = |call: &Call, status| desk.chroma.had_been_applied(call, &answer(status, &json!({})));
    assert_eq!(before(&create("books", "k"), 409), Before::Applied);
    assert_eq!(before(&delete("books", "k"), 404), Before::Applied);
    for (call, status) in
        [(create("books", "k"), 400), (delete("books", "k"), 409), (add(IDS[0]), 404), (add(IDS[0]), 409)]
    {
        assert_eq!(before(&call, status), Before::No);
    }
    // Its id is asked for by its name.
    let books = create("books", "k1");
    desk.hear(&books, "primary", answer(409, &json!({})));
    let (_, promised) = desk.promise(&books);
    let id = promised["id"].as_str().unwrap();
    assert_eq!(desk.sent(&add(id), "primary"), format!("ask {HERE}/collections/books"));
    assert_eq!(desk.hear_created(&books, "replica", (IDS[1], "books")), id);
}

#[test]
fn a_database_of_its_own_is_one_lane() {
    let desk = Desk::new();
    let inside = |method: &str, path: &str, body| {
        call(method, &format!("/api/v2/tenants/t/databases{path}"), ("k", body))
    };
    let lanes = [
        inside("POST", "", json!({"name": "d"})),
        inside("DELETE", "/d", Value::Null),
        inside("POST", "/d/collections", json!({"name": "books"})),
        inside("DELETE", "/d/collections/books", Value::Null),
        inside("POST", &format!("/d/collections/{}/add", IDS[0]), json!({})),
    ];
    for other in &lanes {
        assert_eq!(desk.lane(other), "t/d");
    }
    assert_ne!(desk.lane(&create("one", "k")), desk.lane(&create("two", "k")));
}

proptest! {
    #[test]
    fn whatever_is_asked_and_answered_nothing_panics(
        method in "GET|POST|PUT|DELETE|PATCH|ODD",
        short in prop::sample::select(vec!["/api/v1", "/api/v2", HERE, "", "/api/v2/tenants"]),
        words in prop::collection::vec("collections|by-id|add|reset|[a-zA-Z0-9%:.~-]{0,40}", 0..5),
        query in "([?][a-z=&%0-9]{0,20})?",
        request in prop::collection::vec(any::<u8>(), 0..60),
        // Bits of JSON make records more often than bytes do.
        text in "[\\[{]{0,2}(\"(id|name|tenant|database)\":(\"[a-z0-9-]{0,40}\"|7|null),?){0,4}[\\]}]{0,2}",
    ) {
        let desk = Desk::new();
        let path = words.iter().fold(String::new(), |path, word| path + "/" + word);
        let Ok(target) = format!("{short}{path}{query}").parse() else { return Ok(()) };
        let head = Head { method: method.parse().unwrap(), target, headers: HeaderMap::new() };
        let asked = Call { head, body: Bytes::from(request) };
        drop(desk.chroma.class(&asked.head, &desk.known));
        drop((desk.lane(&asked), desk.sent(&asked, "primary")));
        for status in [200, 404, 409] {
            let answer = Answer { body: Bytes::from(text.clone()), ..answer(status, &Value::Null) };
            drop(desk.chroma.asked(&asked, "primary", &answer, &desk.known));
            desk.hear(&asked, "primary", answer);
            drop(desk.sent(&asked, "replica"));
        }
        drop(desk.chroma.promise(&asked, &desk.known));
    }
}
