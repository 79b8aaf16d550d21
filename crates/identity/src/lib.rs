//! This crate turns a key or token into an [`Identity`]: admin keys are opened here, and the
//! `Authorization` header is read here.
//!
//! It does not decide what an identity may do, and it performs no I/O.
//!
//! Invariant: nothing is trusted before it is authenticated; messages about refused keys never
//! contain the key.

mod secret;
mod admin_key;
mod sealing;
mod payload;
mod identity;
mod header;

pub use crate::admin_key::{AdminKey, AdminKeys, BadAdminKey, Member};
pub use crate::header::{AuthError, parse_authorization, parse_user_token};
pub use crate::identity::{Identity, UserIdentity};
pub use crate::secret::{InstanceSecret, SecretError};
