//! Collections have one id for clients, whatever ids the servers give them, and it stays through everything.

use serde_json::json;

use crate::house::House;

#[test]
#[ignore = "starts a real server"]
fn a_collection_keeps_the_id_that_its_client_was_given_whoever_answers() {
    let Some(mut house) = House::open() else { return };
    house.run("one = seen.create_collection('one'); one.add(ids=['a'], embeddings=[[1.0]], documents=['x'])");
    house.primary.kill().unwrap();
    house.run("two = seen.create_collection('two'); two.add(ids=['a'], embeddings=[[1.0]], documents=['x'])");
    house.replica.kill().unwrap();
    house.run("three = seen.create_collection('three', metadata={'k': 1})");
    house.run("three.add(ids=['a'], embeddings=[[1.0]], documents=['x'])");
    // A client that begins now, and asks for what was promised.
    house.run("again = client(proxy).get_or_create_collection('three'); assert again.id == three.id");
    house.run("assert again.metadata == {'k': 1}");
    let exists = house.try_run("seen.create_collection('three')").unwrap_err();
    assert!(exists.contains("already exists"), "{exists}");
    house.stop();
    house.start();
    house.run("three.add(ids=['b'], embeddings=[[2.0]], documents=['y'])");
    house.replica.start().unwrap();
    house.primary.start().unwrap();
    let one = json!({"metadata": null, "records": {"a": ["x", null, [1.0]]}});
    let three = json!({"metadata": {"k": 1}, "records": {"a": ["x", null, [1.0]], "b": ["y", null, [2.0]]}});
    house.expect(&json!({"one": one, "two": one, "three": three}));
    house.run("own = ids(primary), ids(replica)");
    for server in ["own[0]", "own[1]"] {
        house.run(&format!("assert set({server}) == {{'one', 'two', 'three'}}"));
    }
    house.run("assert not set(own[0].values()) & set(own[1].values())");
    house.run("assert own[0]['one'] == str(one.id) and own[1]['two'] == str(two.id)");
    for _ in 0..10 {
        house.run("assert ids(proxy) == {'one': str(one.id), 'two': str(two.id), 'three': str(three.id)}");
        house.run("assert three.count() == 2 and two.get(ids=['a'])['documents'] == ['x']");
    }
}

#[test]
#[ignore = "starts a real server"]
fn what_is_deleted_renamed_and_created_anew_during_an_outage_is_so_on_both() {
    let Some(mut house) = House::open() else { return };
    house.run(
        "
def make(name, text):
    collection = seen.create_collection(name)
    collection.add(ids=['a', 'b'], embeddings=[[1.0], [2.0]], documents=[text, text])
    return collection
gone, old, moved, swapped = (make(name, 'before') for name in ['gone', 'old', 'moved', 'swapped'])
",
    );
    house.primary.kill().unwrap();
    house.run("seen.delete_collection('gone'); old.delete(ids=['a']); moved.modify(name='elsewhere')");
    house.run("seen.delete_collection('swapped'); make('swapped', 'after')");
    house.replica.kill().unwrap();
    house.run("old.delete(where_document={'$contains': 'nothing'})");
    house.run("moved.modify(name='farther', metadata={'m': 1}); moved.add(ids=['c'], embeddings=[[3.0]], documents=['c'])");
    house.run("seen.create_collection('elsewhere').add(ids=['n'], embeddings=[[1.0]], documents=['new'])");
    house.replica.start().unwrap();
    house.primary.start().unwrap();
    let two = |text: &str| json!({"a": [text, null, [1.0]], "b": [text, null, [2.0]]});
    let mut farther = two("before");
    farther.as_object_mut().unwrap().insert("c".to_owned(), json!(["c", null, [3.0]]));
    house.expect(&json!({
        "old": {"metadata": null, "records": {"b": ["before", null, [2.0]]}},
        "farther": {"metadata": {"m": 1}, "records": farther},
        "elsewhere": {"metadata": null, "records": {"n": ["new", null, [1.0]]}},
        "swapped": {"metadata": null, "records": two("after")},
    }));
    let gone = house.try_run("gone.count()").unwrap_err();
    assert!(gone.contains("does not exist"), "{gone}");
    house.run("assert moved.count() == 3");
}

#[test]
#[ignore = "starts a real server"]
fn what_was_there_before_the_proxy_is_found_on_each_server_by_its_name() {
    let Some(mut house) = House::open() else { return };
    for server in ["primary", "replica"] {
        house.run(&format!(
            "client({server}).create_collection('known').add(ids=['a'], embeddings=[[1.0]], documents=['x'])"
        ));
        house.run(&format!("client({server}).create_collection('kept')"));
    }
    house.run(
        "by_name = seen.get_collection('known'); by_name.add(ids=['b'], embeddings=[[2.0]], documents=['y'])",
    );
    // An id that a client has kept from before, of the primary.
    house.run("kept = client(primary).get_collection('kept'); kept._client = seen._server");
    house.run("kept.add(ids=['k'], embeddings=[[2.0]], documents=['k'])");
    house.primary.kill().unwrap();
    house.run("by_name.add(ids=['c'], embeddings=[[3.0]], documents=['z']); kept.upsert(ids=['k'], embeddings=[[2.0]], documents=['kk'])");
    house.run("assert by_name.count() == 3 and kept.get()['documents'] == ['kk']");
    house.primary.start().unwrap();
    let known = json!({"a": ["x", null, [1.0]], "b": ["y", null, [2.0]], "c": ["z", null, [3.0]]});
    house.expect(&json!({
        "known": {"metadata": null, "records": known},
        "kept": {"metadata": null, "records": {"k": ["kk", null, [2.0]]}},
    }));
}

#[test]
#[ignore = "starts a real server"]
fn databases_of_their_own_keep_their_order_too() {
    let Some(mut house) = House::open() else { return };
    house.replica.kill().unwrap();
    house.run(
        "
import chromadb
def admin(port):
    return chromadb.AdminClient(chromadb.Settings(chroma_api_impl='chromadb.api.fastapi.FastAPI',
        chroma_server_host='127.0.0.1', chroma_server_http_port=port))
def inside(port, database):
    return chromadb.HttpClient(host='127.0.0.1', port=port, tenant='library', database=database)
admin(proxy).create_tenant('library')
for database in ['science', 'fiction']:
    admin(proxy).create_database(database, 'library')
    inside(proxy, database).create_collection('books').add(ids=['a'], embeddings=[[1.0]], documents=[database])
admin(proxy).delete_database('science', 'library')
admin(proxy).create_database('science', 'library')
inside(proxy, 'science').create_collection('papers')
",
    );
    house.replica.start().unwrap();
    for server in ["primary", "replica"] {
        house.eventually(&format!(
            "[c.name for c in inside({server}, 'science').list_collections()] == ['papers'] and \
             inside({server}, 'fiction').get_collection('books').get()['documents'] == ['fiction']"
        ));
    }
}
