//! `auth.config.js`: providers in the form that is kept and sent back (cli-and-deploy 5.9).

use serde_json::{Value as Json, json};

use super::DeployError;

/// Reads what the module's default export holds.
pub(super) fn providers(text: &str) -> Result<Vec<Json>, DeployError> {
    let wrong = |why: String| {
        DeployError::bad(
            "AuthConfigNotMatchingSchemaError",
            format!("auth.config.js: {why}"),
        )
    };
    let json: Json = serde_json::from_str(text)
        .map_err(|error| wrong(format!("the default export is no data: {error}")))?;
    let list = json.get("providers").and_then(Json::as_array);
    let list =
        list.ok_or_else(|| wrong("the default export must be { providers: [...] }".to_owned()))?;
    list.iter()
        .enumerate()
        .map(|(index, provider)| read(provider, index))
        .collect()
}

fn read(provider: &Json, index: usize) -> Result<Json, DeployError> {
    let wrong = |why: &str| {
        DeployError::bad(
            "AuthConfigNotMatchingSchemaError",
            format!("auth.config.js, provider {}: {why}", index + 1),
        )
    };
    let text = |name: &str| provider.get(name).and_then(Json::as_str);
    let required =
        |name: &str| text(name).ok_or_else(|| wrong(&format!("it needs {name:?}, a string")));
    if text("type") == Some("customJwt") {
        if provider.get("domain").is_some() {
            return Err(wrong(
                "a customJwt provider has an \"issuer\", not a \"domain\"",
            ));
        }
        let algorithm = required("algorithm")?;
        if !matches!(algorithm, "RS256" | "ES256") {
            return Err(wrong("\"algorithm\" must be RS256 or ES256"));
        }
        let jwks = required("jwks")?;
        let jwks = if jwks.starts_with("data:") {
            jwks.to_owned()
        } else {
            with_scheme(jwks)?
        };
        return Ok(json!({
            "type": "customJwt",
            "applicationID": text("applicationID"),
            "issuer": with_scheme(required("issuer")?)?,
            "jwks": jwks,
            "algorithm": algorithm,
        }));
    }
    if let Some(other) = text("type").filter(|kind| *kind != "oidc") {
        return Err(wrong(&format!(
            "there is no type {other:?}; it is \"oidc\" or left out, or \"customJwt\""
        )));
    }
    if provider.get("issuer").is_some() {
        return Err(wrong(
            "an OIDC provider has a \"domain\", not an \"issuer\"",
        ));
    }
    Ok(
        json!({ "applicationID": required("applicationID")?, "domain": with_scheme(required("domain")?)? }),
    )
}

/// Adds `https://` where no scheme is given; refuses what cannot be a host.
fn with_scheme(url: &str) -> Result<String, DeployError> {
    let refused = || {
        DeployError::bad(
            "InvalidProviderDomainUrl",
            format!("auth.config.js: {url:?} is no http or https URL"),
        )
    };
    let full = match url.split_once("://") {
        Some(("http" | "https", _)) => url.to_owned(),
        Some(_) => return Err(refused()),
        None => format!("https://{url}"),
    };
    let host = full.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let looks_like_host = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        && (url.contains("://") || host.contains('.') || host == "localhost");
    if looks_like_host {
        Ok(full)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_normalised() {
        let text = r#"{"providers":[{"domain":"a.example.com","applicationID":"x"},{"type":"customJwt","issuer":"http://localhost","jwks":"data:text/plain,{}","algorithm":"ES256"}]}"#;
        let list = providers(text).expect("good");
        assert_eq!(
            list[0],
            json!({ "applicationID": "x", "domain": "https://a.example.com" })
        );
        assert_eq!(list[1]["applicationID"], Json::Null);
    }

    #[test]
    fn wrong_shapes_have_their_codes() {
        let code = |text: &str| providers(text).expect_err("bad").code;
        assert_eq!(code("{}"), "AuthConfigNotMatchingSchemaError");
        assert_eq!(
            code(r#"{"providers":[{"domain":"a.com"}]}"#),
            "AuthConfigNotMatchingSchemaError"
        );
        assert_eq!(
            code(r#"{"providers":[{"domain":"ftp://a.com","applicationID":"x"}]}"#),
            "InvalidProviderDomainUrl"
        );
        assert_eq!(
            code(r#"{"providers":[{"domain":"nonsense","applicationID":"x"}]}"#),
            "InvalidProviderDomainUrl"
        );
        assert_eq!(
            code(r#"{"providers":[{"type":"customJwt","domain":"a.com"}]}"#),
            "AuthConfigNotMatchingSchemaError"
        );
    }
}
