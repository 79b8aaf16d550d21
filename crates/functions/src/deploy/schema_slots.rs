//! Where each component's schemas are written down: the root's in the deployment's row, the others'
//! in their own.

use lentil_catalog::{Component, ComponentPath, Components, Deployment, Schema, SchemaRow};
use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;

use super::DeployError;

/// The schemas of one component.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SchemaSlots {
    /// Whose.
    pub(super) component: ComponentPath,
    /// Where its tables, and the rows of its schemas, are.
    pub(super) namespace: Namespace,
    /// The enforced one.
    pub(super) active: Option<DocumentId>,
    /// The one on trial.
    pub(super) pending: Option<DocumentId>,
}

impl SchemaSlots {
    /// Those of all components, mounted or not, the root's first.
    pub(super) fn all(tx: &mut Transaction) -> Result<Vec<SchemaSlots>, DeployError> {
        let deployment = Deployment::load(tx)?;
        let root = SchemaSlots {
            component: ComponentPath::root(),
            namespace: Namespace::ROOT,
            active: deployment.schema,
            pending: deployment.pending_schema,
        };
        let components = Components::load(tx)?;
        let others = components.all().skip(1).map(SchemaSlots::of);
        Ok(std::iter::once(root).chain(others).collect())
    }

    /// Those of the component at a path; without a component they are empty, and its tables nowhere.
    pub(super) fn at(
        tx: &mut Transaction,
        component: &ComponentPath,
    ) -> Result<Option<SchemaSlots>, DeployError> {
        let all = SchemaSlots::all(tx)?;
        Ok(all.into_iter().find(|slots| slots.component == *component))
    }

    fn of(component: &Component) -> SchemaSlots {
        SchemaSlots {
            component: component.path.clone(),
            namespace: component.namespace,
            active: component.schema,
            pending: component.pending_schema,
        }
    }

    /// Writes them down.
    pub(super) fn save(&self, tx: &mut Transaction) -> Result<(), DeployError> {
        if self.component.is_root() {
            let mut deployment = Deployment::load(tx)?;
            deployment.schema = self.active;
            deployment.pending_schema = self.pending;
            return Ok(deployment.save(tx)?);
        }
        let components = Components::load(tx)?;
        if let Some(component) = components.by_path(&self.component.0) {
            let mut component = component.clone();
            component.schema = self.active;
            component.pending_schema = self.pending;
            component.save(tx)?;
        }
        Ok(())
    }

    /// The enforced schema.
    pub(super) fn active_schema(
        &self,
        tx: &mut Transaction,
    ) -> Result<Option<Schema>, DeployError> {
        let Some(id) = self.active else {
            return Ok(None);
        };
        let row = SchemaRow::load(tx, self.namespace, id)?;
        Ok(row.map(|row| Schema::parse(&row.json)).transpose()?)
    }
}
