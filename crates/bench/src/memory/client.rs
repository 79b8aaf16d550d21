//! Pushes bundles made up here, as the CLI does, and calls what is in them.

use anyhow::{Context, ensure};
use serde_json::{Value as Json, json};

use crate::http_client::HttpClient;
use crate::server::Server;

/// What the modules import instead of the npm package, which would be the same in all of them.
const SDK: &str = r#"
export const query = (handler) => Object.assign((...args) => handler({}, ...args), {
  isQuery: true, isPublic: true, _handler: handler,
  invokeQuery: async (text) => JSON.stringify((await handler({}, ...JSON.parse(text))) ?? null),
  exportArgs: () => '{"type":"any"}', exportReturns: () => "null",
});
"#;

/// Calls of each bundle once it is live.
const CALLS: usize = 4;

/// One connection to a server, and its key.
pub(crate) struct Client {
    http: HttpClient,
    key: String,
}

impl Client {
    /// Calls functions, and pushes with a key.
    pub(crate) async fn connect(server: &Server, key: Option<&str>) -> anyhow::Result<Client> {
        Ok(Client {
            http: HttpClient::connect(server.port).await?,
            key: key.unwrap_or_default().to_owned(),
        })
    }

    /// Pushes a bundle of about so many bytes and calls it a few times.
    pub(crate) async fn push_and_call(
        &mut self,
        number: usize,
        bytes: usize,
    ) -> anyhow::Result<()> {
        let module = |path: &str, source: &str| json!({"path": path, "source": source, "environment": "isolate"});
        let start = self.deploy(
            "start_push",
            json!({
                "functions": "convex/",
                "appDefinition": {"dependencies": [], "changedModules": [
                    module("a.js", &source(number, bytes)), module("_deps/sdk.js", SDK),
                ]},
                "componentDefinitions": [],
                "nodeDependencies": [],
            }),
        );
        let start = start.await.context("start_push")?;
        let change =
            json!({"schemaChange": start["schemaChange"], "timeoutMs": 60_000, "dryRun": false});
        let waited = self
            .deploy("wait_for_schema", change)
            .await
            .context("wait_for_schema")?;
        ensure!(waited["type"] == "complete", "wait_for_schema: {waited}");
        self.deploy("finish_push", json!({"startPush": start, "dryRun": false}))
            .await
            .context("finish_push")?;
        for call in 0..CALLS {
            let value = self.call("a:f", call).await?;
            ensure!(
                value.as_f64() == Some(number as f64),
                "{value} is not of push {number}"
            );
        }
        Ok(())
    }

    /// Calls a query; an argument that was not there before makes it another question.
    pub(crate) async fn call(&mut self, path: &str, n: usize) -> anyhow::Result<Json> {
        let body = json!({"path": path, "args": {"n": n}, "format": "json"});
        let answer: Json =
            serde_json::from_str(&self.http.post("/api/query", &body.to_string()).await?)?;
        ensure!(answer["status"] == "success", "{path}: {answer}");
        Ok(answer["value"].clone())
    }

    async fn deploy(&mut self, step: &str, mut body: Json) -> anyhow::Result<Json> {
        body["adminKey"] = json!(self.key);
        let path = format!("/api/deploy2/{step}");
        Ok(serde_json::from_str(
            &self.http.post(&path, &body.to_string()).await?,
        )?)
    }
}

/// A module of at least so many bytes, unlike all others.
fn source(number: usize, bytes: usize) -> String {
    let mut text = format!(
        "import {{ query }} from './_deps/sdk.js';\n\
         export const f = query(() => {number});\n\
         export const heavy = query(() => {{ const all = []; for (let i = 0; i < 2e5; i++) all.push({{ i, text: 'x' + i }}); return all.length; }});\n"
    );
    let mut at = 0;
    while text.len() < bytes {
        text.push_str(&format!("export const g{at} = (o) => {{ const x = {{ a: o?.a ?? '{number}', b: [{at}] }}; x.b.push(x.a); return x; }};\n"));
        at += 1;
    }
    text
}
