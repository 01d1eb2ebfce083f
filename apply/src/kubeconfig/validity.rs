//! What certificates say: from when to when they are valid.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use x509_parser::pem::Pem;

/// From when to when a certificate is valid (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub from: Timestamp,
    /// Its last moment.
    pub until: Timestamp,
}

impl Validity {
    /// Of the first certificate in PEM in base64: the one that is shown to the server.
    pub(super) fn of(data: &str) -> Option<Self> {
        certificates(data)?.into_iter().next()
    }

    /// When to look for the next one: two thirds of its life are over.
    pub fn renew_at(&self) -> Timestamp {
        let third = self.until.duration_since(self.from).checked_div(3).unwrap_or(SignedDuration::ZERO);
        self.until.checked_sub(third).unwrap_or(self.from)
    }

    fn read(pem: &Pem) -> Option<Self> {
        let certificate = pem.parse_x509().ok()?;
        let validity = certificate.validity();
        Some(Self {
            from: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
            // RFC 5280, 4.1.2.5: 99991231235959Z is "no end", and later than any time that can be told.
            until: Timestamp::from_second(validity.not_after.timestamp()).unwrap_or(Timestamp::MAX),
        })
    }
}

/// The certificates in PEM in base64; none is nothing.
pub(super) fn certificates(data: &str) -> Option<Vec<Validity>> {
    let blocks = blocks(data)?;
    let all: Option<Vec<_>> = blocks.iter().map(Validity::read).collect();
    all.filter(|all| !all.is_empty())
}

/// A private key in PEM in base64.
pub(super) fn is_private_key(data: &str) -> bool {
    blocks(data).is_some_and(|blocks| blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")))
}

fn blocks(data: &str) -> Option<Vec<Pem>> {
    let text = STANDARD.decode(data.trim()).ok()?;
    Pem::iter_from_buffer(&text).collect::<Result<Vec<_>, _>>().ok()
}
