//! The system tables and their numbers.
//!
//! The root namespace has all of them. The namespace of a component has those of which its functions
//! and its push have their own ([`SystemTable::is_in_components`]), under the same numbers: an id is
//! resolved in the namespace of whoever reads it, so a component's storage id names nothing in the
//! root. What belongs to the deployment as a whole is in the root alone.

use lentil_database::{IndexDefinition, IndexState, Namespace, Transaction};
use lentil_values::{DocumentId, InternalId, TableNumber};

use crate::{CatalogError, Components};

/// A system table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemTable {
    /// One row: which push is live. Every execution reads it, so that a push reaches everything.
    Deployment,
    /// The live modules.
    Modules,
    /// Module texts in chunks, by content hash.
    ModuleChunks,
    /// Schemas: pending, active and past ones.
    Schemas,
    /// Environment variables.
    Environment,
    /// Exports and how far they are.
    Exports,
    /// Imports and how far they are.
    Imports,
    /// Mutations that clients have numbered, so that each runs once.
    SessionRequests,
    /// Files, one row each; apps may read it.
    Files,
    /// Files whose rows were removed and whose contents are still to be.
    RemovedFiles,
    /// Staged validators of the live schema, and what is known about them.
    StagedValidators,
    /// Functions that are to run later, and what became of them; apps read it.
    ScheduledFunctions,
    /// Cron jobs of the live push.
    CronJobs,
    /// The last runs of each cron job.
    CronRuns,
    /// An id for each function that was ever pushed.
    FunctionHandles,
    /// What admins have done, for dashboards.
    AuditLog,
    /// Names that files had where they came from, for dashboards.
    FileNames,
    /// What was counted, minute by minute and hour by hour.
    Rollups,
    /// Which components are or were mounted, and where their tables are.
    Components,
    /// Where admin keys were used from, for dashboards.
    KeyUses,
}

impl SystemTable {
    const ALL: [SystemTable; 20] = [
        SystemTable::Deployment,
        SystemTable::Modules,
        SystemTable::ModuleChunks,
        SystemTable::Schemas,
        SystemTable::Environment,
        SystemTable::Exports,
        SystemTable::Imports,
        SystemTable::SessionRequests,
        SystemTable::Files,
        SystemTable::RemovedFiles,
        SystemTable::StagedValidators,
        SystemTable::ScheduledFunctions,
        SystemTable::CronJobs,
        SystemTable::CronRuns,
        SystemTable::FunctionHandles,
        SystemTable::AuditLog,
        SystemTable::FileNames,
        SystemTable::Rollups,
        SystemTable::Components,
        SystemTable::KeyUses,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            SystemTable::Deployment => "_deployment",
            SystemTable::Modules => "_modules",
            SystemTable::ModuleChunks => "_module_chunks",
            SystemTable::Schemas => "_schemas",
            SystemTable::Environment => "_environment_variables",
            SystemTable::Exports => "_exports",
            SystemTable::Imports => "_snapshot_imports",
            SystemTable::SessionRequests => "_session_requests",
            SystemTable::Files => "_storage",
            SystemTable::RemovedFiles => "_removed_files",
            SystemTable::StagedValidators => "_staged_validators",
            SystemTable::ScheduledFunctions => "_scheduled_functions",
            SystemTable::CronJobs => "_cron_jobs",
            SystemTable::CronRuns => "_cron_job_logs",
            SystemTable::FunctionHandles => "_function_handles",
            SystemTable::AuditLog => "_deployment_audit_log",
            SystemTable::FileNames => "_file_names",
            SystemTable::Rollups => "_rollups",
            SystemTable::Components => "_components",
            SystemTable::KeyUses => "_admin_key_uses",
        }
    }

    /// Its number in ids; never changes.
    pub fn number(self) -> TableNumber {
        TableNumber(match self {
            SystemTable::Deployment => 521,
            SystemTable::Modules => 522,
            SystemTable::ModuleChunks => 523,
            SystemTable::Schemas => 524,
            SystemTable::Environment => 525,
            SystemTable::Exports => 526,
            SystemTable::Imports => 527,
            SystemTable::SessionRequests => 528,
            SystemTable::RemovedFiles => 529,
            SystemTable::Files => 540,
            SystemTable::StagedValidators => 541,
            SystemTable::ScheduledFunctions => 530,
            SystemTable::CronJobs => 531,
            SystemTable::CronRuns => 532,
            SystemTable::FunctionHandles => 533,
            SystemTable::AuditLog => 534,
            SystemTable::FileNames => 535,
            SystemTable::Rollups => 536,
            SystemTable::Components => 537,
            SystemTable::KeyUses => 538,
        })
    }

    /// Whether every component has its own, in its namespace.
    pub fn is_in_components(self) -> bool {
        matches!(
            self,
            SystemTable::Modules
                | SystemTable::Schemas
                | SystemTable::StagedValidators
                | SystemTable::Files
                | SystemTable::ScheduledFunctions
                | SystemTable::CronJobs
                | SystemTable::CronRuns
        )
    }

    /// Its declared indexes.
    fn indexes(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            SystemTable::Modules | SystemTable::FunctionHandles => &[("by_path", &["path"])],
            SystemTable::ModuleChunks => &[("by_hash", &["hash", "part"])],
            SystemTable::Schemas => &[("by_state", &["state"])],
            SystemTable::StagedValidators => &[("by_table", &["table"])],
            SystemTable::KeyUses => &[("by_key", &["key"])],
            SystemTable::FileNames => &[("by_file", &["file"])],
            SystemTable::Rollups => &[("by_step", &["step", "start"])],
            SystemTable::Environment | SystemTable::CronJobs | SystemTable::CronRuns => {
                &[("by_name", &["name"])]
            }
            SystemTable::ScheduledFunctions => &[
                ("by_state", &["state.kind", "scheduledTime"]),
                ("by_completed_time", &["completedTime"]),
            ],
            _ => &[],
        }
    }

    /// The id of a row of this table.
    pub fn id(self, internal: InternalId) -> DocumentId {
        DocumentId {
            table: self.number(),
            internal,
        }
    }
}

/// The name of the system table that has this number, if one has.
pub fn system_table_name(number: TableNumber) -> Option<&'static str> {
    SystemTable::ALL
        .into_iter()
        .find(|table| table.number() == number)
        .map(SystemTable::name)
}

/// Creates the system tables that are missing, with their indexes; they are empty then, so the
/// indexes are usable at once.
pub fn bootstrap(tx: &mut Transaction) -> Result<(), CatalogError> {
    for table in SystemTable::ALL {
        create(tx, Namespace::ROOT, table)?;
    }
    for component in Components::load(tx)?.all().skip(1) {
        create_in_component(tx, component.namespace)?;
    }
    Ok(())
}

/// Creates those that a component has of its own.
pub(crate) fn create_in_component(
    tx: &mut Transaction,
    namespace: Namespace,
) -> Result<(), CatalogError> {
    for table in SystemTable::ALL {
        if table.is_in_components() {
            create(tx, namespace, table)?;
        }
    }
    Ok(())
}

fn create(
    tx: &mut Transaction,
    namespace: Namespace,
    table: SystemTable,
) -> Result<(), CatalogError> {
    if tx.table(namespace, table.name()).is_some() {
        return Ok(());
    }
    let created = tx.create_table(namespace, table.name(), Some(table.number()))?;
    for (name, fields) in table.indexes() {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        tx.add_index(
            &created,
            IndexDefinition {
                name: (*name).to_owned(),
                fields,
                staged: false,
            },
        )?;
        tx.set_index(&created, name, IndexState::Enabled, false)?;
    }
    Ok(())
}
