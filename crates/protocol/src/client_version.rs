//! Which client speaks, and what it can do.

use semver::Version;

use crate::TRANSITION_CHUNK_NPM_SINCE;

/// A client's name and version, from the `Convex-Client` header or the path of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientVersion {
    /// `npm`, `python`, `rust`, …; empty if the client did not say.
    pub name: String,
    /// Its version; `None` if it did not say or it is no semantic version.
    pub version: Option<Version>,
}

/// Neither a semantic version nor `<name>-<version>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientVersionError(pub String);

impl ClientVersion {
    /// A client that did not say who it is.
    pub fn unknown() -> ClientVersion {
        ClientVersion {
            name: String::new(),
            version: None,
        }
    }

    /// From the path of the socket, `/api/<version>/sync`, which only npm clients use.
    pub fn from_path(text: &str) -> Result<ClientVersion, ClientVersionError> {
        let version = Version::parse(text).map_err(|error| {
            ClientVersionError(format!(
                "\"{text}\" in the path is not a client version ({error}); connect to /api/sync or /api/1.48.0/sync"
            ))
        })?;
        Ok(ClientVersion {
            name: "npm".to_owned(),
            version: Some(version),
        })
    }

    /// From a `Convex-Client` header: `<name>-<version>`, where the longest suffix that is a
    /// version counts (`npm-cli-1.48.0` is `npm-cli`).
    pub fn from_header(text: &str) -> Result<ClientVersion, ClientVersionError> {
        for (dash, _) in text.match_indices('-') {
            if let Ok(version) = Version::parse(&text[dash + 1..]) {
                return Ok(ClientVersion {
                    name: text[..dash].to_owned(),
                    version: Some(version),
                });
            }
        }
        match text.rsplit_once('-') {
            Some((name, _)) => Ok(ClientVersion {
                name: name.to_owned(),
                version: None,
            }),
            None => Err(ClientVersionError(format!(
                "the Convex-Client header \"{text}\" is not of the form <client>-<version>"
            ))),
        }
    }

    /// Whether it reassembles `TransitionChunk`s; others treat one as a protocol error.
    pub fn supports_transition_chunk(&self) -> bool {
        let (major, minor, patch) = TRANSITION_CHUNK_NPM_SINCE;
        self.name == "npm"
            && self
                .version
                .as_ref()
                .is_some_and(|it| *it >= Version::new(major, minor, patch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (text, name, version) in [
            ("npm-1.48.0", "npm", Some("1.48.0")),
            ("npm-cli-1.48.0", "npm-cli", Some("1.48.0")),
            ("rust-0.10.4", "rust", Some("0.10.4")),
            ("npm-1.48.0-alpha.1", "npm", Some("1.48.0-alpha.1")),
            ("python-0.8.1a0", "python", None),
        ] {
            let parsed = ClientVersion::from_header(text).unwrap();
            assert_eq!(parsed.name, name, "{text}");
            assert_eq!(
                parsed.version.map(|it| it.to_string()).as_deref(),
                version,
                "{text}"
            );
        }
        assert!(ClientVersion::from_header("npm").is_err());
    }

    #[test]
    fn chunks_are_for_npm_since_1_28() {
        for (text, expected) in [
            ("1.48.0", true),
            ("1.28.0", true),
            ("1.27.9", false),
            ("2.0.0", true),
        ] {
            assert_eq!(
                ClientVersion::from_path(text)
                    .unwrap()
                    .supports_transition_chunk(),
                expected,
                "{text}"
            );
        }
        assert!(ClientVersion::from_path("foo").is_err());
        assert!(
            !ClientVersion::from_header("rust-1.48.0")
                .unwrap()
                .supports_transition_chunk()
        );
        assert!(!ClientVersion::unknown().supports_transition_chunk());
    }
}
