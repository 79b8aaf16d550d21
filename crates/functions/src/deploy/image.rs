//! The live deployment in memory: linked code, parsed validators, schema, environment.
//!
//! An image is made from system tables and belongs to one revision of the deployment's row. Every
//! execution reads that row through its transaction, so a push or a change of the environment
//! reaches every live query, and no execution mixes two pushes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lentil_catalog::{
    Deployment, FunctionHandles, ModuleRow, ModuleText, Schema, SchemaRow, SchemaState, Variable,
};
use lentil_database::{Transaction, TransactionError};
use lentil_js::{Bundle, FunctionKind, ModuleEnvironment, ModuleSource};
use lentil_values::{DocumentId, Validator};
use parking_lot::Mutex;

use super::analysis::AnalyzedModuleJson;
use super::handles::Handles;
use super::node;
use crate::path::FunctionPath;

/// Revisions kept: the live one, and the one before for executions that are still at its snapshot.
const REVISIONS_MAX: usize = 2;

/// A live function.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Query, mutation or action.
    pub kind: FunctionKind,
    /// Who may call it.
    pub visibility: Visibility,
    /// What its argument object must satisfy.
    pub args: Validator,
    /// What its result must satisfy, if it was declared.
    pub returns: Option<Validator>,
}

/// Who may call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Other functions and admins.
    Internal,
    /// Nobody from outside: it was made by hand, without the SDK's builders.
    Unexported,
}

/// A schema that a push is trying.
#[derive(Clone, Debug)]
pub struct PendingSchema {
    /// Its row.
    pub id: DocumentId,
    /// What it declares.
    pub schema: Arc<Schema>,
}

/// One revision of the deployment.
#[derive(Debug)]
pub struct DeploymentImage {
    /// The linked modules.
    pub bundle: Arc<Bundle>,
    /// Functions by canonical path.
    pub functions: Arc<HashMap<FunctionPath, FunctionSpec>>,
    /// Handles of the functions.
    pub(crate) handles: Arc<Handles>,
    /// The enforced schema.
    pub schema: Option<Arc<Schema>>,
    /// The schema on trial.
    pub pending_schema: Option<PendingSchema>,
    /// Analysis JSON of each analysed module, by path.
    pub analysis: Arc<BTreeMap<String, AnalyzedModuleJson>>,
}

/// What one push made of its modules; the same in all revisions until the next push, so that a
/// change of a variable or a schema on trial links nothing again.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) bundle: Arc<Bundle>,
    pub(super) functions: Arc<HashMap<FunctionPath, FunctionSpec>>,
    handles: Arc<Handles>,
    analysis: Arc<BTreeMap<String, AnalyzedModuleJson>>,
}

/// Makes images, each once.
#[derive(Debug)]
pub struct ImageCache {
    built_in: BTreeMap<String, String>,
    /// By the push's seed, which no two pushes share.
    codes: Mutex<Vec<([u8; 32], Code)>>,
    images: Mutex<Recent<Option<Arc<DeploymentImage>>>>,
    environments: Mutex<Recent<Arc<BTreeMap<String, String>>>>,
    /// The schema on trial, and how many documents were checked against it.
    checked: Mutex<Option<(DocumentId, u64)>>,
}

/// `process.env` of an execution.
type Environment = Arc<BTreeMap<String, String>>;

/// What was made of the last few revisions of the deployment's row.
type Recent<T> = Vec<(Option<Arc<str>>, T)>;

impl ImageCache {
    /// For a server that is reached at these URLs.
    pub fn new(cloud_url: &str, site_url: &str) -> ImageCache {
        let built_in = BTreeMap::from([
            ("CONVEX_CLOUD_URL".to_owned(), cloud_url.to_owned()),
            ("CONVEX_SITE_URL".to_owned(), site_url.to_owned()),
        ]);
        ImageCache {
            built_in,
            codes: Mutex::new(Vec::new()),
            images: Mutex::new(Vec::new()),
            environments: Mutex::new(Vec::new()),
            checked: Mutex::new(None),
        }
    }

    /// Says that some more documents satisfy a schema on trial.
    pub(super) fn note_checked(&self, schema: DocumentId, documents: u64) {
        let mut checked = self.checked.lock();
        let before = checked.filter(|(of, _)| *of == schema);
        *checked = Some((schema, before.map_or(0, |(_, count)| count) + documents));
    }

    /// How many documents are known to satisfy a schema on trial.
    pub(crate) fn checked_documents(&self, schema: DocumentId) -> u64 {
        let checked = self.checked.lock().filter(|(of, _)| *of == schema);
        checked.map_or(0, |(_, count)| count)
    }

    /// The deployment as of the transaction, at the price of one recorded point read; `None` if
    /// nothing was pushed yet. The first execution after a push also pays for making the image.
    pub fn current(
        &self,
        tx: &mut Transaction,
    ) -> Result<Option<Arc<DeploymentImage>>, TransactionError> {
        remembered(&self.images, tx, |tx| self.build_image(tx))
    }

    /// `process.env` as of the transaction: the user's variables, `CONVEX_CLOUD_URL` and
    /// `CONVEX_SITE_URL`. A change of a variable changes the deployment's row, so that the same
    /// point read suffices.
    pub fn environment(&self, tx: &mut Transaction) -> Result<Environment, TransactionError> {
        remembered(&self.environments, tx, |tx| {
            let mut environment = self.built_in.clone();
            environment.extend(
                Variable::all(tx)?
                    .into_iter()
                    .map(|variable| (variable.name, variable.value)),
            );
            Ok(Arc::new(environment))
        })
    }

    /// What the server itself puts into every environment.
    pub fn built_in(&self) -> &BTreeMap<String, String> {
        &self.built_in
    }
}

/// What was made of the deployment's row before, or what is made of it now, without charging its
/// reads to the execution that happens to come first.
fn remembered<T: Clone>(
    recent: &Mutex<Recent<T>>,
    tx: &mut Transaction,
    make: impl FnOnce(&mut Transaction) -> Result<T, TransactionError>,
) -> Result<T, TransactionError> {
    let row = Deployment::text(tx)?;
    // Held while making: whoever comes second waits for the first instead of doing it again.
    let mut recent = recent.lock();
    if let Some((_, made)) = recent.iter().find(|(of, _)| *of == row) {
        return Ok(made.clone());
    }
    let (usage, limits) = (tx.usage(), tx.lift_limits());
    let made = make(tx);
    tx.set_limits(limits);
    tx.restore_usage(usage);
    let made = made?;
    if recent.len() == REVISIONS_MAX {
        recent.remove(0);
    }
    recent.push((row, made.clone()));
    Ok(made)
}

impl ImageCache {
    fn build_image(
        &self,
        tx: &mut Transaction,
    ) -> Result<Option<Arc<DeploymentImage>>, TransactionError> {
        let deployment = Deployment::load(tx)?;
        if deployment.push == 0 {
            return Ok(None);
        }
        let code = match self.remembered_code(&deployment.import_seed) {
            Some(code) => code,
            None => {
                let code = load_code(tx, &deployment)?;
                self.remember_code(deployment.import_seed, code.clone());
                code
            }
        };
        let pending = schema_of(tx, deployment.pending_schema)?
            .filter(|(row, _)| matches!(row.state, SchemaState::Pending | SchemaState::Validated))
            .map(|(row, schema)| PendingSchema { id: row.id, schema });
        let image = DeploymentImage {
            bundle: code.bundle,
            functions: code.functions,
            handles: code.handles,
            schema: schema_of(tx, deployment.schema)?.map(|(_, schema)| schema),
            pending_schema: pending,
            analysis: code.analysis,
        };
        Ok(Some(Arc::new(image)))
    }

    fn remembered_code(&self, seed: &[u8; 32]) -> Option<Code> {
        let codes = self.codes.lock();
        let found = codes.iter().find(|(of, _)| of == seed);
        found.map(|(_, code)| code.clone())
    }

    /// Keeps what was made of a push that is or is about to be live.
    pub(super) fn remember_code(&self, seed: [u8; 32], code: Code) {
        let mut codes = self.codes.lock();
        codes.retain(|(of, _)| *of != seed);
        if codes.len() == REVISIONS_MAX {
            codes.remove(0);
        }
        codes.push((seed, code));
    }
}

impl DeploymentImage {
    /// A deployment to which nothing was pushed.
    pub(crate) fn empty() -> DeploymentImage {
        let bundle = Bundle::link(Vec::new(), [0; 32], 0.0).expect("nothing always links");
        DeploymentImage {
            bundle: Arc::new(bundle),
            functions: Arc::default(),
            handles: Arc::default(),
            schema: None,
            pending_schema: None,
            analysis: Arc::default(),
        }
    }
}

impl Code {
    /// Fails if the analysis holds a function that cannot be called, which `AnalyzedModuleJson`
    /// refuses before.
    pub(super) fn new(
        bundle: Arc<Bundle>,
        analysis: BTreeMap<String, AnalyzedModuleJson>,
    ) -> Result<Code, TransactionError> {
        Ok(Code {
            bundle,
            functions: Arc::new(functions_of(&analysis)?),
            handles: Arc::default(),
            analysis: Arc::new(analysis),
        })
    }

    /// With the handles of its functions, of the ids of all that ever were.
    pub(super) fn with_handles(self, all: &HashMap<String, DocumentId>) -> Code {
        let handles = Arc::new(Handles::new(self.functions.keys(), all));
        Code { handles, ..self }
    }
}

fn load_code(tx: &mut Transaction, deployment: &Deployment) -> Result<Code, TransactionError> {
    let mut sources = Vec::new();
    let mut analysis = BTreeMap::new();
    for module in ModuleRow::all(tx)? {
        if let Some(json) = &module.analysis {
            let analyzed = serde_json::from_str(json)
                .map_err(|error| corrupt(&format!("the analysis of {}: {error}", module.path)))?;
            analysis.insert(module.path.clone(), analyzed);
        }
        let text = ModuleText::load(tx, &module.hash)?;
        sources.push(source_of(module.path, &module.environment, text));
    }
    let bundle = Bundle::link(sources, deployment.import_seed, deployment.import_time_ms)
        .map_err(|error| corrupt(&format!("the live modules do not link any more: {error}")))?;
    let node = node::load(deployment).map_err(|error| corrupt(&error.message))?;
    let handles = FunctionHandles::all(tx)?;
    let bundle = Arc::new(bundle.with_node(node));
    Ok(Code::new(bundle, analysis)?.with_handles(&handles))
}

fn corrupt(why: &str) -> TransactionError {
    TransactionError::Corrupt(format!("the live deployment cannot be read: {why}"))
}

/// A module as the function host takes it.
pub(super) fn source_of(path: String, environment: &str, text: ModuleText) -> ModuleSource {
    ModuleSource {
        path,
        source: text.source.into(),
        source_map: text.source_map.map(Into::into),
        environment: if environment == "node" {
            ModuleEnvironment::Node
        } else {
            ModuleEnvironment::Isolate
        },
    }
}

fn functions_of(
    analysis: &BTreeMap<String, AnalyzedModuleJson>,
) -> Result<HashMap<FunctionPath, FunctionSpec>, TransactionError> {
    let mut functions = HashMap::new();
    for (module, analyzed) in analysis {
        for function in &analyzed.functions {
            let path = FunctionPath {
                module: module.clone(),
                function: function.name.clone(),
            };
            let spec = function
                .spec()
                .map_err(|error| corrupt(&format!("{path}: {error}")))?;
            functions.insert(path, spec);
        }
    }
    Ok(functions)
}

fn schema_of(
    tx: &mut Transaction,
    id: Option<DocumentId>,
) -> Result<Option<(SchemaRow, Arc<Schema>)>, TransactionError> {
    let Some(id) = id else { return Ok(None) };
    let Some(row) = SchemaRow::load(tx, id)? else {
        return Ok(None);
    };
    let schema = Schema::parse(&row.json).map_err(|error| corrupt(&error.to_string()))?;
    Ok(Some((row, Arc::new(schema))))
}
