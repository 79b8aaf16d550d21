//! The live deployment in memory: linked code, parsed validators, schema, environment.
//!
//! An image is made from system tables and belongs to one revision of the deployment's row. Every
//! execution reads that row through its transaction, so a push or a change of the environment
//! reaches every live query, and no execution mixes two pushes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lentil_catalog::{
    Component, ComponentPath, Components, Deployment, Schema, SchemaRow, SchemaState, Variable,
};
use lentil_database::{Namespace, Transaction, TransactionError};
use lentil_js::{Bundle, FunctionKind};
use lentil_values::{DocumentId, Validator};
use parking_lot::Mutex;

use super::analysis::AnalyzedModuleJson;
use super::bindings;
use super::code::{Code, corrupt};
use super::definition::AppDefinition;
use super::handles::Handles;
use crate::Place;
use crate::path::FunctionPath;
use crate::syscalls::Habit;

/// The variable that says where HTTP actions are.
const SITE_URL: &str = "CONVEX_SITE_URL";
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
    /// What its runs write.
    pub(crate) habit: Arc<Habit>,
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

/// One component as of one revision of the deployment; the root app is one, which has the others.
#[derive(Debug)]
pub struct DeploymentImage {
    /// Which component it is.
    pub place: Arc<Place>,
    /// `process.env` of its functions.
    pub environment: Environment,
    /// The linked modules.
    pub bundle: Arc<Bundle>,
    /// Functions by canonical path.
    pub functions: Arc<HashMap<FunctionPath, FunctionSpec>>,
    /// Handles of all functions of the deployment.
    pub(crate) handles: Arc<Handles>,
    /// The enforced schema.
    pub schema: Option<Arc<Schema>>,
    /// The schema on trial.
    pub pending_schema: Option<PendingSchema>,
    /// Analysis JSON of each analysed module, by path.
    pub analysis: Arc<BTreeMap<String, AnalyzedModuleJson>>,
    /// Where the HTTP routes of its children are, with the path of each.
    pub mounts: Vec<(String, ComponentPath)>,
    /// What every path of its own HTTP routes begins with, if it is the root app and has declared
    /// one: `/x/`.
    pub http_prefix: Option<String>,
    /// The other components, of the root's image only.
    pub components: Arc<BTreeMap<ComponentPath, Arc<DeploymentImage>>>,
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
pub type Environment = Arc<BTreeMap<String, String>>;

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
        remembered(&self.environments, tx, |tx| self.environment_now(tx))
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
        let components = Components::load(tx)?;
        let code = match self.remembered_code(&deployment.import_seed) {
            Some(code) => code,
            None => {
                let code = Code::load(tx, &deployment, &components)?;
                self.remember_code(deployment.import_seed, code.clone());
                code
            }
        };
        let environment = self.environment_now(tx)?;
        let app = AppDefinition::read(deployment.definition.as_deref());
        let mut images = Images {
            code: &code,
            components: &components,
            sites: BTreeMap::from([(ComponentPath::root(), self.site_url())]),
            environments: BTreeMap::from([(ComponentPath::root(), environment.clone())]),
            built_in: &self.built_in,
        };
        let mut others = BTreeMap::new();
        for component in components.active().filter(|it| !it.path.is_root()) {
            let environment = images.environment(component);
            let schemas = (component.schema, component.pending_schema);
            let image = images.image(tx, component, environment, schemas)?;
            others.insert(component.path.clone(), Arc::new(image));
        }
        let schemas = (deployment.schema, deployment.pending_schema);
        let environment = match app.http_prefix.as_deref() {
            // Its children's routes do not begin with it.
            Some(prefix) => with_site(&environment, join_site(&self.site_url(), Some(prefix))),
            None => environment,
        };
        let mut root = images.image(tx, components.root(), environment, schemas)?;
        root.http_prefix = app.http_prefix;
        root.components = Arc::new(others);
        Ok(Some(Arc::new(root)))
    }

    fn site_url(&self) -> String {
        self.built_in.get(SITE_URL).cloned().unwrap_or_default()
    }

    fn environment_now(&self, tx: &mut Transaction) -> Result<Environment, TransactionError> {
        let mut environment = self.built_in.clone();
        let variables = Variable::all(tx)?.into_iter();
        environment.extend(variables.map(|variable| (variable.name, variable.value)));
        Ok(Arc::new(environment))
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

/// What the images of one revision are made of.
struct Images<'a> {
    code: &'a Code,
    components: &'a Components,
    /// Where the HTTP routes of each component are.
    sites: BTreeMap<ComponentPath, String>,
    environments: BTreeMap<ComponentPath, Environment>,
    built_in: &'a BTreeMap<String, String>,
}

impl Images<'_> {
    /// What a component's functions see, of what its parent's see; parents come first.
    fn environment(&mut self, component: &Component) -> Environment {
        let parent = component.path.split().map(|(parent, _)| parent);
        let parent = parent.unwrap_or_default();
        let site = self.sites.get(&parent).cloned().unwrap_or_default();
        // Without a mount it has no routes; URLs that it makes lead to the app's.
        let site = join_site(&site, component.http_prefix.as_deref());
        self.sites.insert(component.path.clone(), site.clone());
        let mut bound = self.built_in.clone();
        if let Some(theirs) = self.environments.get(&parent) {
            bound.extend(bindings::values(&component.env, theirs));
        }
        let bound = with_site(&Arc::new(bound), site);
        self.environments
            .insert(component.path.clone(), bound.clone());
        bound
    }

    fn image(
        &self,
        tx: &mut Transaction,
        component: &Component,
        environment: Environment,
        (schema, pending): (Option<DocumentId>, Option<DocumentId>),
    ) -> Result<DeploymentImage, TransactionError> {
        let namespace = component.namespace;
        let pending = schema_of(tx, namespace, pending)?
            .filter(|(row, _)| matches!(row.state, SchemaState::Pending | SchemaState::Validated))
            .map(|(row, schema)| PendingSchema { id: row.id, schema });
        let code = self.code.components.get(&component.path);
        let missing = || corrupt(&format!("the component {:?} has no code", component.path.0));
        let code = code.ok_or_else(missing)?;
        let children = self.components.active().filter_map(|child| {
            let (parent, _) = child.path.split()?;
            let prefix = child.http_prefix.clone()?;
            (parent == component.path).then(|| (prefix, child.path.clone()))
        });
        Ok(DeploymentImage {
            place: Arc::new(Place {
                component: component.path.clone(),
                id: component.id,
                namespace,
            }),
            environment,
            bundle: code.bundle.clone(),
            functions: code.functions.clone(),
            handles: self.code.handles.clone(),
            schema: schema_of(tx, namespace, schema)?.map(|(_, schema)| schema),
            pending_schema: pending,
            analysis: code.analysis.clone(),
            mounts: children.collect(),
            http_prefix: None,
            components: Arc::default(),
        })
    }
}

fn with_site(environment: &Environment, site: String) -> Environment {
    let mut environment = BTreeMap::clone(environment);
    environment.insert(SITE_URL.to_owned(), site);
    Arc::new(environment)
}

/// A site's URL with a prefix of paths behind it.
fn join_site(url: &str, prefix: Option<&str>) -> String {
    let prefix = prefix.unwrap_or_default().trim_end_matches('/');
    format!("{}{prefix}", url.trim_end_matches('/'))
}

impl DeploymentImage {
    /// A deployment to which nothing was pushed.
    pub(crate) fn empty() -> DeploymentImage {
        let bundle = Bundle::link(Vec::new(), [0; 32], 0.0).expect("nothing always links");
        DeploymentImage {
            place: Arc::new(Place::root()),
            environment: Arc::default(),
            bundle: Arc::new(bundle),
            functions: Arc::default(),
            handles: Arc::default(),
            schema: None,
            pending_schema: None,
            analysis: Arc::default(),
            mounts: Vec::new(),
            http_prefix: None,
            components: Arc::default(),
        }
    }

    /// A component; asked of the root's image.
    pub fn component(self: &Arc<Self>, path: &ComponentPath) -> Option<&Arc<DeploymentImage>> {
        if path.is_root() {
            return Some(self);
        }
        self.components.get(path)
    }

    /// The component that has this namespace; asked of the root's image.
    pub fn in_namespace(self: &Arc<Self>, namespace: Namespace) -> Option<&Arc<DeploymentImage>> {
        if namespace == Namespace::ROOT {
            return Some(self);
        }
        let mut others = self.components.values();
        others.find(|image| image.place.namespace == namespace)
    }
}

fn schema_of(
    tx: &mut Transaction,
    namespace: Namespace,
    id: Option<DocumentId>,
) -> Result<Option<(SchemaRow, Arc<Schema>)>, TransactionError> {
    let Some(id) = id else { return Ok(None) };
    let Some(row) = SchemaRow::load(tx, namespace, id)? else {
        return Ok(None);
    };
    let schema = Schema::parse(&row.json).map_err(|error| corrupt(&error.to_string()))?;
    Ok(Some((row, Arc::new(schema))))
}
