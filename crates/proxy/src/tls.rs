//! TLS on both sides, from PEM to what sockets use.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::error::StartError;
use crate::settings::Identity;

fn bad(object: &'static str) -> impl Fn(&dyn std::fmt::Display) -> StartError {
    move |cause| StartError::Tls { object, cause: cause.to_string() }
}

fn provider() -> Arc<crypto::CryptoProvider> {
    Arc::new(crypto::aws_lc_rs::default_provider())
}

/// What accepts connections of clients, in HTTP/1.1 or HTTP/2.
pub(crate) fn acceptor(identity: &Identity) -> Result<TlsAcceptor, StartError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.chain).collect();
    let chain = chain.map_err(|error| bad("certificate")(&error))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| bad("key")(&error))?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| bad("certificate")(&error))?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(|error| bad("certificate")(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What connects to servers that one of these certificates vouches for, in HTTP/1.1.
pub(crate) fn connector(roots: &[u8]) -> Result<TlsConnector, StartError> {
    let mut store = RootCertStore::empty();
    // A bundle of a system may hold some that are not understood here; they vouch for nobody.
    let (added, _) =
        store.add_parsable_certificates(CertificateDer::pem_slice_iter(roots).filter_map(Result::ok));
    if added == 0 {
        return Err(bad("trusted certificates")(&"there is none, and a server is spoken to with TLS"));
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| bad("trusted certificates")(&error))?;
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
