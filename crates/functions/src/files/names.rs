//! Public names of files: what stands in their URLs.
//!
//! A name is the internal id as one encrypted AES block, so it can be made and opened without a
//! table, cannot be guessed, and tells nothing. Who knows a file's id does not know its URL.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use lentil_values::InternalId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Makes and opens names.
pub(crate) struct PublicNames {
    cipher: Aes128,
}

impl PublicNames {
    /// Names of a deployment; URLs work as long as `secret` stays the same.
    pub(crate) fn new(secret: &[u8; 32]) -> PublicNames {
        let mut hash = Sha256::new();
        hash.update(b"public names of files");
        hash.update(secret);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        PublicNames {
            cipher: Aes128::new(&key.into()),
        }
    }

    /// The name of a file.
    pub(crate) fn name(&self, file: InternalId) -> Uuid {
        let mut block = file.0.into();
        self.cipher.encrypt_block(&mut block);
        Uuid::from_bytes(block.into())
    }

    /// The file that a name would be of; `None` if it has not the form of a name.
    pub(crate) fn open(&self, name: &str) -> Option<InternalId> {
        let name = Uuid::try_parse(name).ok()?;
        let mut block = name.into_bytes().into();
        self.cipher.decrypt_block(&mut block);
        Some(InternalId(block.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_file_in_this_deployment_only() {
        let (ours, theirs) = (PublicNames::new(&[1; 32]), PublicNames::new(&[2; 32]));
        let file = InternalId([7; 16]);
        let name = ours.name(file);
        assert_ne!(name.into_bytes(), file.0);
        assert_eq!(ours.open(&name.to_string()), Some(file));
        assert_ne!(theirs.open(&name.to_string()), Some(file));
        for text in ["", "..", "kg2ch8s6wsdzvkefhzacfjvyvd85r1f1", "../upload"] {
            assert_eq!(ours.open(text), None, "{text}");
        }
    }
}
