//! URLs of files that end: a time and a signature of it and of the name, if the deployment wants
//! them (`--file-url-ttl`). Nothing is kept of a URL, so one cannot be called back before its time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Ends of URLs lie so many parts of their time apart, so that a query that runs again soon gives
/// the same URL and browsers find the file in their cache.
const STEPS: u64 = 4;

/// Why a URL is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadUrl {
    /// It has no signature, or not that of this name and time.
    Unsigned,
    /// Its time is over.
    Expired,
}

/// Signs and checks URLs of files.
pub(crate) struct UrlSigner {
    key: [u8; 32],
    /// How long a URL is good; `None` for ever, and then nothing is signed or checked.
    ttl: Option<Duration>,
}

impl UrlSigner {
    /// Signatures of a deployment; they hold as long as `secret` stays the same.
    pub(crate) fn new(secret: &[u8; 32], ttl: Option<Duration>) -> UrlSigner {
        let mut hash = Sha256::new();
        hash.update(b"signatures of file URLs");
        hash.update(secret);
        UrlSigner {
            key: hash.finalize().into(),
            ttl,
        }
    }

    /// Whether URLs end: then what a query gives depends on the time.
    pub(crate) fn ends(&self) -> bool {
        self.ttl.is_some()
    }

    /// What follows the name in a URL that is made at `now_ms`: nothing, or time and signature.
    /// It is good for the time that was set, and up to a quarter of it longer.
    pub(crate) fn query(&self, name: Uuid, now_ms: f64) -> String {
        let Some(ttl) = self.ttl else {
            return String::new();
        };
        let step = (ttl.as_secs() / STEPS).max(1);
        let now = (now_ms.max(0.0) / 1e3).ceil() as u64;
        let expires = now.next_multiple_of(step).saturating_add(ttl.as_secs());
        let signature = URL_SAFE_NO_PAD.encode(self.mac(name, expires).finalize().into_bytes());
        format!("?expires={expires}&signature={signature}")
    }

    /// How long a URL is still good, `None` for ever.
    pub(crate) fn check(
        &self,
        name: Uuid,
        expires: Option<&str>,
        signature: Option<&str>,
        now_ms: f64,
    ) -> Result<Option<Duration>, BadUrl> {
        if self.ttl.is_none() {
            return Ok(None);
        }
        let expires: u64 = expires
            .and_then(|text| text.parse().ok())
            .ok_or(BadUrl::Unsigned)?;
        let signature = signature.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        // Compared in constant time; before the time is looked at, which anybody may have written.
        self.mac(name, expires)
            .verify_slice(&signature.ok_or(BadUrl::Unsigned)?)
            .map_err(|_| BadUrl::Unsigned)?;
        let left_s = expires as f64 - now_ms / 1e3;
        if left_s <= 0.0 {
            return Err(BadUrl::Expired);
        }
        Ok(Some(Duration::from_secs_f64(left_s)))
    }

    fn mac(&self, name: Uuid, expires: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length is a key");
        mac.update(name.as_bytes());
        mac.update(&expires.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const NOW_MS: f64 = 1_800_000_000_000.0;

    /// Time and signature of a query string.
    fn parts(query: &str) -> (String, String) {
        let query = query.strip_prefix("?expires=").expect("it begins so");
        let (expires, signature) = query.split_once("&signature=").expect("it has both");
        (expires.to_owned(), signature.to_owned())
    }

    #[test]
    fn without_a_time_nothing_is_signed_or_checked() {
        let signer = UrlSigner::new(&[1; 32], None);
        assert_eq!(signer.query(Uuid::nil(), NOW_MS), "");
        let open = signer.check(Uuid::nil(), Some("1"), Some("old"), NOW_MS);
        assert_eq!(open, Ok(None));
    }

    #[test]
    fn a_url_is_good_until_its_time_and_for_its_file() {
        let signer = UrlSigner::new(&[1; 32], Some(HOUR));
        let name = Uuid::from_u128(7);
        let (expires, signature) = parts(&signer.query(name, NOW_MS));
        let check = |signer: &UrlSigner, name, expires: &str, signature: &str, now_ms| {
            signer.check(name, Some(expires), Some(signature), now_ms)
        };
        let left = check(&signer, name, &expires, &signature, NOW_MS).expect("it is good");
        let left = left.expect("it ends");
        assert!(left >= HOUR && left <= HOUR + HOUR / 4, "{left:?}");
        let end_ms = expires.parse::<f64>().expect("a number") * 1e3;
        assert!(check(&signer, name, &expires, &signature, end_ms - 1.0).is_ok());
        let late = check(&signer, name, &expires, &signature, end_ms);
        assert_eq!(late, Err(BadUrl::Expired));
        let later = (expires.parse::<u64>().expect("a number") + 1).to_string();
        let unsigned = [
            check(&signer, Uuid::from_u128(8), &expires, &signature, NOW_MS),
            check(&signer, name, &later, &signature, NOW_MS),
            check(&signer, name, &expires, &signature[1..], NOW_MS),
            check(&signer, name, &expires, "", NOW_MS),
            check(&signer, name, "soon", &signature, NOW_MS),
            signer.check(name, None, None, NOW_MS),
            check(
                &UrlSigner::new(&[2; 32], Some(HOUR)),
                name,
                &expires,
                &signature,
                NOW_MS,
            ),
        ];
        for refused in unsigned {
            assert_eq!(refused, Err(BadUrl::Unsigned));
        }
    }

    #[test]
    fn urls_made_soon_after_one_another_are_the_same() {
        let signer = UrlSigner::new(&[1; 32], Some(HOUR));
        let at = |seconds: f64| signer.query(Uuid::nil(), NOW_MS + seconds * 1e3);
        let first = at(1.0);
        assert!((2..800).all(|second| at(f64::from(second)) == first));
        assert_ne!(at(1_000.0), first);
    }
}
