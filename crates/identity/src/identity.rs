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

/// A user's attributes as `ctx.auth.getUserIdentity()` gives them; `tokenIdentifier` is always
/// there and a text.
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
        // A name that is there but no text is a mistake, and must not be passed over.
        for name in ["tokenIdentifier", "issuer", "subject"] {
            if attributes.get(name).is_some_and(|value| !value.is_string()) {
                return Err(refused(&format!(
                    "the member {name:?} of the identity to act as must be a text"
                )));
            }
        }
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

    /// Whether it may see arguments and documents of other people's calls where these are watched
    /// (`data:view`). Keys have no list of rights: the ones that lack this one are those that are
    /// read-only, whose holders browse tables and follow nobody.
    pub fn can_watch_data(&self) -> bool {
        self.is_admin() && self.can_write()
    }

    /// The key behind it, if an admin asks.
    pub fn admin_key(&self) -> Option<&AdminKey> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Member;

    fn user(attributes: Json) -> UserIdentity {
        UserIdentity::from_attributes(attributes).expect("attributes")
    }

    #[test]
    fn the_identifier_is_given_or_derived() {
        let given = user(json!({ "tokenIdentifier": "t", "issuer": "i", "subject": "s" }));
        assert_eq!(given.attributes()["tokenIdentifier"], "t");
        let alone = user(json!({ "tokenIdentifier": "t", "nested": { "kept": [1] } }));
        assert_eq!(alone.attributes()["nested"], json!({ "kept": [1] }));
        let derived = user(json!({ "issuer": "https://i", "subject": "s" }));
        assert_eq!(derived.attributes()["tokenIdentifier"], "https://i|s");
    }

    #[test]
    fn attributes_that_name_nobody_are_refused() {
        for (attributes, why) in [
            (json!("x"), "JSON object"),
            (json!({}), "tokenIdentifier"),
            (json!({ "issuer": "i" }), "subject"),
            (json!({ "subject": "s", "name": "n" }), "issuer"),
            (json!({ "issuer": 1, "subject": "s" }), "\"issuer\""),
            (
                json!({ "tokenIdentifier": null, "issuer": "i", "subject": "s" }),
                "\"tokenIdentifier\"",
            ),
        ] {
            let error = UserIdentity::from_attributes(attributes.clone()).expect_err("nobody");
            assert_eq!((error.status, error.code), (400, "HeaderParseFailure"));
            assert!(error.message.contains(why), "{attributes}: {error}");
        }
    }

    #[test]
    fn cache_keys_differ_where_functions_could_tell() {
        let admin = AdminKey {
            member: Member::Id(0),
            read_only: false,
            issued_secs: 1,
        };
        let one = user(json!({ "tokenIdentifier": "t" }));
        let two = user(json!({ "tokenIdentifier": "t", "role": "x" }));
        let identities = [
            Identity::Anonymous,
            Identity::Admin(admin),
            Identity::User(one.clone()),
            Identity::User(two.clone()),
            Identity::ActingAs { admin, user: one },
            Identity::ActingAs { admin, user: two },
        ];
        for (index, left) in identities.iter().enumerate() {
            for right in &identities[index + 1..] {
                assert_ne!(left.cache_key(), right.cache_key());
            }
        }
        // The order in which attributes were written tells nothing.
        assert_eq!(
            Identity::User(user(json!({ "tokenIdentifier": "t", "a": 1 }))).cache_key(),
            Identity::User(user(json!({ "a": 1, "tokenIdentifier": "t" }))).cache_key()
        );
    }
}
