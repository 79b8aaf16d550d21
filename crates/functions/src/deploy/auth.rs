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
    let providers = list
        .iter()
        .enumerate()
        .map(|(index, provider)| read(provider, index))
        .collect::<Result<Vec<Json>, DeployError>>()?;
    check_distinct(&providers)?;
    Ok(providers)
}

/// A token is checked by the one provider that has its issuer and one of its audiences
/// (function-runtime 2.6), so no two may have both.
fn check_distinct(providers: &[Json]) -> Result<(), DeployError> {
    let issuer = |provider: &Json| {
        let url = provider.get("issuer").or_else(|| provider.get("domain"));
        let url = url.and_then(Json::as_str).unwrap_or_default();
        url.trim_end_matches('/').to_ascii_lowercase()
    };
    let application = |provider: &Json| provider["applicationID"].as_str().map(str::to_owned);
    for (index, later) in providers.iter().enumerate() {
        for (earlier_index, earlier) in providers[..index].iter().enumerate() {
            let (one, other) = (application(earlier), application(later));
            if issuer(earlier) != issuer(later)
                || (one.is_some() && other.is_some() && one != other)
            {
                continue;
            }
            let shared = match one.filter(|one| Some(one) == other.as_ref()) {
                Some(id) => format!("and the applicationID {id:?}"),
                None => "and one of the two has no applicationID".to_owned(),
            };
            return Err(DeployError::bad(
                "AuthConfigNotMatchingSchemaError",
                format!(
                    "auth.config.js, provider {}: it has the issuer of provider {}, {:?}, {shared}, so that a token \
                     could be either's; remove one, or give each an applicationID of its own",
                    index + 1,
                    earlier_index + 1,
                    issuer(later)
                ),
            ));
        }
    }
    Ok(())
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
    fn no_two_providers_take_the_same_tokens() {
        let of = |ids: [&str; 2], domains: [&str; 2]| {
            let oidc = |n: usize| json!({ "domain": domains[n], "applicationID": ids[n] });
            providers(&json!({ "providers": [oidc(0), oidc(1)] }).to_string())
        };
        let same = of(["x", "x"], ["https://a.com", "a.com/"]).expect_err("the same");
        assert_eq!(same.code, "AuthConfigNotMatchingSchemaError");
        assert!(
            same.message
                .contains("provider 2: it has the issuer of provider 1"),
            "{same}"
        );
        // One issuer may serve several applications, and one name several issuers.
        of(["x", "y"], ["a.com", "a.com"]).expect("two applications");
        of(["x", "x"], ["a.com", "b.com"]).expect("two issuers");
        let custom = r#"{"type":"customJwt","issuer":"https://a.com","jwks":"https://a.com/k","algorithm":"RS256"}"#;
        let both =
            format!(r#"{{"providers":[{custom},{{"domain":"a.com","applicationID":"x"}}]}}"#);
        assert!(
            providers(&both)
                .expect_err("any application")
                .message
                .contains("has no applicationID")
        );
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
