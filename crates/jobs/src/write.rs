//! Writing the documents of an import into its table, inside one transaction.

use lentil_database::{Namespace, TableInfo, Transaction};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::{DocumentId, InternalId, Object, TableNumber, Value};

use crate::parse::Place;
use crate::plan::{Mode, Plan};

/// The first number that the app's tables have.
const USER_TABLE_NUMBERS: u32 = 10_001;

/// Writes one document after the other.
pub(crate) struct Writer<'a> {
    tx: &'a mut Transaction,
    deployer: &'a Deployer,
    plan: &'a Plan,
    /// The table, once the first document has told its number.
    table: Option<TableInfo>,
    written: i64,
}

/// A document's own system fields.
struct Given {
    id: Option<DocumentId>,
    creation_time_ms: Option<f64>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        tx: &'a mut Transaction,
        deployer: &'a Deployer,
        plan: &'a Plan,
    ) -> Writer<'a> {
        Writer {
            tx,
            deployer,
            plan,
            table: None,
            written: 0,
        }
    }

    /// Writes a document, with its own `_id` and `_creationTime` if it brings them. The error is
    /// for the developer and names the place.
    pub(crate) fn write(&mut self, place: Place, mut fields: Object) -> Result<(), String> {
        let given = Given::take(&mut fields).map_err(|why| format!("{place}: {why}"))?;
        if self.table.is_none() {
            let number = given.id.map(|id| id.table);
            self.table = Some(self.prepare_table(number).map_err(|error| error.message)?);
        }
        self.insert(&given, fields)
            .map_err(|why| format!("{place}: {why}"))?;
        self.written += 1;
        Ok(())
    }

    /// The number of documents written, once the file has been read.
    pub(crate) fn finish(mut self) -> Result<i64, DeployError> {
        if self.table.is_none() {
            self.prepare_table(None)?;
        }
        Ok(self.written)
    }

    fn insert(&mut self, given: &Given, fields: Object) -> Result<(), String> {
        let (Some(table), name) = (&self.table, &self.plan.table) else {
            unreachable!("the first document prepares the table");
        };
        let checked = self.deployer.check_write(self.tx, name, &fields);
        checked.map_err(|error| error.message)?.map_err(|why| {
            format!("SchemaEnforcementError: the document does not match the schema of the table {name:?}: {why}")
        })?;
        if given.id.is_none() && given.creation_time_ms.is_none() {
            let inserted = self.tx.insert(Namespace::ROOT, name, fields);
            return inserted.map(drop).map_err(|error| error.to_string());
        }
        let internal = match given.id {
            Some(id) if id.table != table.number => {
                return Err(format!(
                    "InvalidId: \"_id\" {id} is not an id of the table {name:?}: its table number is {}, the table's {}",
                    id.table.0, table.number.0
                ));
            }
            Some(id) => id.internal,
            None => draw_internal_id(self.tx),
        };
        let time = given.creation_time_ms.unwrap_or(self.tx.now_ms());
        let inserted = self.tx.insert_with(table, internal, time, fields);
        inserted.map(drop).map_err(|error| error.to_string())
    }

    /// Empties the table or checks that it is empty, as the mode says. An empty table takes the
    /// number that the documents' ids have, so that what was exported elsewhere keeps its ids.
    fn prepare_table(&mut self, number: Option<TableNumber>) -> Result<TableInfo, DeployError> {
        let name = &self.plan.table;
        if let Some(number) = number.filter(|number| number.0 < USER_TABLE_NUMBERS) {
            return Err(refused(format!(
                "InvalidId: the first document's \"_id\" is of a system table (number {}); ids of {name:?} have \
                 numbers from {USER_TABLE_NUMBERS}",
                number.0
            )));
        }
        let there = self.tx.table(Namespace::ROOT, name);
        let fits = |table: &TableInfo| number.is_none_or(|number| number == table.number);
        // Counting reads the whole table, so that every other write to it would be a conflict: it
        // is done only where the outcome hangs on it.
        let keep = match (self.plan.mode, &there) {
            (_, None) => false,
            (Mode::Replace, Some(_)) => false,
            (Mode::Append, Some(table)) => fits(table) || self.tx.count(Namespace::ROOT, name)? > 0,
            (Mode::RequireEmpty, Some(table)) => {
                if self.tx.count(Namespace::ROOT, name)? > 0 {
                    return Err(refused(table_exists(name)));
                }
                fits(table)
            }
        };
        match there {
            Some(table) if keep => Ok(table),
            Some(table) => renew_table(self.tx, &table, number.unwrap_or(table.number)),
            None => Ok(self.tx.create_table(Namespace::ROOT, name, number)?),
        }
    }
}

/// An id as documents get them, for one that brings only its creation time.
fn draw_internal_id(tx: &mut Transaction) -> InternalId {
    const DAY_MS: f64 = 86_400_000.0;
    let (mut random, seed) = ([0; 14], tx.draw_seed());
    random.copy_from_slice(&seed[..14]);
    InternalId::from_random(random, (tx.now_ms() / DAY_MS) as u16)
}

impl Given {
    fn take(fields: &mut Object) -> Result<Given, String> {
        let id = match fields.remove("_id") {
            None => None,
            Some(Value::String(id)) => {
                let parsed = id.parse();
                Some(parsed.map_err(|error| format!("InvalidId: {id:?} is no id: {error}"))?)
            }
            Some(_) => return Err("InvalidId: \"_id\" is not a text".to_owned()),
        };
        let creation_time_ms = match fields.remove("_creationTime") {
            None => None,
            Some(Value::Float64(time)) if time.is_finite() && time >= 0.0 => Some(time),
            Some(_) => {
                return Err(
                    "InvalidCreationTime: \"_creationTime\" must be a number of milliseconds since 1970"
                        .to_owned(),
                );
            }
        };
        Ok(Given {
            id,
            creation_time_ms,
        })
    }
}

/// Puts an empty table with the same indexes in the place of one, whatever it holds: far cheaper
/// than deleting document by document.
fn renew_table(
    tx: &mut Transaction,
    old: &TableInfo,
    number: TableNumber,
) -> Result<TableInfo, DeployError> {
    let indexes = tx.indexes(old);
    tx.delete_table(Namespace::ROOT, &old.name)?;
    let new = tx.create_table(Namespace::ROOT, &old.name, Some(number))?;
    for index in indexes {
        let (name, staged) = (index.definition.name.clone(), index.definition.staged);
        if matches!(name.as_str(), "by_id" | "by_creation_time") {
            continue;
        }
        tx.add_index(&new, index.definition)?;
        // Nothing is left to fill, so one that was being filled is complete.
        if index.state == lentil_database::IndexState::Enabled {
            tx.set_index(&new, &name, index.state, staged)?;
        }
    }
    Ok(new)
}

pub(crate) fn table_exists(table: &str) -> String {
    format!(
        "TableExists: the table {table:?} has documents; use --append to add to them or --replace to put the file in \
         their place"
    )
}

/// The developer's doing; the message begins with the code.
pub(crate) fn refused(message: String) -> DeployError {
    lentil_database::TransactionError::Developer {
        code: "ImportRefused",
        message,
    }
    .into()
}
