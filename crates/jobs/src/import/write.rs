//! Writing documents that bring ids and creation times of their own.

use lentil_database::{TableInfo, Transaction};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::{DocumentId, InternalId, Object, Value};

use super::layout::Part;
use crate::parse::Place;
use crate::snapshot::TablePath;

/// The first number that the app's tables have.
pub(crate) const USER_TABLE_NUMBERS: u32 = 10_001;

/// Writes documents into one table.
pub(crate) struct Writer<'a> {
    tx: &'a mut Transaction,
    deployer: &'a Deployer,
    part: &'a Part,
    table: &'a TableInfo,
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
        part: &'a Part,
        table: &'a TableInfo,
    ) -> Writer<'a> {
        Writer {
            tx,
            deployer,
            part,
            table,
        }
    }

    /// Writes a document, with its own `_id` and `_creationTime` if it brings them. The error is
    /// for the developer and names the place.
    pub(crate) fn write(&mut self, place: Place, mut fields: Object) -> Result<(), String> {
        let given = Given::take(&mut fields).map_err(|why| format!("{place}: {why}"))?;
        self.insert(&given, fields)
            .map_err(|why| format!("{place}: {why}"))
    }

    fn insert(&mut self, given: &Given, fields: Object) -> Result<(), String> {
        let (table, name) = (self.table, &self.table.name);
        let (namespace, names) = (self.part.namespace, &self.part.names);
        let checked = self
            .deployer
            .check_write(self.tx, namespace, name, &fields, Some(names));
        checked.map_err(|error| error.message)?.map_err(|why| {
            format!("SchemaEnforcementError: the document does not match the schema of the table {name:?}: {why}")
        })?;
        if given.id.is_none() && given.creation_time_ms.is_none() {
            let inserted = self.tx.insert(table.namespace, name, fields);
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

/// How a text of [`table_exists`] begins.
pub(crate) const TABLE_EXISTS: &str = "TableExists";

pub(crate) fn table_exists(table: &TablePath) -> String {
    let component = match table.component.is_root() {
        true => String::new(),
        false => format!(" of the component {:?}", table.component.0),
    };
    format!(
        "{TABLE_EXISTS}: the table {:?}{component} has documents; use --append to add to them or --replace to put the file in \
         their place",
        table.table
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
