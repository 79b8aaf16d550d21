//! Reading an uploaded file into documents (cli-and-deploy 12.4).

use std::path::Path;

use lentil_catalog::Schema;
use lentil_values::{FieldValidator, Object, Validator, Value};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A header, then rows.
    Csv,
    /// One object a line.
    JsonLines,
    /// One array of objects.
    JsonArray,
}

impl Format {
    /// As the CLI spells it.
    pub(crate) fn by_name(name: &str) -> Option<Format> {
        match name {
            "csv" => Some(Format::Csv),
            "jsonLines" => Some(Format::JsonLines),
            "jsonArray" => Some(Format::JsonArray),
            _ => None,
        }
    }

    /// As the import's row spells it.
    pub(crate) fn stored_name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
            Format::JsonArray => "json_array",
        }
    }
}

/// Reads all documents; the error is for the developer and names the place.
pub(crate) fn documents(
    file: &Path,
    format: Format,
    table: &str,
    schema: Option<&Schema>,
) -> Result<Vec<Object>, String> {
    let bytes = std::fs::read(file)
        .map_err(|error| format!("the uploaded file cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "NotUtf8: the file is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to()
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match format {
        Format::Csv => csv_rows(text, table, schema),
        Format::JsonLines => json_lines(text),
        Format::JsonArray => json_array(text),
    }
}

fn json_lines(text: &str) -> Result<Vec<Object>, String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| match Value::parse(line) {
            Ok(value) => object(value, &format!("line {}", index + 1)),
            Err(error) => Err(format!("JsonInvalidRow: line {}: {error}", index + 1)),
        })
        .collect()
}

fn json_array(text: &str) -> Result<Vec<Object>, String> {
    let elements: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(text)
        .map_err(|error| format!("NotJsonArray: the file is not a JSON array: {error}"))?;
    elements
        .iter()
        .enumerate()
        .map(|(index, element)| match Value::parse(element.get()) {
            Ok(value) => object(value, &format!("element {}", index + 1)),
            Err(error) => Err(format!(
                "InvalidConvexValue: element {}: {error}",
                index + 1
            )),
        })
        .collect()
}

fn object(value: Value, place: &str) -> Result<Object, String> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(format!("NotAnObject: {place} is not an object")),
    }
}

fn csv_rows(text: &str, table: &str, schema: Option<&Schema>) -> Result<Vec<Object>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| format!("CsvInvalidHeader: {error}"))?;
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    if names.is_empty()
        || names
            .iter()
            .any(|name| name.is_empty() || !name.is_ascii() || name.starts_with('$'))
    {
        return Err(format!(
            "CsvInvalidHeader: the first line must name the fields; it reads {names:?}"
        ));
    }
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let line = index + 2;
        let record = record.map_err(|error| format!("CsvInvalidRow: line {line}: {error}"))?;
        if record.len() != names.len() {
            return Err(format!(
                "CsvRowMissingFields: line {line} has {} cells; the header has {}",
                record.len(),
                names.len()
            ));
        }
        let cells = names.iter().zip(record.iter());
        let fields =
            cells.filter(|(name, cell)| !(cell.is_empty() && may_be_left_out(schema, table, name)));
        rows.push(
            fields
                .map(|(name, cell)| (name.clone(), cell_value(cell)))
                .collect(),
        );
    }
    Ok(rows)
}

fn cell_value(cell: &str) -> Value {
    cell.parse()
        .map_or_else(|_| Value::String(cell.to_owned()), Value::Float64)
}

/// An empty cell is no field where the field is optional and could not be a text.
fn may_be_left_out(schema: Option<&Schema>, table: &str, name: &str) -> bool {
    let table = schema.and_then(|schema| schema.tables.get(table));
    match table.and_then(|table| table.document.as_ref()) {
        Some(Validator::Object(fields)) => fields.get(name).is_some_and(
            |FieldValidator {
                 validator,
                 optional,
             }| {
                *optional
                    && !validator.accepts_all_of(&Validator::Literal(Value::String(String::new())))
            },
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> Result<Vec<Object>, String> {
        let file =
            std::env::temp_dir().join(format!("lentil-import-{}-{:p}", std::process::id(), text));
        std::fs::write(&file, text).expect("a temporary file");
        let rows = documents(&file, format, "t", None);
        std::fs::remove_file(&file).expect("it is there");
        rows
    }

    #[test]
    fn s046_lines_arrays_and_cells_become_documents() {
        let lines = read(
            "\u{feff}{\"a\":1}\n\n{\"a\":{\"$integer\":\"AQAAAAAAAAA=\"}}\n",
            Format::JsonLines,
        )
        .expect("good");
        assert_eq!(lines[0]["a"], Value::Float64(1.0));
        assert_eq!(lines[1]["a"], Value::Int64(1));
        assert_eq!(read("[{},{}]", Format::JsonArray).expect("good").len(), 2);
        let rows = read("a, b\n1e3,x\n,2\n", Format::Csv).expect("good");
        assert_eq!(rows[0]["a"], Value::Float64(1000.0));
        assert_eq!(rows[0]["b"], Value::String("x".to_owned()));
        assert_eq!(rows[1]["a"], Value::String(String::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, format, why) in [
            (
                "{\"a\":1}\nnope\n",
                Format::JsonLines,
                "JsonInvalidRow: line 2",
            ),
            ("[]", Format::JsonLines, "NotAnObject: line 1"),
            ("{}", Format::JsonArray, "NotJsonArray"),
            ("[1]", Format::JsonArray, "NotAnObject: element 1"),
            ("a,b\n1\n", Format::Csv, "CsvRowMissingFields: line 2"),
            ("a,,b\n", Format::Csv, "CsvInvalidHeader"),
        ] {
            let said = read(text, format).expect_err(text);
            assert!(said.contains(why), "{said}");
        }
    }
}
