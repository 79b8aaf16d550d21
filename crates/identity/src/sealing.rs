//! The two sealings of admin keys (keys.md): the current one, and the older one, which is only
//! opened.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Nonce};
use crypto_secretbox::XSalsa20Poly1305;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::InstanceSecret;

/// First byte of every sealed part; authenticated by the current sealing.
const VERSION: u8 = 1;
/// Fixed info of the key derivation.
const INFO: &[u8] = b"admin key";
const NONCE_BYTES: usize = 12;
const OLD_NONCE_BYTES: usize = 24;

/// Opens and seals with one secret.
#[derive(Clone)]
pub(crate) struct Sealing {
    current: Aes128GcmSiv,
    older: XSalsa20Poly1305,
}

impl Sealing {
    pub(crate) fn new(secret: &InstanceSecret) -> Sealing {
        let key = derive(secret.bytes(), INFO);
        Sealing {
            current: Aes128GcmSiv::new(&key.into()),
            older: older(secret),
        }
    }

    /// Version, nonce, ciphertext and tag.
    pub(crate) fn seal(&self, message: &[u8], nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let payload = Payload {
            msg: message,
            aad: &[VERSION],
        };
        let sealed = self
            .current
            .encrypt(&Nonce::from(nonce), payload)
            .expect("AES-GCM-SIV seals any message of a few bytes");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// The message, if either sealing opens it.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        if *version != VERSION {
            return None;
        }
        self.open_current(rest).or_else(|| self.open_older(rest))
    }

    fn open_current(&self, rest: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        self.current
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: &[VERSION],
                },
            )
            .ok()
    }

    fn open_older(&self, rest: &[u8]) -> Option<Vec<u8>> {
        use crypto_secretbox::aead::Aead as _;
        let (nonce, sealed) = rest.split_first_chunk::<OLD_NONCE_BYTES>()?;
        self.older.decrypt(nonce.into(), sealed).ok()
    }
}

/// The older sealing's crate stands on an older generation of cipher traits than the others.
fn older(secret: &InstanceSecret) -> XSalsa20Poly1305 {
    use crypto_secretbox::aead::KeyInit as _;
    XSalsa20Poly1305::new(secret.bytes().into())
}

/// KBKDF in counter mode with HMAC-SHA-256 (NIST SP 800-108r1, 4.1), cut to 16 bytes: one block.
fn derive(secret: &[u8], info: &[u8]) -> [u8; 16] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&1u32.to_be_bytes());
    mac.update(info);
    let block = mac.finalize().into_bytes();
    let mut key = [0; 16];
    key.copy_from_slice(&block[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_of_the_derivation() {
        let secret = hex::decode("0185fb7661f6dd408d982f810fcd5004").expect("hex");
        let info = hex::decode("c3f1712a82613643e0f763a7a0a31588b6aed95056dfc512550cf2d00d68a32d")
            .expect("hex");
        assert_eq!(
            hex::encode(derive(&secret, &info)),
            "c63f747b67be71f57ba4562117dd2904"
        );
        let carnitas =
            hex::decode("4361726e697461732c206c69746572616c6c79206d65616e696e6720226c6974")
                .expect("hex");
        assert_eq!(
            hex::encode(derive(&carnitas, INFO)),
            "a7526e1715ea4effa55636bee910d731"
        );
    }
}
