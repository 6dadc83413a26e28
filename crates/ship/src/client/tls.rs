//! TLS to a server, from PEM to what sockets use.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio_rustls::TlsConnector;

use super::Trust;
use crate::StartError;

fn bad(object: &'static str) -> impl Fn(&dyn std::fmt::Display) -> StartError {
    move |cause| StartError::Tls { object, cause: cause.to_string() }
}

/// What connects to servers that one of these certificates vouches for, in HTTP/1.1.
pub(super) fn connector(trust: &Trust) -> Result<TlsConnector, StartError> {
    let mut store = RootCertStore::empty();
    // A bundle of a system may hold some that are not understood here; they vouch for nobody.
    let (added, _) =
        store.add_parsable_certificates(CertificateDer::pem_slice_iter(&trust.roots).filter_map(Result::ok));
    if added == 0 {
        return Err(bad("trusted certificates")(&"there is none, and the server is spoken to with TLS"));
    }
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| bad("trusted certificates")(&error))?.with_root_certificates(store);
    let mut config = match &trust.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
            let chain = chain.map_err(|error| bad("certificate of the client")(&error))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| bad("key of the client")(&error))?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|error| bad("certificate of the client")(&error))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
