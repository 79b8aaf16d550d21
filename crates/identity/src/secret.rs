//! The 32 bytes from which a deployment's keys are made.

use std::fmt;

use sha2::{Digest, Sha256};

/// A deployment's secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct InstanceSecret([u8; 32]);

/// A text is not a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instance secret is 64 hex digits (32 bytes); this one has {length} characters{detail}")]
pub struct SecretError {
    length: usize,
    detail: &'static str,
}

impl InstanceSecret {
    /// Reads 64 hex digits.
    pub fn from_hex(text: &str) -> Result<InstanceSecret, SecretError> {
        let refused = |detail| SecretError {
            length: text.chars().count(),
            detail,
        };
        let bytes =
            hex::decode(text).map_err(|_| refused(", not all of them hex digits in pairs"))?;
        Ok(InstanceSecret(bytes.try_into().map_err(|_| refused(""))?))
    }

    /// A fresh one from the operating system's entropy.
    pub fn random() -> InstanceSecret {
        InstanceSecret(rand::random())
    }

    /// 64 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// A key for something else than admin keys, from which the secret cannot be found.
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update([0]);
        hash.update(self.0);
        hash.finalize().into()
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_debug_is_silent() {
        let secret = InstanceSecret::random();
        let hex = secret.to_hex();
        assert_eq!(InstanceSecret::from_hex(&hex), Ok(secret.clone()));
        assert_eq!(
            InstanceSecret::from_hex(&hex.to_uppercase()),
            Ok(secret.clone())
        );
        assert!(!format!("{secret:?}").contains(&hex[..8]));
    }

    #[test]
    fn other_texts_are_refused_by_length_or_digit() {
        for (text, why) in [
            (String::new(), "has 0 characters"),
            ("ab".repeat(31), "has 62 characters"),
            ("ab".repeat(33), "has 66 characters"),
            (format!("{}g", "a".repeat(63)), "hex digits in pairs"),
            ("a".repeat(63), "has 63 characters"),
        ] {
            let error = InstanceSecret::from_hex(&text).expect_err("no secret");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
