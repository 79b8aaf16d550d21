//! Heads of requests and responses of HTTP actions: which URL the handler sees, who asks, and
//! which headers pass.

use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderName, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use lentil_functions::HttpHead;
use lentil_identity::{AdminKeys, Identity, parse_authorization};

use crate::errors::ApiError;

/// What belongs to one connection and not to the request or response (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The head of a request as the handler gets it.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) url: String,
    /// Raw: still percent-encoded.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn read(parts: &Parts) -> Result<Head, ApiError> {
        let path = match parts.uri.path() {
            "" | "*" => "/",
            path => path,
        };
        let query = parts.uri.query().map(|query| format!("?{query}"));
        let (scheme, host) = (scheme(&parts.headers), host(&parts.headers, &parts.uri));
        let url = format!("{scheme}://{host}{path}{}", query.unwrap_or_default());
        let known = url::Url::parse(&url).ok();
        if known.is_none_or(|url| !url.username().is_empty() || url.password().is_some()) {
            let message = format!("the Host header {host:?} and the path do not make a URL");
            return Err(ApiError::bad_request("BadHost", message));
        }
        Ok(Head {
            url,
            path: path.to_owned(),
            headers: request_headers(&parts.headers),
        })
    }
}

/// What the caller has used, as far as proxies tell.
fn scheme(headers: &HeaderMap) -> &'static str {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        value.split(',').next().map(str::trim)
    };
    let forwarded = || {
        let pairs = first(FORWARDED.as_str())?.split(';');
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        let (_, proto) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("proto"))?;
        Some(proto.trim_matches('"'))
    };
    match first("x-forwarded-proto").or_else(forwarded) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

fn host(headers: &HeaderMap, uri: &Uri) -> String {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = || uri.authority().map(|authority| authority.as_str());
    let host = header.filter(|host| !host.is_empty()).or_else(authority);
    host.unwrap_or("localhost").to_owned()
}

/// Who asks. Whoever cannot be told is let in all the same, and the app is told why (5.4).
pub(super) fn identity(headers: &HeaderMap, keys: &AdminKeys) -> Result<Identity, String> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(Identity::Anonymous);
    };
    let header = header
        .to_str()
        .map_err(|_| "the Authorization header is not printable ASCII".to_owned())?;
    parse_authorization(Some(header), keys).map_err(|error| error.message)
}

/// The names that the `Connection` header adds to those that do not pass.
fn named(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn request_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let named = named(headers);
    let passes = |name: &HeaderName| {
        !HOP_BY_HOP.contains(name) && !named.iter().any(|other| other == name.as_str())
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| passes(name)) {
        let text: String = value.as_bytes().iter().copied().map(char::from).collect();
        // Unlike other lists, cookies in several headers are joined by semicolons.
        let first = pairs.iter_mut().find(|(known, _)| known == COOKIE.as_str());
        match first {
            Some((_, cookies)) if *name == COOKIE => *cookies = format!("{cookies}; {text}"),
            _ => pairs.push((name.to_string(), text)),
        }
    }
    pairs
}

/// The headers of a response; each of several `Set-Cookie` stays one.
pub(super) fn response_headers(head: &HttpHead) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &head.headers {
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
        let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) else {
            let what = format!("the header {name} of an HTTP action cannot be sent");
            return Err(ApiError::internal(&what));
        };
        headers.append(name, value);
    }
    for name in named(&headers) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    if lengths > 0 && (lengths > 1 || crate::request::announced_length(&headers).is_none()) {
        headers.remove(CONTENT_LENGTH);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::try_from(*name).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn proxies_tell_the_scheme() {
        for (pairs, expected) in [
            (&[][..], "http"),
            (&[("x-forwarded-proto", "https")], "https"),
            (&[("x-forwarded-proto", "https, http")], "https"),
            (
                &[("x-forwarded-proto", "http"), ("forwarded", "proto=https")],
                "http",
            ),
            (
                &[("forwarded", "for=1.2.3.4;proto=\"https\", proto=http")],
                "https",
            ),
            (&[("x-forwarded-proto", "javascript")], "http"),
        ] {
            assert_eq!(scheme(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_connection_does_not_pass() {
        let given = headers(&[
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("x-theirs", "2"),
        ]);
        let expected = vec![("x-theirs".to_owned(), "2".to_owned())];
        assert_eq!(request_headers(&given), expected);
    }

    #[test]
    fn bytes_of_headers_are_characters() {
        let mut given = HeaderMap::new();
        given.insert("x", HeaderValue::from_bytes(&[0xe9]).expect("a value"));
        given.append(COOKIE, HeaderValue::from_static("a=1"));
        given.append(COOKIE, HeaderValue::from_static("b=2"));
        let pairs = request_headers(&given);
        assert!(
            pairs.contains(&("x".to_owned(), "é".to_owned())),
            "{pairs:?}"
        );
        assert!(
            pairs.contains(&("cookie".to_owned(), "a=1; b=2".to_owned())),
            "{pairs:?}"
        );
        let head = HttpHead {
            status: 200,
            headers: pairs,
            has_body: false,
            length: None,
        };
        let sent = response_headers(&head).expect("they can be sent");
        assert_eq!(sent["x"].as_bytes(), [0xe9]);
    }

    #[test]
    fn lengths_that_are_none_are_not_sent() {
        for value in ["-1", "abc", "1, 2"] {
            let headers = vec![("content-length".to_owned(), value.to_owned())];
            let head = HttpHead {
                status: 200,
                headers,
                has_body: true,
                length: None,
            };
            let sent = response_headers(&head).expect("the rest can be sent");
            assert_eq!(sent.get(CONTENT_LENGTH), None, "{value}");
        }
    }
}
