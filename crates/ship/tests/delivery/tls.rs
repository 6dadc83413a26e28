//! TLS: whom a server is trusted by, and what it is shown.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use ship::{Beside, Form, Http, Packing, State, Times, Trust};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::house::{House, Server, brisk, stands};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A certificate and its key.
    fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}

/// A port with TLS that lets in who shows a certificate of the authority, and leads to a server without.
fn tls_in_front(runtime: &Runtime, server: SocketAddr, authority: &Authority) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority.pem()).unwrap()).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (chain, key) = authority.issue("localhost");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(clients).with_single_cert(
        vec![CertificateDer::from_pem_slice(&chain).unwrap()],
        PrivateKeyDer::from_pem_slice(&key).unwrap(),
    );
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(server).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    address
}

#[test]
fn events_are_given_only_to_a_server_that_is_trusted_and_by_a_client_that_it_knows() {
    let (ours, others, runtime) = (Authority::new(), Authority::new(), Runtime::new().unwrap());
    let server = Server::start(|_, _| None);
    let address = tls_in_front(&runtime, server.collector.address(), &ours);
    let house = House::new();
    house.append("s", 1..=3);
    let sink = |roots: &Authority, identity| {
        let url = format!("https://localhost:{}/", address.port()).parse().unwrap();
        let trust = Trust { roots: roots.pem(), identity };
        let link = (&trust, Times::default());
        Arc::new(Http::new(url, link, Beside::default(), (Form::Json, Packing::None)).unwrap())
    };
    for (sink, word) in [
        (sink(&others, Some(ours.issue("client"))), "invalid peer certificate"),
        (sink(&ours, None), "ertificate"),
        (sink(&ours, Some(others.issue("client"))), ""),
    ] {
        let running = house.ship_to(sink, brisk());
        let status = stands(&running, |status| status.state != State::Delivering);
        let cause = status.cause.unwrap_or_else(|| status.waiting[0].1.clone());
        assert!(cause.contains(word), "{cause}");
        house.drain(running);
    }
    assert!(server.seqs("s").is_empty());
    let running = house.ship_to(sink(&ours, Some(ours.issue("client"))), brisk());
    house.settled();
    assert_eq!(server.seqs("s"), [1, 2, 3]);
    house.drain(running);
}
