//! Filling hidden tables: some documents a transaction, so that an import of any size needs memory
//! for a few of them only.

use lentil_catalog::Schema;
use lentil_database::{CommitError, Database, TableInfo};
use lentil_functions::deploy::Deployer;
use lentil_values::{Object, Value};

use super::layout::Part;
use super::source::Source;
use super::write::Writer;
use crate::parse::Place;

/// Documents that one transaction writes.
const BATCH_DOCUMENTS: usize = 1_000;
/// Bytes of documents that one transaction writes, about.
const BATCH_BYTES: usize = 4 << 20;
/// Times a batch is written again: only a push that becomes live meanwhile is a conflict.
const CONFLICTS_MAX: usize = 32;

/// Fills hidden tables from a source.
pub(crate) struct Loader<'a> {
    pub(crate) database: &'a Database,
    pub(crate) deployer: &'a Deployer,
    /// The component the documents are of.
    pub(crate) part: &'a Part,
    /// Told how many documents of the table are there; its error ends the import.
    pub(crate) progress: &'a mut dyn FnMut(&str, u64) -> Result<(), String>,
}

impl Loader<'_> {
    /// Reads all documents of a table and writes them; gives how many there were. The error is for
    /// the developer. Blocks.
    pub(crate) fn load(
        &mut self,
        source: &mut Source,
        table: &TableInfo,
        schema: Option<&Schema>,
    ) -> Result<u64, String> {
        let path = self.part.path_of(&table.name);
        let (mut batch, mut bytes, mut written) = (Vec::new(), 0, 0);
        source.documents(&path, schema, &mut |place, fields| {
            bytes += Value::object_size(&fields);
            batch.push((place, fields));
            if batch.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
                return Ok(());
            }
            written += batch.len() as u64;
            self.write(table, &batch)?;
            batch.clear();
            bytes = 0;
            (self.progress)(&path.to_string(), written)
        })?;
        written += batch.len() as u64;
        self.write(table, &batch)
            .map_err(|why| source.at(&path, &why))?;
        Ok(written)
    }

    fn write(&self, table: &TableInfo, batch: &[(Place, Object)]) -> Result<(), String> {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = self.database.begin();
            tx.lift_limits();
            let mut writer = Writer::new(&mut tx, self.deployer, self.part, table);
            for (place, fields) in batch {
                writer.write(*place, fields.clone())?;
            }
            match self.database.commit_blocking(tx) {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err("the deployment keeps changing while the import is written; try again later".to_owned())
    }
}
