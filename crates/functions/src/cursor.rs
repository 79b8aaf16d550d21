//! Pagination cursors and journals: sealed positions in an index.
//!
//! A cursor is the same text for the same position every time (results would differ from run to
//! run otherwise), tells nothing about the keys it stands on, and opens only for the query and the
//! deployment it was made for.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lentil_values::IndexKey;
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;
const FINGERPRINT_BYTES: usize = 16;
const END: u8 = 0;
const AFTER: u8 = 1;

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Behind the row with that index key, in the direction of the query.
    After(IndexKey),
    /// Behind everything.
    End,
}

/// What tells one paginated database query from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// Of a query's JSON and the fields of the index it walks.
    pub(crate) fn of<'a>(query: &str, fields: impl Iterator<Item = &'a str>) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(query);
        for field in fields {
            hash.update([0]);
            hash.update(field);
        }
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint.copy_from_slice(&hash.finalize()[..FINGERPRINT_BYTES]);
        Fingerprint(fingerprint)
    }
}

/// Why a cursor does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CursorError {
    /// It is no cursor of this deployment.
    Undecodable,
    /// It was made for another query.
    OtherQuery,
}

/// Seals and opens cursors.
#[derive(Clone)]
pub(crate) struct Cursors {
    cipher: Aes128GcmSiv,
    instance_name: String,
}

impl Cursors {
    /// Cursors of a deployment; `secret` must stay the same as long as cursors are to open.
    pub(crate) fn new(secret: &[u8; 32], instance_name: &str) -> Cursors {
        let mut hash = Sha256::new();
        hash.update(b"pagination cursor");
        hash.update(secret);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Cursors {
            cipher: Aes128GcmSiv::new(&key.into()),
            instance_name: instance_name.to_owned(),
        }
    }

    /// The cursor of a position.
    pub(crate) fn seal(&self, fingerprint: Fingerprint, position: &Position) -> String {
        let mut plain = vec![VERSION];
        plain.extend_from_slice(&fingerprint.0);
        match position {
            Position::End => plain.push(END),
            Position::After(key) => {
                plain.push(AFTER);
                plain.extend_from_slice(key);
            }
        }
        let payload = Payload {
            msg: &plain,
            aad: self.instance_name.as_bytes(),
        };
        // One nonce for all: equal positions shall give equal texts, and this cipher allows it.
        let sealed = self
            .cipher
            .encrypt(&Nonce::default(), payload)
            .expect("AES-GCM-SIV seals any message of less than 64 GiB");
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The position of a cursor that was made for that query.
    pub(crate) fn open(
        &self,
        fingerprint: Fingerprint,
        text: &str,
    ) -> Result<Position, CursorError> {
        let plain = self.unseal(text).ok_or(CursorError::Undecodable)?;
        let (made_for, position) = plain
            .strip_prefix(&[VERSION])
            .and_then(|rest| rest.split_at_checked(FINGERPRINT_BYTES))
            .ok_or(CursorError::Undecodable)?;
        if made_for != fingerprint.0 {
            return Err(CursorError::OtherQuery);
        }
        match position.split_first() {
            Some((&END, [])) => Ok(Position::End),
            Some((&AFTER, key)) => Ok(Position::After(key.to_vec())),
            _ => Err(CursorError::Undecodable),
        }
    }

    fn unseal(&self, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let payload = Payload {
            msg: &sealed,
            aad: self.instance_name.as_bytes(),
        };
        self.cipher.decrypt(&Nonce::default(), payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(query: &str) -> Fingerprint {
        Fingerprint::of(query, ["a", "_id"].into_iter())
    }

    #[test]
    fn cursors_are_deterministic_and_open_again() {
        let cursors = Cursors::new(&[7; 32], "happy-otter-1");
        for position in [
            Position::End,
            Position::After(vec![]),
            Position::After(vec![1, 0, 255]),
        ] {
            let text = cursors.seal(fingerprint("q"), &position);
            assert_eq!(text, cursors.seal(fingerprint("q"), &position));
            assert_eq!(cursors.open(fingerprint("q"), &text), Ok(position));
        }
    }

    #[test]
    fn cursors_open_only_where_they_belong() {
        let cursors = Cursors::new(&[7; 32], "happy-otter-1");
        let text = cursors.seal(fingerprint("q"), &Position::After(vec![1, 2, 3]));
        assert_eq!(
            cursors.open(fingerprint("other"), &text),
            Err(CursorError::OtherQuery)
        );
        let fields = Fingerprint::of("q", ["b", "_id"].into_iter());
        assert_eq!(cursors.open(fields, &text), Err(CursorError::OtherQuery));
        let elsewhere = Cursors::new(&[7; 32], "happy-otter-2");
        assert_eq!(
            elsewhere.open(fingerprint("q"), &text),
            Err(CursorError::Undecodable)
        );
        let mut forged = text.clone().into_bytes();
        forged[3] = if forged[3] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("it stays ASCII");
        for text in ["", "x", "nonsense!", &forged, &text[..text.len() - 2]] {
            assert_eq!(
                cursors.open(fingerprint("q"), text),
                Err(CursorError::Undecodable),
                "{text}"
            );
        }
    }
}
