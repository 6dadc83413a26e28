//! What the dialect relies on, asked of a real server: a newer server that answers otherwise is found here.

use testkit::chroma::Chroma;

#[test]
#[ignore = "starts a real server"]
fn sending_a_write_again_changes_nothing_and_what_was_there_or_is_gone_is_told_by_409_or_404() {
    let Some(chroma) = Chroma::need() else { return };
    let directory = tempfile::tempdir().unwrap();
    let server = chroma.on(directory.path().join("data")).unwrap();
    let mut python = chroma.session().unwrap();
    let port = server.port();
    let text = format!("import httpx\nport = {port}\n{}", include_str!("servers.py"));
    let told = python.run(&text).unwrap();
    assert_eq!(told, serde_json::json!("all as it was"));
}
