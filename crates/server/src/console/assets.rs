//! The dashboard's files, as `cargo xtask dashboard` has built them. A debug build reads them from
//! where they lie; a release build holds them.

use std::borrow::Cow;

/// What is shown in their place.
pub(super) const NOT_BUILT: &str = include_str!("not_built.html");

/// A file, perhaps compressed.
pub(super) struct Found {
    pub(super) content: Cow<'static, [u8]>,
    /// Its content type.
    pub(super) kind: &'static str,
    /// How it is compressed.
    pub(super) encoding: Option<&'static str>,
}

#[cfg(feature = "dashboard")]
mod embedded {
    /// Compressed twins lie beside the files.
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../../dashboard/dist"]
    #[allow_missing = true]
    pub(super) struct Files;
}

#[cfg(feature = "dashboard")]
fn content(path: &str) -> Option<Cow<'static, [u8]>> {
    embedded::Files::get(path).map(|file| file.data)
}

#[cfg(not(feature = "dashboard"))]
fn content(_: &str) -> Option<Cow<'static, [u8]>> {
    None
}

/// The file of that path in the best form that the browser takes.
pub(super) fn find(path: &str, accepted: &str) -> Option<Found> {
    let kind = kind_of(path);
    for (encoding, extension) in [("br", "br"), ("gzip", "gz")] {
        if takes(accepted, encoding)
            && let Some(content) = content(&format!("{path}.{extension}"))
        {
            return Some(Found {
                content,
                kind,
                encoding: Some(encoding),
            });
        }
    }
    content(path).map(|content| Found {
        content,
        kind,
        encoding: None,
    })
}

fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some(encoding) && words.next() != Some("q=0")
    })
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_the_browser_takes() {
        assert!(takes("gzip, deflate, br", "br") && takes("br;q=0.5", "br"));
        assert!(!takes("gzip", "br") && !takes("br;q=0, gzip", "br") && !takes("", "gzip"));
    }
}
