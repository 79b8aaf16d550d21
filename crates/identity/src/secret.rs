//! The 32 bytes from which a deployment's keys are made.

use std::fmt;

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

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret(…)")
    }
}
