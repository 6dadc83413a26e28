//! Certificates and keys, read from the files that a configuration names. Whether they are any good is for who uses them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::{Origin, Reader};

/// Bytes of a file at most. The bundle of a system has a quarter of a megabyte.
const LARGEST: u64 = 4 << 20;

/// Where systems keep the certificates that they trust.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What a file holds that a key names; nothing if it cannot be read, which is told.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn file(read: &mut Reader<'_>, name: &'static str) -> Option<Option<Vec<u8>>> {
    let Some(path) = read.optional::<PathBuf>(name)? else { return Some(None) };
    match load(&path) {
        Ok(bytes) => Some(Some(bytes)),
        Err(error) => {
            read.refuse_value(name, format!("failed to read {}: {error}", path.display()));
            None
        }
    }
}

/// The certificates that the system trusts servers by; nothing if there are none, which is told of the key that could name
/// some.
pub(super) fn system_roots(read: &mut Reader<'_>, name: &'static str) -> Option<Vec<u8>> {
    let found = BUNDLES.iter().find_map(|bundle| load(Path::new(bundle)).ok());
    if found.is_none() {
        let message = "a server is spoken to with TLS, and this system has no certificates that it trusts where they are \
                       usual; name a file with them";
        read.refuse(name, &Origin::Default, message.to_owned());
    }
    found
}

fn load(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {LARGEST} bytes")));
    }
    Ok(bytes)
}
