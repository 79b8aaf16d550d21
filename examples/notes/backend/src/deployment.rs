//! Which deployment to talk to, and the one connection to it.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, future};

use convex::{ConvexClient, ConvexClientBuilder, WebSocketState};
use tokio::sync::mpsc;
use tokio::time::timeout;

const DEFAULT_URL: &str = "http://127.0.0.1:3210";
/// The variables that may name the deployment, the better one first.
const VARIABLES: [&str; 2] = ["CONVEX_URL", "CONVEX_SELF_HOSTED_URL"];
/// Where the CLI writes them: beside package.json, seen from there and from this folder.
const ENV_FILES: [&str; 2] = [".env.local", "../.env.local"];
/// How long the first connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connection states that may wait to be read; what is more is dropped by the client.
const STATES_MAX: usize = 16;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("cannot read {file}: {source}")]
    EnvFile {
        file: &'static str,
        source: std::io::Error,
    },
    #[error("{url:?} is not usable as a deployment's URL: {reason}")]
    Url { url: String, reason: String },
    #[error("{url} needs TLS; build with `--features tls`")]
    #[cfg(not(feature = "tls"))]
    Tls { url: String },
    #[error(
        "nothing answers at {url} within {} s; is the server running? \
         (CONVEX_URL or --url names another one)",
        CONNECT_LIMIT.as_secs()
    )]
    Silent { url: String },
}

/// A client with an open connection.
pub struct Deployment {
    pub client: ConvexClient,
    states: mpsc::Receiver<WebSocketState>,
    connected: bool,
}

impl Deployment {
    /// Opens the connection to `url`, or to the deployment that the environment names.
    pub async fn connect(url: Option<&str>) -> Result<Deployment, DeploymentError> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => configured_url()?,
        };
        prepare_tls(&url)?;
        let (sender, states) = mpsc::channel(STATES_MAX);
        let client = ConvexClientBuilder::new(&url)
            .with_on_state_change(sender)
            .build()
            .await
            .map_err(|error| DeploymentError::Url {
                url: url.clone(),
                reason: format!("{error:#}"),
            })?;
        let mut deployment = Deployment {
            client,
            states,
            connected: false,
        };
        // The client retries for ever without a word, so a wrong address must be noticed here.
        match timeout(CONNECT_LIMIT, deployment.connection_changed()).await {
            Ok(_) => Ok(deployment),
            Err(_) => Err(DeploymentError::Silent { url }),
        }
    }

    /// Waits until the connection is made or lost; true if it is there now. Cancel-safe.
    pub async fn connection_changed(&mut self) -> bool {
        while let Some(state) = self.states.recv().await {
            let connected = matches!(state, WebSocketState::Connected);
            if connected != self.connected {
                self.connected = connected;
                return connected;
            }
        }
        // The client is gone and will never connect again; whoever waits also waits for its end.
        future::pending().await
    }
}

#[cfg(feature = "tls")]
fn prepare_tls(_url: &str) -> Result<(), DeploymentError> {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(())
}

#[cfg(not(feature = "tls"))]
fn prepare_tls(url: &str) -> Result<(), DeploymentError> {
    if url.starts_with("https:") || url.starts_with("wss:") {
        return Err(DeploymentError::Tls {
            url: url.to_owned(),
        });
    }
    Ok(())
}

fn configured_url() -> Result<String, DeploymentError> {
    let from_environment = VARIABLES
        .iter()
        .find_map(|name| env::var(name).ok().filter(|url| !url.is_empty()));
    if let Some(url) = from_environment {
        return Ok(url);
    }
    for file in ENV_FILES {
        match fs::read_to_string(Path::new(file)) {
            Ok(text) => {
                if let Some(url) = VARIABLES.iter().find_map(|name| variable(&text, name)) {
                    return Ok(url);
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(DeploymentError::EnvFile { file, source }),
        }
    }
    Ok(DEFAULT_URL.to_owned())
}

/// The value of `name` in a file of `NAME=value` lines, quotes and comments taken off.
fn variable(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (key, value) = line.split_once('=')?;
        if key.trim() != name {
            return None;
        }
        let value = value.trim();
        let bare = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split(" #").next()?.trim_end(),
        };
        (!bare.is_empty()).then(|| bare.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables_are_read_as_the_cli_writes_them() {
        let text = "# comment\nCONVEX_SELF_HOSTED_ADMIN_KEY='name|00'\n\
                    CONVEX_URL=http://127.0.0.1:3210 # local\nexport OTHER = \"a # b\"\nEMPTY=\n";
        assert_eq!(
            variable(text, "CONVEX_URL").as_deref(),
            Some("http://127.0.0.1:3210")
        );
        assert_eq!(
            variable(text, "CONVEX_SELF_HOSTED_ADMIN_KEY").as_deref(),
            Some("name|00")
        );
        assert_eq!(variable(text, "OTHER").as_deref(), Some("a # b"));
        assert_eq!(variable(text, "EMPTY"), None);
        assert_eq!(variable(text, "URL"), None);
    }
}
