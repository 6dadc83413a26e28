//! Paths that servers of today refuse are taken, and mean what they meant.

use serde_json::json;

use crate::house::House;

#[test]
#[ignore = "starts a real server"]
fn the_first_api_and_the_short_paths_work_on_the_default_database() {
    let Some(mut house) = House::open() else { return };
    let told = house.run(
        "
import httpx
def ask(method, path, body=None):
    answer = httpx.request(method, f'http://127.0.0.1:{proxy}' + path, json=body)
    assert answer.is_success, (method, path, answer.status_code, answer.text)
    return answer.json()
one = ask('POST', '/api/v1/collections?tenant=default_tenant&database=default_database', {'name': 'one', 'metadata': {'k': 1}})
two = ask('POST', '/api/v2/collections', {'name': 'two'})
for version, collection in ('v1', one), ('v2', two):
    path = f'/api/{version}/collections/' + collection['id']
    ask('POST', path + '/add', {'ids': ['a', 'b'], 'embeddings': [[1.0], [2.0]], 'documents': ['x', 'y']})
    ask('POST', path + '/delete', {'ids': ['b']})
    assert ask('POST', path + '/query', {'query_embeddings': [[1.0]], 'n_results': 1})['ids'] == [['a']]
    assert ask('POST', path + '/get', {})['documents'] == ['x'] and ask('GET', path + '/count') == 1
    ask('PUT', path, {'new_metadata': {'k': 2}})
ask('POST', '/api/v1/collections', {'name': 'three'})
ask('DELETE', '/api/v1/collections/three')
assert ask('GET', '/api/v1/count_collections') == 2 and ask('GET', '/api/v2/collections_count') == 2
assert ask('GET', '/api/v1/collections/one')['id'] == one['id']
assert ask('GET', '/api/v1/tenants/default_tenant')['name'] == 'default_tenant'
assert ask('GET', '/api/v1/databases/default_database')['tenant'] == 'default_tenant'
assert ask('GET', '/api/v1')['nanosecond heartbeat'] > 0 and ask('GET', '/api/v1/version')
sorted(collection['name'] for collection in ask('GET', '/api/v1/collections'))
",
    );
    assert_eq!(told, json!(["one", "two"]));
    let records = json!({"a": ["x", null, [1.0]]});
    let book = json!({"metadata": {"k": 2}, "records": records});
    house.expect(&json!({"one": book, "two": book}));
    let reset = house.try_run("seen.reset()").unwrap_err();
    assert!(reset.contains("reset-refused"), "{reset}");
}
