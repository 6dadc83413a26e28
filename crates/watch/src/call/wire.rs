//! Connections: dialing, and TLS over what is there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// Bytes to and fro, with TLS or without it.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The certificates by which servers are trusted, in PEM; none if no server is spoken to with TLS.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Roots(Arc<Vec<u8>>);

/// Why a server cannot be spoken to with TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// Nothing vouches for it.
    #[error("there is no certificate among those that servers are trusted by")]
    Empty,
    /// Its host cannot have a certificate.
    #[error("its host is no name that a certificate could be for")]
    Name,
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(String),
}

/// Who is reached, and where.
pub(crate) enum Dialer {
    /// A host and a port.
    Network(String, u16),
    /// A socket of this machine.
    Socket(PathBuf),
}

/// What is put over a connection so that nobody else reads it.
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Roots {
    /// These.
    pub fn new(pem: Vec<u8>) -> Self {
        Self(Arc::new(pem))
    }

    /// What tells them from others.
    pub(crate) fn digest(&self) -> Vec<u8> {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.0).as_ref().to_vec()
    }

    pub(crate) fn for_host(&self, host: &str) -> Result<Tls, RootsError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| RootsError::Name)?;
        Ok(Tls { connector: TlsConnector::from(Arc::new(self.config()?)), name })
    }

    /// What makes a server prove who it is by them.
    pub(crate) fn config(&self) -> Result<ClientConfig, RootsError> {
        let mut store = RootCertStore::empty();
        // A bundle of a system may hold some that are not understood here; they vouch for nobody.
        let pem = CertificateDer::pem_slice_iter(&self.0).filter_map(Result::ok);
        let (added, _) = store.add_parsable_certificates(pem);
        if added == 0 {
            return Err(RootsError::Empty);
        }
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| RootsError::Library(error.to_string()))?;
        Ok(builder.with_root_certificates(store).with_no_client_auth())
    }
}

impl Dialer {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self::Network(host.to_owned(), port)
    }

    pub(crate) fn socket(path: &Path) -> Self {
        Self::Socket(path.to_owned())
    }

    pub(crate) async fn dial(&self) -> io::Result<Box<dyn Wire>> {
        match self {
            Dialer::Network(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Dialer::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }
}

impl Tls {
    pub(crate) async fn wrap(&self, wire: Box<dyn Wire>) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(self.connector.connect(self.name.clone(), wire).await?))
    }
}
