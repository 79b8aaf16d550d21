//! Runs what a push says about itself: analysis, schema, auth configuration, and the
//! definitions of the app and of its components, from the innermost outwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_catalog::{ComponentPath, Schema, Variable};
use lentil_js::{Bundle, Host, NodeSettings};
use serde_json::Value as Json;

use super::analysis::{AnalyzedModuleJson, RouteJson};
use super::code::source_of;
use super::definition::{Definition, Exports};
use super::request::{PushRequest, PushedModule};
use super::tree::Tree;
use super::{DeployError, Deployer, auth, blocking, components, cron_targets};

/// The text of the schema that is kept when there is no `schema.ts`.
pub(crate) const NO_SCHEMA: &str = r#"{"tables":[],"schemaValidation":false}"#;

/// Everything that evaluating a push gave.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// The app (under the empty path) and the definitions of its components.
    pub(super) definitions: BTreeMap<String, EvaluatedDefinition>,
    /// Providers of `auth.config.js`.
    pub(super) auth: Vec<Json>,
    /// The user's environment variables that it was evaluated with.
    pub(super) variables: BTreeMap<String, String>,
    /// Module-level randomness until the next push.
    pub(super) import_seed: [u8; 32],
    /// Module-level time until the next push.
    pub(super) import_time_ms: f64,
    /// Which components are mounted where.
    pub(super) tree: Tree,
}

/// What evaluating the app, or the definition of a component, gave.
#[derive(Debug)]
pub(super) struct EvaluatedDefinition {
    /// All modules with their texts, by path.
    pub(super) modules: Vec<PushedModule>,
    /// Analysis of each module that is not a chunk.
    pub(super) analysis: BTreeMap<String, AnalyzedModuleJson>,
    /// The schema and its JSON text; without one it is the empty schema.
    pub(super) schema: Arc<Schema>,
    /// Its text; `None` without `schema.ts`.
    pub(super) schema_text: Option<String>,
    /// What `convex.config.ts` exports.
    pub(super) definition: Definition,
    /// What others may call.
    pub(super) exports: Exports,
    /// The modules, linked.
    pub(super) bundle: Arc<Bundle>,
    /// Version of the SDK that it was pushed with.
    pub(super) udf_server_version: Option<String>,
}

impl Evaluated {
    /// The app.
    pub(super) fn app(&self) -> &EvaluatedDefinition {
        self.definition("")
    }

    /// The definition in a folder, which the tree names.
    pub(super) fn definition(&self, path: &str) -> &EvaluatedDefinition {
        &self.definitions[path]
    }

    /// The app under the path of the root, and the components with their definitions.
    pub(super) fn instances(&self) -> impl Iterator<Item = (ComponentPath, &EvaluatedDefinition)> {
        let mounted = self.tree.mounted.iter();
        let others = mounted.map(|it| (it.path.clone(), self.definition(&it.definition_path)));
        std::iter::once((ComponentPath::root(), self.app())).chain(others)
    }
}

impl EvaluatedDefinition {
    /// The schema that is kept when there is no `schema.ts`.
    pub(super) fn kept_schema_text(&self) -> &str {
        self.schema_text.as_deref().unwrap_or(NO_SCHEMA)
    }

    /// The routes of its `http.js`.
    pub(super) fn routes(&self) -> Option<&[RouteJson]> {
        self.analysis.get("http.js")?.http_routes.as_deref()
    }
}

/// What all definitions of a push are evaluated with.
#[derive(Clone)]
struct Phase {
    seed: [u8; 32],
    time_ms: f64,
}

/// What is sent of one definition.
struct Sent<'a> {
    path: &'a str,
    modules: Vec<PushedModule>,
    definition: Option<&'a PushedModule>,
    schema: Option<&'a PushedModule>,
    node: NodeSettings,
    udf_server_version: Option<String>,
    /// What its modules see while they are imported.
    environment: Arc<BTreeMap<String, String>>,
}

impl Deployer {
    /// Reads, links and evaluates; changes nothing.
    pub(super) async fn evaluate(
        &self,
        request: Arc<PushRequest>,
    ) -> Result<Evaluated, DeployError> {
        let reading = request.clone();
        let (modules, variables, time_ms) = self
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
        let phase = Phase {
            seed: rand::random(),
            time_ms,
        };
        let mut environment = self.shared.images.built_in().clone();
        environment.extend(variables.clone());
        let environment = Arc::new(environment);
        let app = &request.app_definition;
        let mut definitions = BTreeMap::new();
        for component in components::in_order(&request)? {
            let sent = Sent {
                path: &component.definition_path,
                modules: sorted(component.functions.clone()),
                definition: Some(&component.definition),
                schema: component.schema.as_ref(),
                node: NodeSettings::default(),
                udf_server_version: component.udf_server_version.clone(),
                environment: Arc::default(),
            };
            let evaluated = self.evaluate_one(sent, &phase, &definitions).await;
            let evaluated = evaluated.map_err(|it| it.in_component(&component.definition_path))?;
            definitions.insert(component.definition_path.clone(), evaluated);
        }
        let sent = Sent {
            path: "",
            modules,
            definition: app.definition.as_ref(),
            schema: app.schema.as_ref(),
            node: request.node.clone(),
            udf_server_version: app.udf_server_version.clone(),
            environment: environment.clone(),
        };
        let mut evaluated = self.evaluate_one(sent, &phase, &definitions).await?;
        let auth = self.evaluate_auth(&mut evaluated, environment).await?;
        definitions.insert(String::new(), evaluated);
        Ok(Evaluated {
            tree: Tree::instantiate(&definitions, request.for_codegen)?,
            definitions,
            auth,
            variables,
            import_seed: phase.seed,
            import_time_ms: time_ms,
        })
    }

    async fn evaluate_one(
        &self,
        sent: Sent<'_>,
        phase: &Phase,
        before: &BTreeMap<String, EvaluatedDefinition>,
    ) -> Result<EvaluatedDefinition, DeployError> {
        let (host, environment) = (&self.shared.host, sent.environment);
        let Phase { seed, time_ms } = *phase;
        let bundle = link_with(sent.modules.clone(), seed, time_ms, sent.node).await?;
        let analyzed = host.analyze(bundle.clone(), environment.clone()).await?;
        let mut analysis = BTreeMap::new();
        for (path, module) in analyzed {
            let json = AnalyzedModuleJson::new(&path, module)?;
            analysis.insert(path, json);
        }
        cron_targets::check(&analysis)?;
        let (schema, schema_text) = evaluate_schema(host, sent.schema, seed, time_ms).await?;
        let definition = match sent.definition {
            None => Definition::none(),
            Some(module) => {
                let mut modules = vec![module.clone()];
                modules.extend(
                    before
                        .values()
                        .map(|it| components::stand_in(&it.definition)),
                );
                let bundle = link(modules, seed, time_ms).await?;
                let text = host.evaluate_definition(bundle, environment).await?;
                Definition::read(sent.path, &text)?
            }
        };
        Ok(EvaluatedDefinition {
            modules: sent.modules,
            exports: Exports::of(&definition, &analysis)?,
            analysis,
            schema: Arc::new(schema),
            schema_text,
            definition,
            bundle,
            udf_server_version: sent.udf_server_version,
        })
    }

    /// The providers of the app's `auth.config.js`, if it has one.
    async fn evaluate_auth(
        &self,
        app: &mut EvaluatedDefinition,
        environment: Arc<BTreeMap<String, String>>,
    ) -> Result<Vec<Json>, DeployError> {
        if !app.bundle.contains("auth.config.js") {
            return Ok(Vec::new());
        }
        let host = &self.shared.host;
        let text = host.evaluate_auth(app.bundle.clone(), environment).await?;
        let empty = AnalyzedModuleJson::empty();
        app.analysis.insert("auth.config.js".to_owned(), empty);
        auth::providers(&text)
    }
}

fn sorted(mut modules: Vec<PushedModule>) -> Vec<PushedModule> {
    modules.sort_by(|left, right| left.path.cmp(&right.path));
    modules
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
