//! Speaks to a deployment over HTTP, as its admin.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value as Json, json};

use crate::credentials;
use crate::keys::now_secs;
use crate::options::PlaceOptions;

/// Where a server notes its address, in its data folder.
const ADDRESS: &str = "address";
/// Where servers listen that were told nothing.
const DEFAULT_URL: &str = "http://127.0.0.1:3210";
/// Bytes of an answer that is no file.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Which deployment is meant.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct TargetOptions {
    /// Where the server is [default: as the data folder says, else http://127.0.0.1:3210].
    #[arg(
        long,
        env = "CONVEX_SELF_HOSTED_URL",
        value_name = "URL",
        help_heading = "Deployment"
    )]
    pub(crate) url: Option<String>,
    /// Its admin key [default: made from the secret in the data folder].
    #[arg(
        long,
        env = "CONVEX_SELF_HOSTED_ADMIN_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Deployment"
    )]
    pub(crate) admin_key: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
}

/// Which component is meant.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct ComponentOptions {
    /// A component, by its path, e.g. `mailer` or `workflow/workpool` [default: the app itself].
    #[arg(long, value_name = "PATH")]
    pub(crate) component: Option<String>,
}

/// A deployment that can be asked.
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    key: String,
}

/// Notes where a server is, for commands that are given its data folder only.
pub(crate) fn note_address(data: &Path, url: &str) -> std::io::Result<()> {
    std::fs::write(data.join(ADDRESS), url)
}

impl Client {
    /// Finds the deployment's address and key; asks nothing yet.
    pub(crate) fn new(target: &TargetOptions) -> anyhow::Result<Client> {
        let data = credentials::data_folder(&target.place, None);
        let noted = std::fs::read_to_string(data.join(ADDRESS)).ok();
        let url = target.url.clone().or(noted);
        let url = url.as_deref().unwrap_or(DEFAULT_URL).trim();
        let key = match &target.admin_key {
            Some(key) => key.trim().to_owned(),
            None if credentials::exist(&data) => {
                let credentials = credentials::load_or_make(&target.place, &data)?;
                credentials.keys.mint(0, false, now_secs())
            }
            None => bail!(
                "no admin key: give --admin-key (CONVEX_SELF_HOSTED_ADMIN_KEY), or the server's data folder with --data"
            ),
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            // A server may close a connection after an answer, which whoever uses it again learns
            // too late.
            .max_idle_connections(0)
            .build();
        Ok(Client {
            agent: agent.into(),
            url: url.trim_end_matches('/').to_owned(),
            key,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The answer to a GET, as JSON.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Json> {
        let answer = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("Authorization", format!("Convex {}", self.key))
            .call();
        self.read(path, answer)
    }

    /// The answer to a POST of nothing, as JSON.
    pub(crate) fn post_empty(&self, path: &str) -> anyhow::Result<Json> {
        let answer = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Convex {}", self.key))
            .send_empty();
        self.read(path, answer)
    }

    /// The answer to a POST of JSON, as JSON.
    pub(crate) fn post(&self, path: &str, body: &Json) -> anyhow::Result<Json> {
        self.post_as(&self.key, path, body)
    }

    fn post_as(&self, key: &str, path: &str, body: &Json) -> anyhow::Result<Json> {
        let answer = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Convex {key}"))
            .header("Content-Type", "application/json")
            .send(body.to_string().as_bytes());
        self.read(path, answer)
    }

    /// The answer to a POST of bytes, as JSON.
    pub(crate) fn post_bytes(&self, path: &str, bytes: &[u8]) -> anyhow::Result<Json> {
        let answer = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Convex {}", self.key))
            .header("Content-Type", "application/octet-stream")
            .send(bytes);
        self.read(path, answer)
    }

    /// A file: the name it should have, its length, and its bytes.
    pub(crate) fn download(
        &self,
        path: &str,
    ) -> anyhow::Result<(Option<String>, Option<u64>, impl Read + use<>)> {
        let answer = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("Authorization", format!("Convex {}", self.key))
            .call();
        let answer = answer.with_context(|| self.unreachable())?;
        if answer.status().as_u16() != 200 {
            self.read(path, Ok(answer))?;
            bail!("{path} answered without a file");
        }
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        let name = header("content-disposition")
            .and_then(|text| text.split_once("filename="))
            .map(|(_, name)| name.trim_matches('"').to_owned());
        let length = header("content-length").and_then(|text| text.parse().ok());
        Ok((name, length, answer.into_body().into_reader()))
    }

    /// What a function of the server itself answers.
    pub(crate) fn system(&self, path: &str, args: Json) -> anyhow::Result<Json> {
        let body = json!({ "path": path, "args": [args], "format": "convex_encoded_json" });
        self.value(self.post("/api/query", &body)?)
    }

    /// The same of a component; none is the app.
    pub(crate) fn system_in(
        &self,
        component: Option<&str>,
        path: &str,
        args: &Json,
    ) -> anyhow::Result<Json> {
        self.run(component, path, args, None)
    }

    /// Runs a function of the app or of a component, as the admin or as somebody; its value. What it
    /// logs goes to stderr.
    pub(crate) fn run(
        &self,
        component: Option<&str>,
        path: &str,
        args: &Json,
        identity: Option<&str>,
    ) -> anyhow::Result<Json> {
        let mut body = json!({ "path": path, "args": args, "format": "convex_encoded_json" });
        if let Some(component) = component {
            body["componentPath"] = json!(component);
        }
        let key = match identity {
            None => self.key.clone(),
            Some(identity) => format!("{}:{identity}", self.key),
        };
        self.value(self.post_as(&key, "/api/function", &body)?)
    }

    fn value(&self, answer: Json) -> anyhow::Result<Json> {
        for line in answer["logLines"].as_array().into_iter().flatten() {
            eprintln!("{}", line.as_str().unwrap_or_default());
        }
        match answer["status"].as_str() {
            Some("success") => Ok(answer["value"].clone()),
            _ => {
                let message = answer["errorMessage"].as_str().unwrap_or("it failed");
                match answer.get("errorData") {
                    Some(data) => bail!("{message}\n{data}"),
                    None => bail!("{message}"),
                }
            }
        }
    }

    fn read(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Json> {
        let mut answer = answer.with_context(|| self.unreachable())?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body
            .read_to_string()
            .with_context(|| format!("{} {path} cannot be read", self.url))?;
        let json: Option<Json> = serde_json::from_str(&text).ok();
        // A function that failed answers 560.
        if matches!(status, 200..300 | 560) {
            return Ok(json.unwrap_or_default());
        }
        let told = json.as_ref().and_then(|json| {
            let (code, message) = (json["code"].as_str()?, json["message"].as_str()?);
            Some(anyhow!(explained(&format!("{code}: {message}"))))
        });
        Err(told.unwrap_or_else(|| anyhow!("{} {path} answered {status}: {text}", self.url)))
    }

    fn unreachable(&self) -> String {
        format!(
            "no server answers at {}; start it with `lentil`, or say where it is with --url (CONVEX_SELF_HOSTED_URL)",
            self.url
        )
    }
}

/// A message that begins with a code, with the page that explains the code.
pub(crate) fn explained(message: &str) -> String {
    let code = message.split_once(": ").map(|(code, _)| code);
    let code = code.filter(|code| {
        code.starts_with(|c: char| c.is_ascii_uppercase())
            && code.chars().all(|c| c.is_ascii_alphabetic())
            && code.chars().filter(char::is_ascii_uppercase).count() > 1
    });
    code.map_or_else(
        || message.to_owned(),
        |code| format!("{message} (docs/errors/{code}.md)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_to_their_pages() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for message in ["BadAdminKey: no", "TableExists: the table has documents"] {
            let explained = explained(message);
            let page = explained
                .split_once('(')
                .and_then(|(_, rest)| rest.strip_suffix(')'))
                .expect("a page");
            assert!(folder.join(page).is_file(), "{explained}");
        }
        for message in ["Error: no", "no code", "the export failed: InvalidZip"] {
            assert_eq!(explained(message), message);
        }
    }
}
