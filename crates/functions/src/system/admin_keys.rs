//! Where admin keys were used from, and that somebody knows of it (dashboard C6, A13).

use lentil_catalog::KeyUse;
use lentil_database::TransactionError;
use lentil_values::Value;

use super::{Request, author_of, note, object, text};
use crate::FunctionFailure;

/// All addresses of all keys that are remembered.
pub(super) fn uses(request: &mut Request) -> Result<Value, TransactionError> {
    let all = KeyUse::all(request.tx)?.into_iter();
    let shown = all.map(|noted| {
        object([
            ("_id", text(noted.id.to_string())),
            ("key", text(noted.key)),
            ("address", text(noted.address)),
            ("first", Value::Float64(noted.first_ms)),
            ("last", Value::Float64(noted.last_ms)),
            ("known", Value::Boolean(noted.known)),
        ])
    });
    Ok(Value::Array(shown.collect()))
}

/// An address is as it should be.
pub(super) fn accept(request: &mut Request) -> Result<Value, FunctionFailure> {
    let id = request.id("id")?;
    let author = author_of(request.identity);
    let found = KeyUse::accept(request.tx, id).map_err(TransactionError::from)?;
    let Some(noted) = found else {
        return Err(FunctionFailure::developer(
            "This address is no longer remembered: reload the page.",
        ));
    };
    let metadata = [
        ("key", Value::String(noted.key)),
        ("address", Value::String(noted.address)),
    ];
    note(request.tx, author, "accept_key_address", metadata).map_err(TransactionError::from)?;
    Ok(Value::Null)
}
