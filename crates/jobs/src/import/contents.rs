//! The files of a snapshot: their contents are written into the store under the ids they had,
//! before anybody can see them; their rows follow with the import's last step.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lentil_catalog::{ComponentPath, Components, FileRow, SystemTable};
use lentil_database::{Namespace, Transaction};
use lentil_functions::Functions;
use lentil_values::{DocumentId, Object, Value};
use tokio::runtime::Handle;

use super::activate::files_exist;
use super::layout::Part;
use crate::plan::Mode;
use crate::snapshot::Archive;

/// Files of one import: their rows are held in memory, and written in one transaction.
const FILES_MAX: usize = 200_000;

/// What a snapshot says of the files of a component; `seen` are those of others.
pub(crate) fn rows(
    archive: &mut Archive,
    component: &ComponentPath,
    seen: &mut BTreeSet<DocumentId>,
) -> Result<Vec<FileRow>, String> {
    let mut rows = Vec::new();
    archive.files(component, &mut |place, line| {
        let row = row(&line).map_err(|why| format!("{place}: {why}"))?;
        if !seen.insert(row.id) {
            return Err(format!("{place}: DuplicateId: {} is there twice", row.id));
        }
        if seen.len() > FILES_MAX {
            return Err(format!(
                "{place}: ImportTooLarge: one import takes at most {FILES_MAX} files"
            ));
        }
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

fn row(line: &Object) -> Result<FileRow, String> {
    let id = match line.get("_id") {
        Some(Value::String(text)) => text.parse::<DocumentId>().ok(),
        _ => None,
    };
    let id = id.ok_or("InvalidId: the line has no id in \"_id\"")?;
    if !FileRow::is_id(id) {
        return Err(format!(
            "InvalidId: {id} is not an id of a file: its table number is {}, not {}",
            id.table.0,
            SystemTable::Files.number().0
        ));
    }
    let number = |name: &str| match line.get(name) {
        Some(Value::Float64(number)) => Some(*number),
        Some(Value::Int64(number)) => Some(*number as f64),
        _ => None,
    };
    let size = number("size").filter(|size| *size >= 0.0 && size.fract() == 0.0);
    let size = size.ok_or("\"size\" must be the number of the file's bytes")?;
    let sha256 = match line.get("sha256") {
        Some(Value::String(text)) => STANDARD.decode(text).ok(),
        _ => None,
    };
    let sha256 = sha256.and_then(|digest| digest.try_into().ok());
    let sha256 = sha256.ok_or("\"sha256\" must be a SHA-256 in base64")?;
    let content_type = match line.get("contentType") {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let creation_time = number("_creationTime").filter(|ms| ms.is_finite() && *ms >= 0.0);
    Ok(FileRow {
        id,
        sha256,
        size: size as u64,
        content_type,
        creation_time_ms: creation_time
            .ok_or("\"_creationTime\" must be a number of milliseconds since 1970")?,
    })
}

/// Compares the files of a snapshot with those that are there; gives how many the component has.
pub(crate) fn check(
    tx: &mut Transaction,
    namespace: Namespace,
    rows: &[FileRow],
    mode: Mode,
) -> Result<u64, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let there = tx.count(namespace, SystemTable::Files.name());
    let there = there.map_err(|error| failed(&error))?;
    if mode == Mode::RequireEmpty && there > 0 && !rows.is_empty() {
        return Err(files_exist());
    }
    let components = Components::load(tx).map_err(|error| failed(&error))?;
    let others: Vec<_> = components
        .all()
        .filter(|other| other.namespace != namespace)
        .collect();
    for row in rows {
        // A content lies under the file's id, whosever it is: one that two components share would go
        // with the first of them that deletes it.
        for other in &others {
            let same = FileRow::get(tx, other.namespace, row.id).map_err(|error| failed(&error))?;
            if same.is_some() {
                let owner = match other.path.is_root() {
                    true => "the app itself".to_owned(),
                    false => format!("the component {:?}", other.path.0),
                };
                return Err(format!(
                    "DuplicateId: the file {} is there already, in {owner}; ids of files are unique in a deployment",
                    row.id
                ));
            }
        }
        let same = FileRow::get(tx, namespace, row.id).map_err(|error| failed(&error))?;
        let Some(same) = same else {
            continue;
        };
        if mode == Mode::Append {
            return Err(format!("DuplicateId: the file {} is there already", row.id));
        }
        if same.sha256 != row.sha256 {
            return Err(format!(
                "DuplicateId: the file {} is there already, with another content; delete it first",
                row.id
            ));
        }
    }
    Ok(there)
}

/// Writes the contents of those files that are not there. The caller holds all contents until the
/// rows are committed. Blocks.
pub(crate) fn restore(
    functions: &Functions,
    archive: &mut Archive,
    part: &Part,
    rows: &[FileRow],
    progress: &mut dyn FnMut(&str, u64) -> Result<(), String>,
) -> Result<(), String> {
    let shown = part.path_of(SystemTable::Files.name()).to_string();
    for (done, row) in rows.iter().enumerate() {
        let mut tx = functions.database().begin();
        let there = FileRow::get(&mut tx, part.namespace, row.id);
        let there = there.map_err(|error| error.to_string())?;
        drop(tx);
        if there.is_none() {
            restore_one(functions, archive, &part.component, row)?;
        }
        progress(&shown, done as u64 + 1)?;
    }
    Ok(())
}

fn restore_one(
    functions: &Functions,
    archive: &mut Archive,
    component: &ComponentPath,
    row: &FileRow,
) -> Result<(), String> {
    let runtime = Handle::current();
    let failed =
        |error: &dyn std::fmt::Display| format!("the file {} cannot be kept: {error}", row.id);
    let mut restoring = functions.restore_content(row.id);
    let mut size = 0;
    let read = archive.content(component, &row.id.to_string(), &mut |chunk| {
        size += chunk.len() as u64;
        if size > row.size {
            return Err(wrong(row, "it is longer"));
        }
        let pushed = runtime.block_on(restoring.push(Bytes::copy_from_slice(chunk)));
        pushed.map_err(|error| failed(&error))
    });
    if read.is_ok() && size < row.size {
        runtime.block_on(restoring.abandon());
        return Err(wrong(row, "it is shorter"));
    }
    if let Err(why) = read {
        runtime.block_on(restoring.abandon());
        return Err(why);
    }
    let (_, sha256) = runtime
        .block_on(restoring.finish())
        .map_err(|error| failed(&error))?;
    if sha256 == row.sha256 {
        return Ok(());
    }
    let removed = runtime.block_on(functions.discard_content(row.id));
    removed.map_err(|error| failed(&error))?;
    Err(wrong(row, "its SHA-256 differs"))
}

fn wrong(row: &FileRow, why: &str) -> String {
    format!(
        "InvalidZip: the content of the file {} is not what the list of files says: {why}",
        row.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_is_checked() {
        let id = "kg2ch8s6wsdzvkefhzacfjvyvd85r1f1";
        let digest = STANDARD.encode([7; 32]);
        let good = format!(
            "{{\"_id\":\"{id}\",\"_creationTime\":5.5,\"sha256\":\"{digest}\",\"size\":3,\"contentType\":null}}"
        );
        let read = |text: &str| {
            let Ok(Value::Object(line)) = Value::parse_export(text) else {
                panic!("{text} is an object");
            };
            row(&line)
        };
        let file = read(&good).expect("good");
        assert_eq!(
            (file.size, file.sha256, file.creation_time_ms),
            (3, [7; 32], 5.5)
        );
        for (from, to) in [
            ("\"size\":3", "\"size\":-3"),
            ("\"size\":3", "\"size\":3.5"),
            (id, "j57"),
            (digest.as_str(), "AAAA"),
            ("5.5", "\"5\""),
        ] {
            read(&good.replace(from, to)).expect_err(to);
        }
    }
}
