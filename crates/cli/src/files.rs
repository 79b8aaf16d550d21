//! Where the contents of files are kept: flags and environment variables, of which those of the
//! stock server keep their names.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use lentil_files::{FileStore, S3Key, S3Settings};

/// Shortest time for which a URL of a file may be good, seconds: results of queries are kept for 20.
const URL_TTL_MIN: u64 = 60;
/// Longest time for which a URL of a file may be good, seconds: a year.
const URL_TTL_MAX: u64 = 366 * 24 * 3_600;

/// See [`crate::options::ServeOptions`].
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct FileOptions {
    /// Keep contents of files in this bucket of an S3-compatible service [default: in the data folder].
    #[arg(
        long,
        env = "S3_STORAGE_FILES_BUCKET",
        value_name = "BUCKET",
        help_heading = "Files"
    )]
    s3_bucket: Option<String>,
    /// Where the service is, e.g. `https://s3.example.com` [default: AWS].
    #[arg(
        long,
        env = "S3_ENDPOINT_URL",
        value_name = "URL",
        help_heading = "Files"
    )]
    s3_endpoint: Option<String>,
    /// Its region [default: us-east-1].
    #[arg(
        long,
        env = "AWS_REGION",
        value_name = "REGION",
        help_heading = "Files"
    )]
    s3_region: Option<String>,
    /// The access key [default: AWS roles of the machine].
    #[arg(
        long,
        env = "AWS_ACCESS_KEY_ID",
        value_name = "ID",
        help_heading = "Files"
    )]
    s3_access_key_id: Option<String>,
    /// Its secret; better given in the environment, which other users cannot see.
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        value_name = "SECRET",
        help_heading = "Files"
    )]
    s3_secret_access_key: Option<String>,
    /// The token of a temporary access key.
    #[arg(
        long,
        env = "AWS_SESSION_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Files"
    )]
    s3_session_token: Option<String>,
    /// Whether the bucket stands in the path of URLs, not in their host [default: true with --s3-endpoint].
    #[arg(long, env = "AWS_S3_FORCE_PATH_STYLE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "Files")]
    s3_path_style: Option<bool>,
    /// What the names of all files in the bucket begin with, so that deployments may share it.
    #[arg(
        long,
        env = "LENTIL_S3_PREFIX",
        value_name = "PREFIX",
        help_heading = "Files"
    )]
    s3_prefix: Option<String>,
    /// Seconds for which a URL of `ctx.storage.getUrl` is good [default: as long as the file is there].
    #[arg(long, env = "LENTIL_FILE_URL_TTL", value_parser = clap::value_parser!(u64).range(URL_TTL_MIN..=URL_TTL_MAX), value_name = "SECONDS", help_heading = "Files")]
    file_url_ttl: Option<u64>,
}

impl FileOptions {
    /// Opens the store; an S3-compatible one is asked whether it lets us.
    pub(crate) async fn open(&self, data: &Path) -> anyhow::Result<FileStore> {
        let Some(settings) = self.s3()? else {
            return Ok(FileStore::local(&data.join("files"))?);
        };
        let place = settings.endpoint.as_deref().unwrap_or("AWS").to_owned();
        let store = FileStore::s3(&settings)
            .await
            .context("files cannot be kept in S3")?;
        tracing::info!(bucket = settings.bucket, at = place, "files are kept in S3");
        Ok(store)
    }

    /// How long URLs of files are good, if they end.
    pub(crate) fn url_ttl(&self) -> Option<Duration> {
        self.file_url_ttl.map(Duration::from_secs)
    }

    /// What is said of S3, if a bucket is.
    fn s3(&self) -> anyhow::Result<Option<S3Settings>> {
        let Some(bucket) = given(&self.s3_bucket) else {
            return Ok(None);
        };
        let (id, secret) = (
            given(&self.s3_access_key_id),
            given(&self.s3_secret_access_key),
        );
        let key = match (id, secret) {
            (Some(id), Some(secret)) => Some(S3Key {
                id,
                secret,
                token: given(&self.s3_session_token),
            }),
            (None, None) => None,
            (Some(_), None) => bail!(
                "files are to be kept in S3, and its access key has no secret: set AWS_SECRET_ACCESS_KEY"
            ),
            (None, Some(_)) => bail!(
                "files are to be kept in S3, and there is the secret of an access key without the key: set AWS_ACCESS_KEY_ID"
            ),
        };
        let endpoint = given(&self.s3_endpoint);
        Ok(Some(S3Settings {
            bucket,
            path_style: self.s3_path_style.unwrap_or(endpoint.is_some()),
            endpoint,
            region: given(&self.s3_region),
            key,
            prefix: given(&self.s3_prefix).unwrap_or_default(),
        }))
    }
}

/// A value, unless it is empty: containers set variables that way.
fn given(text: &Option<String>) -> Option<String> {
    text.as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn without_a_bucket_there_is_no_s3() {
        let options = FileOptions {
            s3_bucket: text(" "),
            s3_access_key_id: text("of something else"),
            ..FileOptions::default()
        };
        assert_eq!(options.s3().expect("nothing is wrong"), None);
    }

    #[test]
    fn half_a_key_is_refused() {
        let mut options = FileOptions {
            s3_bucket: text("files"),
            s3_access_key_id: text("id"),
            ..FileOptions::default()
        };
        let error = options.s3().expect_err("half a key");
        assert!(
            error.to_string().contains("set AWS_SECRET_ACCESS_KEY"),
            "{error}"
        );
        options.s3_secret_access_key = text("very secret");
        options.s3_access_key_id = None;
        let error = options.s3().expect_err("half a key");
        assert!(
            error.to_string().contains("set AWS_ACCESS_KEY_ID"),
            "{error}"
        );
        assert!(!error.to_string().contains("very secret"));
    }

    #[test]
    fn buckets_stand_in_paths_where_there_is_an_endpoint() {
        let mut options = FileOptions {
            s3_bucket: text("files"),
            ..FileOptions::default()
        };
        let style = |options: &FileOptions| {
            let settings = options.s3().expect("nothing is wrong");
            settings.expect("there is a bucket").path_style
        };
        assert!(!style(&options));
        options.s3_endpoint = text("http://127.0.0.1:9000");
        assert!(style(&options));
        options.s3_path_style = Some(false);
        assert!(!style(&options));
    }
}
