//! Protocols and connections: TLS on both sides, HTTP/2, streaming, ending.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proxy::{Identity, Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{connect, raw, read_answer};
use crate::house::{House, eventually, server};

fn identity() -> Identity {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    Identity { chain: made.cert.pem().into_bytes(), key: made.signing_key.serialize_pem().into_bytes() }
}

/// What a client of HTTP/2 is answered: status, body.
async fn converse<IO>(stream: IO, requests: usize) -> Vec<(u16, String)>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let ask = |number: usize| {
        let mut sender = sender.clone();
        async move {
            let body = Full::new(Bytes::from(number.to_string()));
            let request = Request::post(format!("http://shop.example/n/{number}")).body(body).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            let status = answer.status().as_u16();
            (
                status,
                String::from_utf8_lossy(&answer.into_body().collect().await.unwrap().to_bytes()).into_owned(),
            )
        }
    };
    let tasks: Vec<_> = (0..requests).map(|number| tokio::spawn(ask(number))).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

fn within<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

#[test]
fn a_client_of_http2_is_understood_on_the_same_port() {
    let house = House::with(2);
    let answers = within(async {
        let stream = tokio::net::TcpStream::connect(house.address()).await.unwrap();
        converse(stream, 50).await
    });
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, (200, format!("primary: /n/{number} {number}")));
    }
    assert_eq!(house.servers[0].seen()[0].headers["x-forwarded-host"], "shop.example");
}

#[test]
fn tls_is_spoken_to_clients_and_to_servers_and_only_to_those_that_are_trusted() {
    let inner_identity = identity();
    let roots = inner_identity.chain.clone();
    let inner = House::built(1, |settings| settings.tls = Some(inner_identity));
    let secure = |settings: &mut Settings| {
        let origin = format!("https://localhost:{}", inner.address().port());
        settings.upstreams[0].origin = origin.parse().unwrap();
    };
    let outer_identity = identity();
    let root = CertificateDer::from_pem_slice(&outer_identity.chain).unwrap();
    let outer = House::built(1, |settings| {
        secure(settings);
        settings.roots = roots;
        settings.tls = Some(outer_identity);
    });
    assert_eq!(within(over_tls(outer.address(), root)), [(200, "primary: /n/0 0".to_owned())]);
    assert_eq!(inner.servers[0].seen()[0].headers["x-forwarded-proto"], "https");

    let stranger = House::built(1, |settings| {
        secure(settings);
        settings.roots = identity().chain;
    });
    assert_eq!(stranger.ask("POST", "/a", "secret").status, 202, "it is queued, and told to nobody");
    assert_eq!(inner.servers[0].bodies(), ["0"]);
}

async fn over_tls(address: SocketAddr, root: CertificateDer<'static>) -> Vec<(u16, String)> {
    let mut store = rustls::RootCertStore::empty();
    store.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    converse(stream, 1).await
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let house = House::with(1);
    let mut stream = connect(house.address());
    for number in 0..20 {
        let request = format!("PUT /k/{number} HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx");
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().text(), format!("primary: /k/{number} x"));
    }
}

#[test]
fn an_answer_is_passed_on_while_it_comes() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            if buffer[..count].starts_with(b"GET /probe") {
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok();
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none").unwrap();
            gate.recv().unwrap();
            stream.write_all(b"two").unwrap();
        }
    });
    let house = House::built(1, |settings| settings.upstreams[0] = server("primary", address));
    let mut stream = connect(house.address());
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !seen.ends_with(b"one") {
        let count = stream.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
    }
    go_on.send(()).unwrap();
    while !seen.ends_with(b"onetwo") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn draining_lets_what_is_served_end_and_takes_nothing_new() {
    let mut house = House::with(1);
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    house.servers[0].answer(move |seen| {
        if seen.target == "/slow" {
            gate.lock().unwrap().recv().unwrap();
        }
        (200, "late".to_owned())
    });
    let address = house.address();
    let mut idle = connect(address);
    idle.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut idle).unwrap().status, 200);
    let served = std::thread::spawn(move || {
        raw(address, b"POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx")
    });
    eventually("it is being served", || house.status().counters.writes == 1);
    let running = house.take();
    let drained = std::thread::spawn(move || running.drain(Duration::from_mins(1)));
    eventually("nothing new is taken", || std::net::TcpStream::connect(address).is_err());
    assert_eq!(idle.read(&mut [0; 10]).unwrap_or(0), 0, "an idle connection is closed");
    go_on.send(()).unwrap();
    assert_eq!(served.join().unwrap().text(), "late");
    drained.join().unwrap();
}
