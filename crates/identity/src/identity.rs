//! Who asks.

use serde_json::{Map, Value as Json};

use crate::{AdminKey, AuthError};

/// Who asks, as far as has been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody in particular.
    Anonymous,
    /// A holder of an admin key.
    Admin(AdminKey),
    /// An admin who wants functions to see a user.
    ActingAs {
        /// The key behind it.
        admin: AdminKey,
        /// The user to be seen.
        user: UserIdentity,
    },
    /// A user with a token.
    User(UserIdentity),
}

/// A user's attributes as `ctx.auth.getUserIdentity()` gives them; `tokenIdentifier`, `issuer`
/// and `subject` are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIdentity {
    attributes: Map<String, Json>,
}

impl UserIdentity {
    /// Reads the attributes that an admin acts with. Without `tokenIdentifier` it becomes
    /// `issuer|subject`; without those as well the attributes are refused (sync-and-http 1.4).
    pub fn from_attributes(attributes: Json) -> Result<UserIdentity, AuthError> {
        let refused = |message: &str| AuthError {
            status: 400,
            code: "HeaderParseFailure",
            message: message.to_owned(),
        };
        let Json::Object(mut attributes) = attributes else {
            return Err(refused("the identity to act as must be a JSON object"));
        };
        let text = |name: &str| {
            attributes
                .get(name)
                .and_then(Json::as_str)
                .map(str::to_owned)
        };
        let identifier = match (text("tokenIdentifier"), text("issuer"), text("subject")) {
            (Some(identifier), _, _) => identifier,
            (None, Some(issuer), Some(subject)) => format!("{issuer}|{subject}"),
            _ => {
                return Err(refused(
                    "the identity to act as needs \"tokenIdentifier\", or both \"issuer\" and \"subject\", as texts",
                ));
            }
        };
        attributes.insert("tokenIdentifier".to_owned(), Json::String(identifier));
        Ok(UserIdentity { attributes })
    }

    /// The attributes.
    pub fn attributes(&self) -> &Map<String, Json> {
        &self.attributes
    }
}

impl Identity {
    /// Whether an admin key stands behind it.
    pub fn is_admin(&self) -> bool {
        self.admin_key().is_some()
    }

    /// Whether what it asks for may write: everybody but holders of read-only keys.
    pub fn can_write(&self) -> bool {
        self.admin_key().is_none_or(|key| !key.read_only)
    }

    fn admin_key(&self) -> Option<&AdminKey> {
        match self {
            Identity::Admin(admin) | Identity::ActingAs { admin, .. } => Some(admin),
            Identity::Anonymous | Identity::User(_) => None,
        }
    }

    /// What `ctx.auth.getUserIdentity()` gives, as JSON text; `None` is null.
    pub fn user_json(&self) -> Option<String> {
        self.user()
            .map(|user| Json::Object(user.attributes.clone()).to_string())
    }

    fn user(&self) -> Option<&UserIdentity> {
        match self {
            Identity::User(user) | Identity::ActingAs { user, .. } => Some(user),
            Identity::Anonymous | Identity::Admin(_) => None,
        }
    }

    /// Differs for identities that a function could tell apart, or that may call different functions.
    pub fn cache_key(&self) -> String {
        let kind = match self {
            Identity::Anonymous => "anonymous",
            Identity::Admin(_) => "admin",
            Identity::ActingAs { .. } => "acting-as",
            Identity::User(_) => "user",
        };
        format!("{kind}:{}", self.user_json().unwrap_or_default())
    }
}
