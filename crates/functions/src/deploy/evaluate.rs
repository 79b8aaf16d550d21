//! Runs what a push says about itself: analysis, schema, auth configuration, app definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_catalog::{Schema, Variable};
use lentil_js::{Bundle, Host};
use serde_json::{Value as Json, json};

use super::analysis::AnalyzedModuleJson;
use super::image::source_of;
use super::request::{PushRequest, PushedModule};
use super::{DeployError, Deployer, auth, blocking};

/// Everything that evaluating a push gave.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// All modules with their texts, by path.
    pub(super) modules: Vec<PushedModule>,
    /// Analysis of each module that is not a chunk.
    pub(super) analysis: BTreeMap<String, AnalyzedModuleJson>,
    /// Providers of `auth.config.js`.
    pub(super) auth: Vec<Json>,
    /// The schema and its JSON text; an app without one has the empty schema.
    pub(super) schema: Arc<Schema>,
    /// Its text; `None` without `schema.ts`.
    pub(super) schema_text: Option<String>,
    /// What `convex.config.ts` exports.
    pub(super) definition: Json,
    /// The user's environment variables that it was evaluated with.
    pub(super) variables: BTreeMap<String, String>,
    /// Module-level randomness until the next push.
    pub(super) import_seed: [u8; 32],
    /// Module-level time until the next push.
    pub(super) import_time_ms: f64,
}

impl Evaluated {
    /// The schema that is kept when there is no `schema.ts`.
    pub(super) fn kept_schema_text(&self) -> &str {
        self.schema_text
            .as_deref()
            .unwrap_or(r#"{"tables":[],"schemaValidation":false}"#)
    }
}

impl Deployer {
    /// Reads, links and evaluates; changes nothing.
    pub(super) async fn evaluate(
        &self,
        request: Arc<PushRequest>,
    ) -> Result<Evaluated, DeployError> {
        let reading = request.clone();
        let (modules, variables, import_time_ms) = self
            .transact(move |tx| {
                let variables = Variable::all(tx)?
                    .into_iter()
                    .map(|variable| (variable.name, variable.value));
                Ok((
                    reading.modules(tx)?,
                    variables.collect::<BTreeMap<_, _>>(),
                    tx.now_ms(),
                ))
            })
            .await?;
        let import_seed: [u8; 32] = rand::random();
        let mut environment = self.shared.images.built_in().clone();
        environment.extend(variables.clone());
        let environment = Arc::new(environment);
        let host = &self.shared.host;

        let bundle = link(modules.clone(), import_seed, import_time_ms).await?;
        let analyzed = host.analyze(bundle.clone(), environment.clone()).await?;
        let mut analysis = BTreeMap::new();
        for (path, module) in analyzed {
            let json = AnalyzedModuleJson::new(&path, module)?;
            analysis.insert(path, json);
        }
        let mut providers = Vec::new();
        if modules.iter().any(|module| module.path == "auth.config.js") {
            providers = auth::providers(&host.evaluate_auth(bundle, environment.clone()).await?)?;
            analysis.insert("auth.config.js".to_owned(), AnalyzedModuleJson::empty());
        }
        let app = &request.app_definition;
        let (schema, schema_text) =
            evaluate_schema(host, app.schema.as_ref(), import_seed, import_time_ms).await?;
        let definition = match &app.definition {
            None => json!({}),
            Some(module) => {
                let bundle = link(vec![module.clone()], import_seed, import_time_ms).await?;
                let text = host.evaluate_definition(bundle, environment).await?;
                serde_json::from_str(&text).map_err(|error| {
                    DeployError::bad(
                        "InvalidConvexConfig",
                        format!("convex.config.ts does not export an app: {error}"),
                    )
                })?
            }
        };
        Ok(Evaluated {
            modules,
            analysis,
            auth: providers,
            schema: Arc::new(schema),
            schema_text,
            definition,
            variables,
            import_seed,
            import_time_ms,
        })
    }
}

async fn evaluate_schema(
    host: &Host,
    module: Option<&PushedModule>,
    seed: [u8; 32],
    time_ms: f64,
) -> Result<(Schema, Option<String>), DeployError> {
    let Some(module) = module else {
        return Ok((Schema::default(), None));
    };
    let bundle = link(vec![module.clone()], seed, time_ms).await?;
    let text = host.evaluate_schema(bundle).await?;
    Ok((Schema::parse(&text)?, Some(text)))
}

/// Links off the async workers: a bundle may have tens of megabytes.
async fn link(
    modules: Vec<PushedModule>,
    seed: [u8; 32],
    time_ms: f64,
) -> Result<Arc<Bundle>, DeployError> {
    blocking(move || {
        let sources = modules
            .into_iter()
            .map(|module| {
                let (text, environment) = (module.text(), module.environment);
                source_of(module.path, &environment, text)
            })
            .collect();
        Ok(Arc::new(Bundle::link(sources, seed, time_ms)?))
    })
    .await
}
