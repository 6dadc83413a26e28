//! Addresses of mail: `somebody@example.com`, or `Some Body <somebody@example.com>`.

use std::str::FromStr;

/// An address, with a name or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address of mail, such as ops@example.com or Ops <ops@example.com>; it is ASCII, a name may be more"
)]
pub struct MailboxError(String);

/// Bytes of an address that servers have to take.
const LONGEST: usize = 254;

impl Mailbox {
    /// The address alone.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name, if there is one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What stands behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let refuse = || MailboxError(text.to_owned());
        let (name, address) = match text.trim().strip_suffix('>') {
            None => (None, text.trim()),
            Some(rest) => {
                let (name, address) = rest.rsplit_once('<').ok_or_else(refuse)?;
                (Some(name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()), address)
            }
        };
        if name.as_ref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(refuse());
        }
        let (local, domain) = address.rsplit_once('@').ok_or_else(refuse)?;
        // Quoted names and addresses of machines exist in the standard, and nobody who runs servers has one.
        let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let is_fit = |part: &str, fits: fn(u8) -> bool| !part.is_empty() && part.bytes().all(fits);
        if address.len() > LONGEST || !is_fit(local, is_local) || !is_fit(domain, is_domain) {
            return Err(refuse());
        }
        Ok(Self { name, address: address.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_a_name_and_without() {
        let with: Mailbox = "Die W\u{e4}chter <ops+db@example.com>".parse().unwrap();
        assert_eq!(
            (with.name(), with.address(), with.domain()),
            (Some("Die W\u{e4}chter"), "ops+db@example.com", "example.com")
        );
        let without: Mailbox = " root@localhost ".parse().unwrap();
        assert_eq!((without.name(), without.address()), (None, "root@localhost"));
    }

    #[test]
    fn nothing_that_ends_a_line_or_a_command_is_an_address() {
        for text in [
            "ops",
            "@example.com",
            "ops@",
            "a b@example.com",
            "ops@example.com>\r\nRCPT TO:<x@y",
            "a\r\nBcc: x <ops@example.com>",
            "ops@exam\u{e4}ple.com",
            "<ops@example.com",
            "ops@example.com> x",
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
        assert!(format!("{}@example.com", "a".repeat(300)).parse::<Mailbox>().is_err());
    }
}
