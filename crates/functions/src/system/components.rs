//! Of which component a system function speaks: callers say it by path (the CLI), by id (dashboards),
//! or not at all, and mean the root.

use std::sync::Arc;

use lentil_catalog::{Author, Component, ComponentPath, Components};
use lentil_database::{Transaction, TransactionError};
use lentil_values::{Object, Value};

use super::{AfterCommit, Request, note, object, text};
use crate::deploy::DeploymentImage;
use crate::errors::from_transaction;
use crate::transact::transact;
use crate::{Call, FunctionFailure, Functions};

/// Components that an error names.
const NAMED_MAX: usize = 20;
/// What is said of transactions that fail.
const WHAT: &str = "the component could not be read or changed";
/// What the root is called where an id is wanted.
const ROOT: &str = "root";

impl<'a> Request<'a> {
    /// Finds the component; of the root nothing is read.
    pub(crate) fn new(
        functions: &'a Functions,
        tx: &'a mut Transaction,
        call: &'a Call,
        args: Object,
        journal: Option<Arc<str>>,
    ) -> Result<Request<'a>, TransactionError> {
        let id = args.get("componentId").or(args.get("tableNamespace"));
        let component = match id {
            None | Some(Value::Null) => by_path(tx, &call.component)?,
            Some(Value::String(id)) => by_id(tx, id)?,
            Some(_) => return Err(unknown(tx, "that is no string")),
        };
        Ok(Request {
            functions,
            tx,
            args,
            namespace: component.namespace,
            component,
            identity: &call.identity,
            journal,
            observed: Default::default(),
            after: AfterCommit::default(),
        })
    }

    /// The component as it runs; `None` if nothing was pushed, or if it is not mounted.
    pub(super) fn image(&mut self) -> Result<Option<Arc<DeploymentImage>>, TransactionError> {
        let image = self.functions.images().current(self.tx)?;
        let of = image
            .as_ref()
            .and_then(|it| it.in_namespace(self.namespace));
        Ok(of.cloned())
    }

    /// Whether the component may be written to.
    pub(super) fn check_mounted(&self) -> Result<(), TransactionError> {
        if self.component.is_active() {
            return Ok(());
        }
        Err(TransactionError::Developer {
            code: "UnmountedComponent",
            message: format!(
                "The component {:?} is not mounted: what it has can be read, not changed. Mount it again in \
                 convex.config.ts, or delete it (UnmountedComponent).",
                self.component.path.0
            ),
        })
    }
}

/// The component of that path.
pub(crate) fn by_path(
    tx: &mut Transaction,
    path: &ComponentPath,
) -> Result<Component, TransactionError> {
    if path.is_root() {
        return Ok(Component::root());
    }
    match Components::load(tx)?.by_path(&path.0) {
        Some(component) => Ok(component.clone()),
        None => Err(unknown(tx, &format!("at {:?}", path.0))),
    }
}

/// The component of that id; an empty one is the root's.
pub(crate) fn by_id(tx: &mut Transaction, id: &str) -> Result<Component, TransactionError> {
    if id.is_empty() || id == ROOT {
        return Ok(Component::root());
    }
    let components = Components::load(tx)?;
    let found = id.parse().ok().and_then(|id| components.by_id(id)).cloned();
    match found {
        Some(component) => Ok(component),
        None => Err(unknown(tx, &format!("with the id {id:?}"))),
    }
}

impl Functions {
    /// The component of an id, as admins' tools name it; none, or an empty one, is the root's.
    pub async fn component(&self, id: Option<String>) -> Result<Component, FunctionFailure> {
        let Some(id) = id else {
            return Ok(Component::root());
        };
        transact(self.database().clone(), WHAT, move |tx| {
            by_id(tx, &id).map_err(from_transaction)
        })
        .await
    }

    /// Deletes a component that is not mounted with everything it has, and those below it. Contents
    /// of its files are removed in the background.
    pub async fn delete_component(
        &self,
        author: Author,
        id: String,
    ) -> Result<(), FunctionFailure> {
        transact(self.database().clone(), WHAT, move |tx| {
            delete(tx, author, &id).map_err(from_transaction)
        })
        .await
    }
}

fn delete(tx: &mut Transaction, author: Author, id: &str) -> Result<(), TransactionError> {
    let component = by_id(tx, id)?;
    let deleted = match component.id {
        Some(id) => Components::delete(tx, id)?,
        None => false,
    };
    if !deleted {
        return Err(TransactionError::Developer {
            code: "ComponentMounted",
            message: format!(
                "The component {:?} is mounted, or one below it is: take it out of convex.config.ts and push, then \
                 delete it (ComponentMounted).",
                component.path.0
            ),
        });
    }
    let path = [("component", text(component.path.0.as_str()))];
    Ok(note(tx, author, "delete_component", path)?)
}

fn unknown(tx: &mut Transaction, which: &str) -> TransactionError {
    let components = match Components::load(tx) {
        Ok(components) => components,
        Err(error) => return error.into(),
    };
    let paths = components.shown().skip(1).take(NAMED_MAX);
    let paths: Vec<String> = paths.map(|one| format!("{:?}", one.path.0)).collect();
    let here = if paths.is_empty() {
        "this app has none".to_owned()
    } else {
        format!("this app has {}", paths.join(", "))
    };
    TransactionError::Developer {
        code: "ComponentNotFound",
        message: format!("There is no component {which}: {here}."),
    }
}

/// All components, the root first.
pub(super) fn list(request: &mut Request) -> Result<Value, TransactionError> {
    let components = Components::load(request.tx)?;
    let shown = components.shown().map(|component| {
        let is_root = component.path.is_root();
        let id = component.id.map_or(ROOT.to_owned(), |id| id.to_string());
        let name = (!is_root).then(|| text(component.name.as_str()));
        let prefix = component.http_prefix.as_deref().map(text);
        object([
            ("id", text(id)),
            ("name", name.unwrap_or(Value::Null)),
            ("path", text(component.path.0.as_str())),
            ("args", object([])),
            ("state", text(component.state.name())),
            ("httpPrefix", prefix.unwrap_or(Value::Null)),
        ])
    });
    Ok(Value::Array(shown.collect()))
}
