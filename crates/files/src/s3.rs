//! An S3-compatible store: its settings, and the check at the start that says what is wrong with
//! them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};

use crate::{FileError, FileStore};

/// How long the store may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long it may send nothing in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the check at the start may take, every request of it.
const CHECK_TIME: Duration = Duration::from_secs(10);
/// Requests that fail for reasons of the service are repeated so often, for so long.
const RETRIES: usize = 5;
const RETRY_TIME: Duration = Duration::from_secs(20);
/// What the check writes and removes; no key of a file has a hyphen.
const PROBE: &str = "lentil-check";

/// Where an S3-compatible store is and how it is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket, which is there already.
    pub bucket: String,
    /// Scheme and host of the service; none means AWS.
    pub endpoint: Option<String>,
    /// Its region; services other than AWS mostly take any.
    pub region: Option<String>,
    /// The key; none asks the machine (AWS roles).
    pub key: Option<S3Key>,
    /// Whether the bucket stands in the path of URLs, rather than in their host.
    pub path_style: bool,
    /// What the names of all files begin with.
    pub prefix: String,
}

/// An access key. Its secret is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Key {
    /// Its public half.
    pub id: String,
    /// Its secret half.
    pub secret: String,
    /// The token of a temporary key.
    pub token: Option<String>,
}

impl fmt::Debug for S3Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FileStore {
    /// Keeps contents in an S3-compatible store, which is asked whether it lets us: wrong settings
    /// are an error here and not at the first upload.
    pub async fn s3(settings: &S3Settings) -> Result<FileStore, FileError> {
        // An error means that somebody has installed one already, which does as well.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let prefix = Path::parse(settings.prefix.trim_matches('/'))
            .map_err(|error| wrong(settings, format!("the prefix is not usable: {error}")))?;
        let retries = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: RETRY_TIME,
        };
        // A file takes as long as its reader does; silence is limited all the same.
        let patient = client(
            settings,
            ClientOptions::new().with_timeout_disabled(),
            retries,
        )?;
        let hasty = RetryConfig {
            max_retries: 1,
            retry_timeout: CHECK_TIME,
            backoff: BackoffConfig::default(),
        };
        let options = ClientOptions::new().with_timeout(CHECK_TIME);
        let probe = PrefixStore::new(client(settings, options, hasty)?, prefix.clone());
        check(&probe)
            .await
            .map_err(|error| wrong(settings, explain(settings, &error)))?;
        Ok(FileStore {
            store: Arc::new(PrefixStore::new(patient, prefix)),
        })
    }
}

fn client(
    settings: &S3Settings,
    options: ClientOptions,
    retries: RetryConfig,
) -> Result<AmazonS3, FileError> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_client_options(
            options
                .with_connect_timeout(CONNECT_TIME)
                .with_read_timeout(SILENCE)
                .with_allow_http(true),
        )
        .with_retry(retries)
        // Many compatible services know no requests that delete several.
        .with_disable_bulk_delete(true);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint_of(settings, endpoint)?);
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(key) = &settings.key {
        builder = builder
            .with_access_key_id(&key.id)
            .with_secret_access_key(&key.secret);
        if let Some(token) = &key.token {
            builder = builder.with_token(token);
        }
    }
    builder
        .build()
        .map_err(|error| wrong(settings, error.to_string()))
}

/// Where requests go: with the bucket in the host, unless it stands in the path.
fn endpoint_of(settings: &S3Settings, endpoint: &str) -> Result<String, FileError> {
    let endpoint = endpoint.trim_end_matches('/');
    let Some((scheme, host)) = endpoint
        .split_once("://")
        .filter(|(scheme, host)| matches!(*scheme, "http" | "https") && !host.is_empty())
    else {
        let message = format!(
            "the endpoint {endpoint:?} is no URL; it must begin with http:// or https:// and name a host"
        );
        return Err(wrong(settings, message));
    };
    Ok(match settings.path_style {
        true => endpoint.to_owned(),
        false => format!("{scheme}://{}.{host}", settings.bucket),
    })
}

/// Whether files can be listed, written and removed.
async fn check(store: &PrefixStore<AmazonS3>) -> Result<(), object_store::Error> {
    if let Some(listed) = store.list(None).next().await {
        listed?;
    }
    let probe = Path::from(PROBE);
    store.put(&probe, PROBE.into()).await?;
    store.delete(&probe).await
}

fn wrong(settings: &S3Settings, message: String) -> FileError {
    let place = settings.endpoint.as_deref().unwrap_or("AWS S3");
    FileError::Store {
        action: "opening the S3 store of files",
        message: format!("bucket {:?} at {place}: {message}", settings.bucket),
    }
}

/// What the operator should do about an error of the check.
fn explain(settings: &S3Settings, error: &object_store::Error) -> String {
    let said = chain(error);
    let knows = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let hint = if knows(&["NoSuchBucket"]) {
        "the bucket does not exist: create it, or correct its name (S3_STORAGE_FILES_BUCKET)"
    } else if knows(&[
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "NotSignedUp",
        "InvalidToken",
    ]) {
        "the key is refused: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    } else if knows(&["AccessDenied", "403"]) {
        "access is denied: the key must be allowed to list, read, write and delete in the bucket"
    } else if knows(&[
        "AuthorizationHeaderMalformed",
        "PermanentRedirect",
        "IllegalLocation",
    ]) {
        "the region is another one: correct AWS_REGION"
    } else if knows(&[
        "onnect",
        "dns error",
        "timed out",
        "HTTP error: error sending",
    ]) {
        "the service cannot be reached: check S3_ENDPOINT_URL and the network"
    } else {
        "the service refuses"
    };
    let key = settings.key.as_ref().map(|key| key.secret.as_str());
    // No service should repeat a secret; what it says is shown to people all the same.
    let said = match key {
        Some(secret) if !secret.is_empty() => said.replace(secret, "…"),
        _ => said,
    };
    format!("{hint} ({said})")
}

/// An error with all that caused it.
fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
