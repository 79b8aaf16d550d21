//! Admin keys: `<instance name>|<hex>` (keys.md).

use std::fmt;

use crate::InstanceSecret;
use crate::payload::{self, Payload};
use crate::sealing::Sealing;

/// Prefixes that tools put before the name; decoration.
const PREFIXES: &[&str] = &["prod:", "dev:", "preview:"];

/// Who a key was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// A person, by number.
    Id(u64),
    /// The system itself.
    System,
}

/// What an opened key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdminKey {
    /// Whose it is.
    pub member: Member,
    /// Whether it may only look.
    pub read_only: bool,
    /// When it was made, seconds since the epoch; never 0.
    pub issued_secs: u64,
}

/// A key was refused; the text says why, without the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAdminKey(String);

/// Mints and opens the keys of one deployment.
#[derive(Clone)]
pub struct AdminKeys {
    name: String,
    sealing: Sealing,
}

impl AdminKeys {
    /// For the deployment of that name and secret.
    pub fn new(instance_name: &str, secret: InstanceSecret) -> AdminKeys {
        AdminKeys {
            name: instance_name.to_owned(),
            sealing: Sealing::new(&secret),
        }
    }

    /// A key for a member. Two keys are never equal: the nonce is random.
    pub fn mint(&self, member_id: u64, read_only: bool, issued_secs: u64) -> String {
        self.seal(
            AdminKey {
                member: Member::Id(member_id),
                read_only,
                issued_secs,
            },
            rand::random(),
        )
    }

    /// A key for the system itself.
    pub fn mint_system(&self, read_only: bool, issued_secs: u64) -> String {
        self.seal(
            AdminKey {
                member: Member::System,
                read_only,
                issued_secs,
            },
            rand::random(),
        )
    }

    fn seal(&self, key: AdminKey, nonce: [u8; 12]) -> String {
        assert!(
            key.issued_secs != 0,
            "a key issued at 0 is refused when it is opened"
        );
        format!(
            "{}|{}",
            self.name,
            hex::encode(self.sealing.seal(&payload::encode(key), nonce))
        )
    }

    /// Opens a key of this deployment.
    pub fn check(&self, key: &str) -> Result<AdminKey, BadAdminKey> {
        let key = key.trim();
        let (name, sealed) = match key.split_once('|') {
            Some((name, sealed)) => (Some(without_prefix(name)), sealed),
            None => (None, without_prefix(key)),
        };
        let bytes = hex::decode(sealed).map_err(|_| {
            BadAdminKey(format!(
                "this is not an admin key: it must read {}|<hex digits>, and it may have been cut when it was copied",
                self.name
            ))
        })?;
        if let Some(name) = name.filter(|name| *name != self.name) {
            return Err(BadAdminKey(format!(
                "the admin key is for the deployment {name:?}, but this deployment is {:?}",
                self.name
            )));
        }
        let opened = self
            .sealing
            .open(&bytes)
            .as_deref()
            .and_then(payload::decode);
        let Some(Payload {
            name: sealed_name,
            key,
        }) = opened
        else {
            return Err(BadAdminKey(format!(
                "the admin key was not made with the secret of the deployment {:?}, or it is not whole; `lentil keys` prints a good one",
                self.name
            )));
        };
        match (name, sealed_name) {
            (_, Some(sealed_name)) if sealed_name != self.name => Err(BadAdminKey(format!(
                "the admin key is for another deployment than {:?}",
                self.name
            ))),
            (None, None) => Err(BadAdminKey(format!(
                "the admin key lacks the deployment's name: it must begin with {:?}",
                format!("{}|", self.name)
            ))),
            _ => Ok(key),
        }
    }
}

impl fmt::Debug for AdminKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminKeys")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The name, or a whole key, without what tools put before it.
pub(crate) fn without_prefix(name: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests;
