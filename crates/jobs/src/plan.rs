//! What an import is asked to do.

use lentil_catalog::{ComponentPath, ImportRow, ImportState};
use lentil_values::{Object, Value};

use crate::JobError;
use crate::parse::Format;

/// Characters of a table's name.
const TABLE_NAME_MAX: usize = 64;
/// How a snapshot archive is called, by the CLI and in rows.
const ZIP: &str = "zip";

/// What is to be imported where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) content: Content,
    /// The component it is for; of a snapshot, the one that takes the place of its root.
    pub(crate) component: ComponentPath,
    pub(crate) mode: Mode,
    /// The uploaded file's token.
    pub(crate) upload: String,
}

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The documents of one table.
    Table {
        /// Its name.
        name: String,
        /// How they are written.
        format: Format,
    },
    /// A snapshot archive.
    Snapshot,
}

/// What becomes of the documents that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// There must be none.
    RequireEmpty,
    /// They stay.
    Append,
    /// They go.
    Replace,
    /// They go, and so do tables that the file does not have.
    ReplaceAll,
}

impl Mode {
    fn by_name(name: &str) -> Option<Mode> {
        match name {
            "requireEmpty" | "RequireEmpty" => Some(Mode::RequireEmpty),
            "append" | "Append" => Some(Mode::Append),
            "replace" | "Replace" => Some(Mode::Replace),
            "replaceAll" | "ReplaceAll" => Some(Mode::ReplaceAll),
            _ => None,
        }
    }

    /// As the import's row spells it.
    fn stored_name(self) -> &'static str {
        match self {
            Mode::RequireEmpty => "RequireEmpty",
            Mode::Append => "Append",
            Mode::Replace => "Replace",
            Mode::ReplaceAll => "ReplaceAll",
        }
    }

    /// Whether documents that are there go.
    pub(crate) fn replaces(self) -> bool {
        matches!(self, Mode::Replace | Mode::ReplaceAll)
    }
}

/// Whether a user's table can have that name.
pub(crate) fn is_table_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= TABLE_NAME_MAX
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Plan {
    /// Reads the member `import` of `finish_upload`'s body.
    pub(crate) fn read(import: &serde_json::Value, upload: &str) -> Result<Plan, JobError> {
        let text = |name: &str| import.get(name).and_then(serde_json::Value::as_str);
        let mode = text("mode").unwrap_or("requireEmpty");
        let mode = Mode::by_name(mode).ok_or_else(|| {
            JobError::bad(
                "InvalidMode",
                format!("there is no mode {mode:?}: requireEmpty, append, replace or replaceAll"),
            )
        })?;
        Ok(Plan {
            content: Content::read(
                text("format").unwrap_or_default(),
                text("tableName").unwrap_or_default(),
            )?,
            component: ComponentPath(text("componentPath").unwrap_or_default().to_owned()),
            mode,
            upload: upload.to_owned(),
        })
    }

    /// The plan of an import that was asked for earlier.
    pub(crate) fn of_row(row: &ImportRow) -> Result<Plan, JobError> {
        let damaged = || JobError::internal(&"an import's row is damaged");
        let Value::Object(format) = &row.format else {
            return Err(damaged());
        };
        let text = |name: &str| match format.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        let stored = text("format")?;
        let formats = [Format::Csv, Format::JsonLines, Format::JsonArray];
        let content = match formats
            .into_iter()
            .find(|format| format.stored_name() == stored)
        {
            Some(format) => Content::Table {
                name: text("table")?,
                format,
            },
            None if stored == ZIP => Content::Snapshot,
            None => return Err(damaged()),
        };
        Ok(Plan {
            content,
            component: ComponentPath(row.component.clone().unwrap_or_default()),
            mode: Mode::by_name(&row.mode).ok_or_else(damaged)?,
            upload: row.upload.clone(),
        })
    }

    /// The row of an import of which nothing is known yet.
    pub(crate) fn row(&self) -> ImportRow {
        let component = (!self.component.is_root()).then(|| self.component.0.clone());
        ImportRow {
            format: self.format_value(),
            mode: self.mode.stored_name().to_owned(),
            component,
            upload: self.upload.clone(),
            state: ImportState::Uploaded,
        }
    }

    /// Bytes that the file may have: an element of an array and a row of a table are held in memory,
    /// however long they are.
    pub(crate) fn bytes_max(&self) -> u64 {
        match self.content {
            Content::Table {
                format: Format::Csv | Format::JsonArray,
                ..
            } => 256 << 20,
            Content::Table { .. } | Content::Snapshot => 256 << 30,
        }
    }

    /// The member `format` of the import's row.
    fn format_value(&self) -> Value {
        let string = |text: &str| Value::String(text.to_owned());
        let members = match &self.content {
            Content::Snapshot => Object::from([("format".to_owned(), string(ZIP))]),
            Content::Table { name, format } => Object::from([
                ("format".to_owned(), string(format.stored_name())),
                ("table".to_owned(), string(name)),
            ]),
        };
        Value::Object(members)
    }
}

impl Content {
    fn read(format: &str, table: &str) -> Result<Content, JobError> {
        if format == ZIP {
            return match table {
                "" => Ok(Content::Snapshot),
                _ => Err(JobError::bad(
                    "InvalidName",
                    "a snapshot names its tables itself; leave the table out",
                )),
            };
        }
        let format = Format::by_name(format).ok_or_else(|| {
            JobError::bad(
                "BadFormat",
                format!("there is no import format {format:?}: csv, jsonLines, jsonArray or zip"),
            )
        })?;
        if !is_table_name(table) {
            return Err(JobError::bad(
                "InvalidName",
                format!(
                    "{table:?} cannot name a table: letters, digits and underscores, beginning with a letter"
                ),
            ));
        }
        let name = table.to_owned();
        Ok(Content::Table { name, format })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_done_has_its_code() {
        let code = |import: serde_json::Value| Plan::read(&import, "u").expect_err("bad").code;
        let csv =
            |mode: &str, table: &str| json!({ "format": "csv", "mode": mode, "tableName": table });
        let zip = json!({ "format": "zip", "tableName": "t" });
        assert_eq!(code(zip), "InvalidName");
        assert_eq!(code(json!({ "format": "xml" })), "BadFormat");
        assert_eq!(code(csv("merge", "t")), "InvalidMode");
        assert_eq!(code(csv("append", "_storage")), "InvalidName");
        assert_eq!(code(csv("append", "")), "InvalidName");
    }

    #[test]
    fn a_plan_survives_its_row() {
        for (format, mode) in [
            ("csv", "requireEmpty"),
            ("jsonLines", "append"),
            ("jsonArray", "replace"),
        ] {
            for component in ["", "a/b"] {
                let import = json!({ "format": format, "mode": mode, "tableName": "t", "componentPath": component });
                let plan = Plan::read(&import, "u").expect("good");
                assert_eq!(plan.component.0, component);
                survives(&plan);
            }
        }
        let snapshot = json!({ "format": "zip", "mode": "replaceAll" });
        survives(&Plan::read(&snapshot, "u").expect("good"));
    }

    fn survives(plan: &Plan) {
        assert_eq!(Plan::of_row(&plan.row()).expect("good"), *plan);
    }
}
