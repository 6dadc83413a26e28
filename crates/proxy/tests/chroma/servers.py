base = f'http://127.0.0.1:{port}/api/v2'
here = base + '/tenants/default_tenant/databases/default_database'

def ask(method, path, body=None):
    answer = httpx.request(method, path, json=body)
    return answer.status_code, answer.json() if answer.text else None

def expect(status, method, path, body=None):
    got = ask(method, path, body)
    assert got[0] == status, (method, path, body, got)
    return got[1]

# A collection that exists is a conflict, unless it may; then it stays as it is.
made = expect(200, 'POST', here + '/collections', {'name': 'books', 'metadata': {'a': 1}})
expect(409, 'POST', here + '/collections', {'name': 'books'})
again = expect(200, 'POST', here + '/collections', {'name': 'books', 'metadata': {'b': 2}, 'get_or_create': True})
assert again['id'] == made['id'] and again['metadata'] == {'a': 1}, again
# The id is the server's choice, whatever is asked for.
other = expect(200, 'POST', here + '/collections', {'name': 'other', 'id': made['id']})
assert other['id'] != made['id']

# By name: to get and to delete. By id: everything else.
books = here + '/collections/' + made['id']
expect(404, 'GET', books)
expect(200, 'GET', here + '/collections/by-id/' + made['id'])
expect(400, 'POST', here + '/collections/books/get', {})

# Records that exist are not added again; the rest is done again with the same end.
add = {'ids': ['1', '2'], 'embeddings': [[1, 2], [3, 4]], 'documents': ['one', 'two'], 'metadatas': [{'k': 1}, {'k': 2}]}
expect(201, 'POST', books + '/add', add)
expect(201, 'POST', books + '/add', add | {'documents': ['other', 'other']})
upsert = {'ids': ['2', '3'], 'embeddings': [[5, 6], [7, 8]], 'documents': ['2', '3']}
for _ in range(2):
    expect(200, 'POST', books + '/upsert', upsert)
    expect(200, 'POST', books + '/update', {'ids': ['3', 'none'], 'documents': ['three', 'none'], 'embeddings': None})
    expect(200, 'POST', books + '/delete', {'where': {'k': 1}})
    expect(200, 'POST', books + '/delete', {'ids': ['gone']})
    expect(200, 'PUT', books, {'new_name': 'volumes', 'new_metadata': {'c': 3}})
got = expect(200, 'POST', books + '/get', {'include': ['documents', 'embeddings']})
assert (got['ids'], got['documents']) == (['2', '3'], ['2', 'three']), got
assert got['embeddings'] == [[5.0, 6.0], [7.0, 8.0]], got

# What is gone is told by 404; a name that is taken is refused.
status, _ = ask('PUT', books, {'new_name': 'other'})
assert status >= 400, status
expect(200, 'DELETE', here + '/collections/volumes')
expect(404, 'DELETE', here + '/collections/volumes')
expect(404, 'POST', books + '/add', add)
for path, body in [('/tenants', {'name': 'tenant'}), ('/tenants/tenant/databases', {'name': 'database'})]:
    expect(200, 'POST', base + path, body)
    expect(409, 'POST', base + path, body)
expect(200, 'DELETE', base + '/tenants/tenant/databases/database')
expect(404, 'DELETE', base + '/tenants/tenant/databases/database')

# The first API is gone, and the short paths of the second.
expect(410, 'GET', f'http://127.0.0.1:{port}/api/v1/collections')
expect(404, 'GET', base + '/collections')
'all as it was'
