//! What an import is asked to do.

use lentil_catalog::ImportRow;
use lentil_values::{Object, Value};

use crate::import::ImportError;
use crate::parse::Format;

/// Characters of a table's name.
const TABLE_NAME_MAX: usize = 64;

/// What is to be imported where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) table: String,
    pub(crate) format: Format,
    pub(crate) mode: Mode,
    /// The uploaded file's token.
    pub(crate) upload: String,
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
}

impl Mode {
    fn by_name(name: &str) -> Option<Mode> {
        match name {
            "requireEmpty" | "RequireEmpty" => Some(Mode::RequireEmpty),
            "append" | "Append" => Some(Mode::Append),
            "replace" | "Replace" => Some(Mode::Replace),
            _ => None,
        }
    }

    /// As the import's row spells it.
    pub(crate) fn stored_name(self) -> &'static str {
        match self {
            Mode::RequireEmpty => "RequireEmpty",
            Mode::Append => "Append",
            Mode::Replace => "Replace",
        }
    }
}

impl Plan {
    /// Reads the member `import` of `finish_upload`'s body.
    pub(crate) fn read(import: &serde_json::Value, upload: &str) -> Result<Plan, ImportError> {
        let text = |name: &str| import.get(name).and_then(serde_json::Value::as_str);
        if text("componentPath").is_some_and(|path| !path.is_empty()) {
            return Err(ImportError::bad(
                "ComponentsNotSupported",
                "components are not supported by this version of Lentil yet; leave --component out",
            ));
        }
        let format = text("format").unwrap_or_default();
        if format == "zip" {
            return Err(ImportError::bad(
                "ZipNotSupported",
                "snapshot zips cannot be imported by this version of Lentil yet; import tables one by one as JSON lines",
            ));
        }
        let format = Format::by_name(format).ok_or_else(|| {
            ImportError::bad(
                "BadFormat",
                format!("there is no import format {format:?}: csv, jsonLines or jsonArray"),
            )
        })?;
        let mode = text("mode").unwrap_or("requireEmpty");
        let mode = Mode::by_name(mode).ok_or_else(|| {
            ImportError::bad(
                "InvalidMode",
                format!("there is no mode {mode:?} for one table: requireEmpty, append or replace"),
            )
        })?;
        let table = text("tableName").unwrap_or_default();
        let good = table.starts_with(|c: char| c.is_ascii_alphabetic())
            && table.len() <= TABLE_NAME_MAX
            && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            return Err(ImportError::bad(
                "InvalidName",
                format!(
                    "{table:?} cannot name a table: letters, digits and underscores, beginning with a letter"
                ),
            ));
        }
        Ok(Plan {
            table: table.to_owned(),
            format,
            mode,
            upload: upload.to_owned(),
        })
    }

    /// The plan of an import that was asked for earlier.
    pub(crate) fn of_row(row: &ImportRow) -> Result<Plan, ImportError> {
        let damaged = || ImportError::internal(&"an import's row is damaged");
        let Value::Object(format) = &row.format else {
            return Err(damaged());
        };
        let text = |name: &str| match format.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        let stored = text("format")?;
        let formats = [Format::Csv, Format::JsonLines, Format::JsonArray];
        let format = formats
            .into_iter()
            .find(|format| format.stored_name() == stored)
            .ok_or_else(damaged)?;
        Ok(Plan {
            table: text("table")?,
            format,
            mode: Mode::by_name(&row.mode).ok_or_else(damaged)?,
            upload: row.upload.clone(),
        })
    }

    /// The member `format` of the import's row.
    pub(crate) fn format_value(&self) -> Value {
        let string = |text: &str| Value::String(text.to_owned());
        Value::Object(Object::from([
            ("format".to_owned(), string(self.format.stored_name())),
            ("table".to_owned(), string(&self.table)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lentil_catalog::ImportState;
    use serde_json::json;

    #[test]
    fn what_cannot_be_done_has_its_code() {
        let code = |import: serde_json::Value| Plan::read(&import, "u").expect_err("bad").code;
        let csv =
            |mode: &str, table: &str| json!({ "format": "csv", "mode": mode, "tableName": table });
        assert_eq!(code(json!({ "format": "zip" })), "ZipNotSupported");
        assert_eq!(code(json!({ "format": "xml" })), "BadFormat");
        assert_eq!(code(csv("replaceAll", "t")), "InvalidMode");
        assert_eq!(code(csv("append", "_storage")), "InvalidName");
        assert_eq!(code(csv("append", "")), "InvalidName");
        let component =
            json!({ "format": "csv", "mode": "append", "tableName": "t", "componentPath": "a" });
        assert_eq!(code(component), "ComponentsNotSupported");
    }

    #[test]
    fn a_plan_survives_its_row() {
        for (format, mode) in [
            ("csv", "requireEmpty"),
            ("jsonLines", "append"),
            ("jsonArray", "replace"),
        ] {
            let import =
                json!({ "format": format, "mode": mode, "tableName": "t", "componentPath": "" });
            let plan = Plan::read(&import, "u").expect("good");
            let row = ImportRow {
                format: plan.format_value(),
                mode: plan.mode.stored_name().to_owned(),
                upload: plan.upload.clone(),
                state: ImportState::Uploaded,
            };
            assert_eq!(Plan::of_row(&row).expect("good"), plan);
        }
    }
}
