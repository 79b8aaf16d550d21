//! Runs what a push says about itself: analysis, schema, auth configuration, app definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_catalog::{Schema, Variable};
use lentil_js::{Bundle, Host, NodeSettings};
use serde_json::{Value as Json, json};

use super::analysis::AnalyzedModuleJson;
use super::declared::{DeclaredVariable, declared};
use super::image::source_of;
use super::request::{PushRequest, PushedModule};
use super::{DeployError, Deployer, auth, blocking, cron_targets};

/// The text of the schema that is kept when there is no `schema.ts`.
pub(crate) const NO_SCHEMA: &str = r#"{"tables":[],"schemaValidation":false}"#;

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
    /// The modules, linked.
    pub(super) bundle: Arc<Bundle>,
    /// What `convex.config.ts` declares about the environment.
    pub(super) declared: Vec<DeclaredVariable>,
}

impl Evaluated {
    /// The schema that is kept when there is no `schema.ts`.
    pub(super) fn kept_schema_text(&self) -> &str {
        self.schema_text.as_deref().unwrap_or(NO_SCHEMA)
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

        let node = request.node.clone();
        let bundle = link_with(modules.clone(), import_seed, import_time_ms, node).await?;
        let analyzed = host.analyze(bundle.clone(), environment.clone()).await?;
        let mut analysis = BTreeMap::new();
        for (path, module) in analyzed {
            let json = AnalyzedModuleJson::new(&path, module)?;
            analysis.insert(path, json);
        }
        cron_targets::check(&analysis)?;
        let mut providers = Vec::new();
        if modules.iter().any(|module| module.path == "auth.config.js") {
            let text = host
                .evaluate_auth(bundle.clone(), environment.clone())
                .await?;
            providers = auth::providers(&text)?;
            analysis.insert("auth.config.js".to_owned(), AnalyzedModuleJson::empty());
        }
        let app = &request.app_definition;
        let (schema, schema_text) =
            evaluate_schema(host, app.schema.as_ref(), import_seed, import_time_ms).await?;
        let seed_and_time = (import_seed, import_time_ms);
        let definition =
            evaluate_definition(host, app.definition.as_ref(), environment, seed_and_time).await?;
        Ok(Evaluated {
            modules,
            analysis,
            auth: providers,
            declared: declared(&definition)?,
            bundle,
            schema: Arc::new(schema),
            schema_text,
            definition,
            variables,
            import_seed,
            import_time_ms,
        })
    }
}

/// What `convex.config.ts` exports: an app, which may have declarations and no components.
async fn evaluate_definition(
    host: &Host,
    module: Option<&PushedModule>,
    environment: Arc<BTreeMap<String, String>>,
    (seed, time_ms): ([u8; 32], f64),
) -> Result<Json, DeployError> {
    let Some(module) = module else {
        return Ok(json!({}));
    };
    let bundle = link(vec![module.clone()], seed, time_ms).await?;
    let text = host.evaluate_definition(bundle, environment).await?;
    let wrong = |why: &str| {
        DeployError::bad(
            "InvalidConvexConfig",
            format!("convex.config.ts does not export an app (defineApp()): {why}"),
        )
    };
    let definition: Json =
        serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    match definition["definitionType"]["type"].as_str() {
        // Older SDKs do not say.
        Some("app") | None if definition.is_object() => Ok(definition),
        Some(other) => Err(wrong(&format!("its type is {other:?}"))),
        None => Err(wrong("its export() does not give an object")),
    }
}

/// Evaluates `schema.ts`, alone and without environment; an app without one has the empty schema.
pub(super) async fn evaluate_schema(
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

/// Links modules that are evaluated alone.
async fn link(
    modules: Vec<PushedModule>,
    seed: [u8; 32],
    time_ms: f64,
) -> Result<Arc<Bundle>, DeployError> {
    link_with(modules, seed, time_ms, NodeSettings::default()).await
}

/// Links off the async workers: a bundle may have tens of megabytes.
async fn link_with(
    modules: Vec<PushedModule>,
    seed: [u8; 32],
    time_ms: f64,
    node: NodeSettings,
) -> Result<Arc<Bundle>, DeployError> {
    blocking(move || {
        let sources = modules
            .into_iter()
            .map(|module| {
                let (text, environment) = (module.text(), module.environment);
                source_of(module.path, &environment, text)
            })
            .collect();
        Ok(Arc::new(
            Bundle::link(sources, seed, time_ms)?.with_node(node),
        ))
    })
    .await
}
