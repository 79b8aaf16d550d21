//! Who a client says it is.

use lentil_identity::{AdminKeys, Identity, UserIdentity};
use lentil_protocol::AuthToken;

/// Why an `Authenticate` is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The proof is not good: `AuthError`, the client may come back with another.
    Token(String),
    /// The message makes no sense: `FatalError`.
    Malformed(String),
}

/// Checks a proof.
pub(crate) fn check(keys: &AdminKeys, token: AuthToken) -> Result<Identity, Refusal> {
    match token {
        AuthToken::None => Ok(Identity::Anonymous),
        AuthToken::Admin { key, acting_as } => {
            let admin = keys.check(&key).map_err(|error| Refusal::Token(error.to_string()))?;
            let Some(attributes) = acting_as else {
                return Ok(Identity::Admin(admin));
            };
            let user = UserIdentity::from_attributes(attributes)
                .map_err(|error| Refusal::Malformed(error.message))?;
            Ok(Identity::ActingAs { admin, user })
        }
        AuthToken::User(_) => Err(Refusal::Token(
            "this version of Lentil cannot check user tokens yet; connect without a token or with an admin key"
                .to_owned(),
        )),
    }
}
