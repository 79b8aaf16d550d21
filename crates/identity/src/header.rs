//! The `Authorization` header (sync-and-http 4.2) and user tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use crate::admin_key::without_prefix;
use crate::{AdminKeys, Identity, UserIdentity};

/// Characters that a header which says anything has at least.
const HEADER_MIN: usize = 7;

/// A request's credentials were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthError {
    /// HTTP status.
    pub status: u16,
    /// Short code of the specification.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// Reads the header's value; no header is [`Identity::Anonymous`].
pub fn parse_authorization(header: Option<&str>, keys: &AdminKeys) -> Result<Identity, AuthError> {
    let Some(header) = header else {
        return Ok(Identity::Anonymous);
    };
    let header = header.trim();
    if header.len() < HEADER_MIN {
        return Err(AuthError {
            status: 400,
            code: "InvalidHeaderFailure",
            message: "the Authorization header is too short to hold credentials".to_owned(),
        });
    }
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        return parse_user_token(rest.trim());
    }
    if scheme.eq_ignore_ascii_case("convex") {
        return admin(rest.trim(), keys);
    }
    Err(AuthError {
        status: 400,
        code: "InvalidAdminKey",
        message: format!(
            "the Authorization scheme {scheme:?} is not known: use \"Bearer <token>\" or \"Convex <admin key>\""
        ),
    })
}

/// Reads a user's token.
///
/// No provider can be configured yet, so a well-formed token is refused as one whose provider is
/// not configured.
pub fn parse_user_token(token: &str) -> Result<Identity, AuthError> {
    let object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        let json = serde_json::from_slice::<Json>(&bytes).ok()?;
        json.is_object().then_some(json)
    };
    let mut parts = token.split('.');
    let claims = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(_), None) => object(header).and_then(|_| object(claims)),
        _ => None,
    };
    let Some(claims) = claims else {
        return Err(AuthError {
            status: 401,
            code: "InvalidAuthHeader",
            message: "the token is not a JSON Web Token: three base64url parts joined by dots"
                .to_owned(),
        });
    };
    let issuer = claims.get("iss").and_then(Json::as_str).unwrap_or("(none)");
    Err(AuthError {
        status: 401,
        code: "NoAuthProvider",
        message: format!(
            "no auth provider matches the token's issuer {issuer:?}: this version of Lentil does not check user tokens yet"
        ),
    })
}

/// `<key>` or `<key>:<base64 of the attributes to act with>`. What stands before `|`, prefix and
/// name, may contain `:`; a key that carries its name inside may have a prefix all the same.
fn admin(text: &str, keys: &AdminKeys) -> Result<Identity, AuthError> {
    let text = without_prefix(text);
    let after_name = text.find('|').unwrap_or(0);
    let (key, acting) = match text[after_name..].find(':') {
        Some(colon) => (
            &text[..after_name + colon],
            Some(&text[after_name + colon + 1..]),
        ),
        None => (text, None),
    };
    let admin = keys.check(key).map_err(|error| AuthError {
        status: 401,
        code: "BadAdminKey",
        message: error.to_string(),
    })?;
    let Some(acting) = acting else {
        return Ok(Identity::Admin(admin));
    };
    let attributes = STANDARD
        .decode(acting)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let attributes = attributes.ok_or_else(|| AuthError {
        status: 400,
        code: "HeaderParseFailure",
        message: "what follows the admin key's colon is not base64 of a JSON identity".to_owned(),
    })?;
    Ok(Identity::ActingAs {
        admin,
        user: UserIdentity::from_attributes(attributes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InstanceSecret;

    fn keys() -> AdminKeys {
        AdminKeys::new("happy-otter", InstanceSecret::random())
    }

    fn code(header: &str, keys: &AdminKeys) -> (u16, &'static str) {
        let error = parse_authorization(Some(header), keys).expect_err(header);
        (error.status, error.code)
    }

    #[test]
    fn s064_each_bad_header_has_its_status_and_code() {
        let keys = keys();
        let good = keys.mint(0, false, 1);
        assert_eq!(code("Conv", &keys), (400, "InvalidHeaderFailure"));
        assert_eq!(code("Basic abcdef", &keys), (400, "InvalidAdminKey"));
        assert_eq!(code("Convex wrong|key", &keys), (401, "BadAdminKey"));
        assert_eq!(code("Bearer garbage", &keys), (401, "InvalidAuthHeader"));
        assert_eq!(
            code("bearer e30.eyJpc3MiOiJ4In0.e30", &keys),
            (401, "NoAuthProvider")
        );
        assert_eq!(
            code("Bearer e30.bm90IGpzb24.e30", &keys),
            (401, "InvalidAuthHeader")
        );
        assert_eq!(
            code("Bearer ???.eyJpc3MiOiJ4In0.e30", &keys),
            (401, "InvalidAuthHeader")
        );
        assert_eq!(code("Bearer", &keys), (400, "InvalidHeaderFailure"));
        assert_eq!(code("Convex prod:|:", &keys), (401, "BadAdminKey"));
        assert_eq!(
            code(&format!("Convex {good}:???"), &keys),
            (400, "HeaderParseFailure")
        );
        assert_eq!(
            code(&format!("Convex {good}:{}", STANDARD.encode("{}")), &keys),
            (400, "HeaderParseFailure")
        );
        assert_eq!(parse_authorization(None, &keys), Ok(Identity::Anonymous));
    }

    #[test]
    fn s071_acting_as_decodes_utf8_and_derives_the_identifier() {
        let keys = keys();
        let key = keys.mint(0, false, 1);
        let attributes = STANDARD.encode(r#"{"issuer":"https://i","subject":"s","name":"Zoë"}"#);
        for key in [key.clone(), format!("prod:{key}")] {
            let identity = parse_authorization(Some(&format!("Convex {key}:{attributes}")), &keys)
                .expect("good");
            assert!(identity.is_admin());
            let user: Json =
                serde_json::from_str(&identity.user_json().expect("a user")).expect("JSON");
            assert_eq!(user["name"], "Zoë");
            assert_eq!(user["tokenIdentifier"], "https://i|s");
        }
        let plain = parse_authorization(Some(&format!("Convex {key}")), &keys).expect("good");
        assert_eq!(plain.user_json(), None);
        assert_ne!(plain.cache_key(), Identity::Anonymous.cache_key());
    }

    #[test]
    fn read_only_keys_cannot_write() {
        let keys = keys();
        let key = keys.mint(0, true, 1);
        let identity = parse_authorization(Some(&format!("Convex {key}")), &keys).expect("good");
        assert!(identity.is_admin());
        assert!(!identity.can_write());
        assert!(Identity::Anonymous.can_write());
    }
}
