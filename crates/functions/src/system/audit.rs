//! Noting what admins do, in the transaction that does it (dashboard A3).

use lentil_catalog::{AuditEvent, Author, CatalogError, Variable};
use lentil_database::Transaction;
use lentil_identity::{Identity, Member};
use lentil_values::{Object, Value};

use crate::errors::from_transaction;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// Who an admin is, as events name them.
pub fn author_of(identity: &Identity) -> Author {
    match identity.admin_key().map(|key| key.member) {
        Some(Member::Id(id)) => Author::Member(id),
        Some(Member::System) | None => Author::System,
    }
}

/// Notes something with the transaction's commit.
pub(crate) fn note<const N: usize>(
    tx: &mut Transaction,
    author: Author,
    action: &'static str,
    metadata: [(&str, Value); N],
) -> Result<(), CatalogError> {
    let metadata = metadata.into_iter();
    AuditEvent {
        action,
        author,
        metadata: metadata
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Object>(),
    }
    .insert(tx)
}

/// What is done with backups, in the words of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupAction {
    /// One was asked for.
    Request,
    /// One leaves the server.
    Download,
}

impl Functions {
    /// Gives the values of variables by name, or of all, to somebody who will look at them: which
    /// ones, and who, is noted with it.
    pub async fn reveal_environment(
        &self,
        author: Author,
        names: Option<Vec<String>>,
    ) -> Result<Vec<(String, String)>, FunctionFailure> {
        let what = "environment variables could not be shown";
        transact(self.database().clone(), what, move |tx| {
            let wanted = |name: &String| names.as_ref().is_none_or(|names| names.contains(name));
            let all = Variable::all(tx).map_err(|error| from_transaction(error.into()))?;
            let shown = all.into_iter().filter(|variable| wanted(&variable.name));
            let shown: Vec<_> = shown.map(|it| (it.name, it.value)).collect();
            if !shown.is_empty() {
                let names = shown.iter().map(|(name, _)| Value::String(name.clone()));
                let metadata = [("variable_names", Value::Array(names.collect()))];
                note(tx, author, "reveal_environment_variables", metadata)
                    .map_err(|error| from_transaction(error.into()))?;
            }
            Ok(shown)
        })
        .await
    }

    /// Notes what an admin does with a backup.
    pub async fn note_backup(
        &self,
        author: Author,
        action: BackupAction,
        name: Option<String>,
    ) -> Result<(), FunctionFailure> {
        let what = "what was done with a backup could not be noted";
        let action = match action {
            BackupAction::Request => "request_backup",
            BackupAction::Download => "download_backup",
        };
        transact(self.database().clone(), what, move |tx| {
            let name = name.clone().map_or(Value::Null, Value::String);
            note(tx, author, action, [("name", name)])
                .map_err(|error| from_transaction(error.into()))
        })
        .await
    }
}
