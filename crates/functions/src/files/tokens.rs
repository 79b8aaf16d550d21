//! Tokens of upload URLs: sealed, valid for an hour, usable any number of times in it.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lentil_database::Namespace;
use sha2::{Digest, Sha256};

/// How long a token is good, ms (function-runtime 5).
const VALID_MS: f64 = 3_600_000.0;
/// A token may be made by a call whose clock was read a little later than ours.
const AHEAD_MS: f64 = 60_000.0;
const NONCE_BYTES: usize = 12;

/// Makes and opens tokens.
pub(crate) struct UploadTokens {
    cipher: Aes128GcmSiv,
    instance_name: String,
}

impl UploadTokens {
    /// Tokens of a deployment; they open as long as `secret` stays the same.
    pub(crate) fn new(secret: &[u8; 32], instance_name: &str) -> UploadTokens {
        let mut hash = Sha256::new();
        hash.update(b"upload tokens");
        hash.update(secret);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        UploadTokens {
            cipher: Aes128GcmSiv::new(&key.into()),
            instance_name: instance_name.to_owned(),
        }
    }

    /// A token for a file of a component, made at `now_ms` (ms since the epoch); `seed` tells it from
    /// others of that time.
    pub(crate) fn seal(&self, namespace: Namespace, now_ms: f64, seed: &[u8; 32]) -> String {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&seed[..NONCE_BYTES]);
        let mut message = now_ms.to_be_bytes().to_vec();
        if namespace != Namespace::ROOT {
            message.extend(namespace.0.to_be_bytes());
        }
        let payload = Payload {
            msg: &message,
            aad: self.instance_name.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .expect("twelve bytes are no limit");
        let mut token = nonce.to_vec();
        token.extend(sealed);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The component whose file a token allows, if it is good at `now_ms`; if not, why.
    pub(crate) fn open(&self, token: &str, now_ms: f64) -> Result<Namespace, &'static str> {
        let unknown = "the upload URL was not made by this deployment: get one from `ctx.storage.generateUploadUrl()`";
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unknown)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(unknown)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unknown)?;
        let payload = Payload {
            msg: sealed,
            aad: self.instance_name.as_bytes(),
        };
        let opened = self.cipher.decrypt(&Nonce::from(nonce), payload);
        let opened = opened.map_err(|_| unknown)?;
        let (made, namespace) = opened.split_first_chunk::<8>().ok_or(unknown)?;
        let namespace = match namespace.try_into() {
            Ok(number) => Namespace(u32::from_be_bytes(number)),
            // Those of the root say nothing of it.
            Err(_) if namespace.is_empty() => Namespace::ROOT,
            Err(_) => return Err(unknown),
        };
        let age_ms = now_ms - f64::from_be_bytes(*made);
        if !(-AHEAD_MS..VALID_MS).contains(&age_ms) {
            return Err(
                "the upload URL has expired: it is good for an hour, get a new one from `ctx.storage.generateUploadUrl()`",
            );
        }
        Ok(namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s084_tokens_are_good_for_an_hour_here() {
        let tokens = UploadTokens::new(&[1; 32], "here");
        let token = tokens.seal(Namespace::ROOT, 1_000.0, &[9; 32]);
        assert_eq!(tokens.open(&token, 1_000.0), Ok(Namespace::ROOT));
        let of_part = tokens.seal(Namespace(7), 1_000.0, &[9; 32]);
        assert_eq!(tokens.open(&of_part, 1_000.0), Ok(Namespace(7)));
        assert_eq!(
            tokens.open(&token, 1_000.0 + VALID_MS - 1.0),
            Ok(Namespace::ROOT)
        );
        let late = tokens.open(&token, 1_000.0 + VALID_MS);
        assert!(late.is_err_and(|why| why.contains("expired")));
        let early = tokens.open(&token, 1_000.0 - AHEAD_MS - 1.0);
        assert!(early.is_err());
        let elsewhere = UploadTokens::new(&[1; 32], "there");
        assert!(elsewhere.open(&token, 1_000.0).is_err());
        let cut = &token[..token.len() - 2];
        for bad in ["", "x", "!!!", cut, &format!("A{token}")] {
            let refused = tokens.open(bad, 1_000.0);
            assert!(
                refused.is_err_and(|why| why.contains("not made by")),
                "{bad}"
            );
        }
    }
}
