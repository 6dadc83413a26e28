//! A Chroma server is killed and comes back where it was, and its own client talks to it.

use tempfile::TempDir;
use testkit::chroma::Chroma;

const CONNECT: &str = "
import sys, chromadb
client = chromadb.HttpClient(host='127.0.0.1', port=int(sys.argv[1]))
";

#[test]
#[ignore = "starts a real server"]
fn a_killed_server_comes_back_at_its_port_with_its_records() {
    let Some(chroma) = Chroma::need() else { return };
    let dir = TempDir::new().unwrap();
    let mut server = chroma.on(dir.path().join("data")).unwrap();
    let port = server.port().to_string();
    let add = format!("{CONNECT}client.create_collection('abc').add(ids=['1'], embeddings=[[1.0, 2.0]])");
    chroma.run(&add, &[&port]).unwrap();
    server.kill().unwrap();
    let count = format!("{CONNECT}print(client.get_collection('abc').count())");
    assert!(chroma.run(&count, &[&port]).is_err());
    server.start().unwrap();
    assert_eq!(chroma.run(&count, &[&port]).unwrap(), "1\n");
}
