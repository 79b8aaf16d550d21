//! Reading an uploaded file into documents, one at a time (cli-and-deploy 12.4).

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use lentil_catalog::Schema;
use lentil_values::{FieldValidator, Object, Validator, Value};
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Bytes of one line or element; a document has at most 1 MiB, its text may have several times that.
const TEXT_BYTES_MAX: u64 = 16 << 20;
/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 64 << 10;
/// What text editors put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

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

/// Where in the file a document stands, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Line, from 1.
    Line(u64),
    /// Element of the array, from 1.
    Element(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Element(element) => write!(f, "element {element}"),
        }
    }
}

/// Takes the documents in the order of the file; its error ends the reading.
pub(crate) type Sink<'a> = dyn FnMut(Place, Object) -> Result<(), String> + 'a;

/// Hands every document to `sink`. Holds one document at a time. The error is for the developer
/// and names the place, or is the sink's.
pub(crate) fn documents(
    file: &Path,
    format: Format,
    table: &str,
    schema: Option<&Schema>,
    sink: &mut Sink,
) -> Result<(), String> {
    let reader = without_mark(file).map_err(|error| unreadable(&error))?;
    match format {
        Format::Csv => csv_rows(reader, table, schema, sink),
        Format::JsonLines => json_lines(&mut { reader }, Encoding::Convex, sink),
        Format::JsonArray => json_array(reader, sink),
    }
}

type Reader = BufReader<File>;

fn without_mark(file: &Path) -> std::io::Result<Reader> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(file)?);
    if reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(reader)
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("the uploaded file cannot be read: {error}")
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Every bare number is a float64.
    Convex,
    /// Bare integers are int64 (cli-and-deploy 13.3).
    Export,
}

/// One object a line.
pub(crate) fn json_lines(
    reader: &mut dyn BufRead,
    encoding: Encoding,
    sink: &mut Sink,
) -> Result<(), String> {
    let parse = match encoding {
        Encoding::Convex => Value::parse,
        Encoding::Export => Value::parse_export,
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut bounded = (&mut *reader).take(TEXT_BYTES_MAX);
        let read = bounded
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(&error))?;
        let place = Place::Line(number);
        if read == 0 {
            break;
        }
        if read as u64 == TEXT_BYTES_MAX {
            return Err(too_long(place));
        }
        let text = std::str::from_utf8(&line)
            .map_err(|error| format!("NotUtf8: {place} is not UTF-8 text: {error}"))?;
        if text.trim().is_empty() {
            continue;
        }
        let value = parse(text).map_err(|error| format!("JsonInvalidRow: {place}: {error}"))?;
        sink(place, object(value, place)?)?;
    }
    Ok(())
}

fn too_long(place: Place) -> String {
    format!(
        "DocumentTooLarge: {place} has more than {} MiB; a document has at most 1 MiB (is this a JSON array in the \
         place of JSON lines?)",
        TEXT_BYTES_MAX >> 20
    )
}

fn object(value: Value, place: Place) -> Result<Object, String> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(format!("NotAnObject: {place} is not an object")),
    }
}

fn json_array(reader: Reader, sink: &mut Sink) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut stopped = None;
    let elements = Elements {
        sink,
        stopped: &mut stopped,
    };
    let read = elements.deserialize(&mut json).and_then(|()| json.end());
    match (stopped, read) {
        (Some(why), _) => Err(why),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(format!(
            "NotJsonArray: the file is not one JSON array: {error} (one object a line is the format jsonLines)"
        )),
    }
}

/// Walks an array and hands each element on as soon as it is read.
struct Elements<'a, 'b> {
    sink: &'a mut Sink<'b>,
    /// Why an element was refused, which serde cannot carry.
    stopped: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            number += 1;
            let place = Place::Element(number);
            let taken = Value::parse(element.get())
                .map_err(|error| format!("InvalidConvexValue: {place}: {error}"))
                .and_then(|value| object(value, place))
                .and_then(|object| (self.sink)(place, object));
            if let Err(why) = taken {
                *self.stopped = Some(why);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

fn csv_rows(
    reader: Reader,
    table: &str,
    schema: Option<&Schema>,
    sink: &mut Sink,
) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader
        .headers()
        .map_err(|error| format!("CsvInvalidHeader: {error}"))?;
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    check_header(&names)?;
    for record in reader.records() {
        let record = record.map_err(|error| format!("CsvInvalidRow: {error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != names.len() {
            return Err(format!(
                "CsvRowMissingFields: line {line} has {} cells; the header has {}",
                record.len(),
                names.len()
            ));
        }
        let cells = names.iter().zip(record.iter());
        let fields = cells
            .filter(|(name, cell)| !(cell.is_empty() && may_be_left_out(schema, table, name)))
            .map(|(name, cell)| (name.clone(), cell_value(cell)))
            .collect();
        sink(Place::Line(line), fields)?;
    }
    Ok(())
}

fn check_header(names: &[String]) -> Result<(), String> {
    let refused = |why: &str| {
        Err(format!(
            "CsvInvalidHeader: the first line must name the fields, but {why}; it reads {names:?}"
        ))
    };
    if names.is_empty() || names == [""] {
        return refused("there is none");
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return refused(&format!("column {} has no name", index + 1));
        }
        if name.starts_with('$') || !name.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
            return refused(&format!("{name:?} cannot name a field"));
        }
        if names[..index].contains(name) {
            return refused(&format!("{name:?} is there twice"));
        }
    }
    Ok(())
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

    fn read_bytes(
        bytes: &[u8],
        format: Format,
        schema: Option<&Schema>,
    ) -> Result<Vec<(Place, Object)>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        std::fs::write(&file, bytes).expect("a temporary file");
        let mut rows = Vec::new();
        let mut sink = |place, object| {
            rows.push((place, object));
            Ok(())
        };
        documents(&file, format, "t", schema, &mut sink)?;
        Ok(rows)
    }

    fn read(text: &str, format: Format) -> Result<Vec<Object>, String> {
        let rows = read_bytes(text.as_bytes(), format, None)?;
        Ok(rows.into_iter().map(|(_, object)| object).collect())
    }

    #[test]
    fn s046_lines_arrays_and_cells_become_documents() {
        let lines = read(
            "\u{feff}{\"a\":1}\n\n{\"a\":{\"$integer\":\"AQAAAAAAAAA=\"}}",
            Format::JsonLines,
        )
        .expect("good");
        assert_eq!(lines[0]["a"], Value::Float64(1.0));
        assert_eq!(lines[1]["a"], Value::Int64(1));
        assert_eq!(
            read("\u{feff} [{}, {}]\n", Format::JsonArray)
                .expect("good")
                .len(),
            2
        );
        assert_eq!(read("[]", Format::JsonArray).expect("good").len(), 0);
        assert_eq!(read("", Format::JsonLines).expect("good").len(), 0);
        let rows = read("\u{feff}a, b\r\n1e3,x\r\n,2\r\n", Format::Csv).expect("good");
        assert_eq!(rows[0]["a"], Value::Float64(1000.0));
        assert_eq!(rows[0]["b"], Value::String("x".to_owned()));
        assert_eq!(rows[1]["a"], Value::String(String::new()));
        assert_eq!(read("a\n", Format::Csv).expect("good").len(), 0);
    }

    #[test]
    fn cells_that_read_as_numbers_are_numbers() {
        let rows = read(
            "a,b,c,d\nNaN,inf,\"1,5\",\" 1\"\n\"x\ny\",-0,1_0,0x1\n",
            Format::Csv,
        )
        .expect("good");
        assert!(matches!(rows[0]["a"], Value::Float64(nan) if nan.is_nan()));
        assert_eq!(rows[0]["b"], Value::Float64(f64::INFINITY));
        assert_eq!(rows[0]["c"], Value::String("1,5".to_owned()));
        assert_eq!(rows[0]["d"], Value::String(" 1".to_owned()));
        assert_eq!(rows[1]["a"], Value::String("x\ny".to_owned()));
        assert!(matches!(rows[1]["b"], Value::Float64(zero) if zero == 0.0));
        assert_eq!(rows[1]["c"], Value::String("1_0".to_owned()));
    }

    #[test]
    fn an_empty_cell_is_left_out_where_the_schema_wants_no_text() {
        let field =
            |kind: &str| serde_json::json!({ "fieldType": { "type": kind }, "optional": true });
        let fields = serde_json::json!({ "n": field("number"), "s": field("string") });
        let table = serde_json::json!({ "tableName": "t", "indexes": [], "documentType": { "type": "object", "value": fields } });
        let schema = Schema::parse(&serde_json::json!({ "tables": [table] }).to_string());
        let schema = schema.expect("a schema");
        let rows = read_bytes(b"n,s\n,\n", Format::Csv, Some(&schema)).expect("good");
        assert_eq!(
            rows[0].1,
            Object::from([("s".to_owned(), Value::String(String::new()))])
        );
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
            ("", Format::JsonArray, "NotJsonArray"),
            ("[{}] x", Format::JsonArray, "NotJsonArray"),
            ("[{}", Format::JsonArray, "NotJsonArray"),
            (
                "[{},{\"$a\":1}]",
                Format::JsonArray,
                "InvalidConvexValue: element 2",
            ),
            ("[1]", Format::JsonArray, "NotAnObject: element 1"),
            ("a,b\n1\n", Format::Csv, "CsvRowMissingFields: line 2"),
            (
                "a,b\n\"x\ny\",2\n1,2,3\n",
                Format::Csv,
                "CsvRowMissingFields: line 4",
            ),
            ("a,,b\n", Format::Csv, "CsvInvalidHeader"),
            ("a,a\n", Format::Csv, "CsvInvalidHeader"),
            ("$a\n", Format::Csv, "CsvInvalidHeader"),
            ("", Format::Csv, "CsvInvalidHeader"),
        ] {
            let said = read(text, format).expect_err(text);
            assert!(said.contains(why), "{text:?}: {said}");
        }
        for format in [Format::JsonLines, Format::JsonArray, Format::Csv] {
            let said = read_bytes(b"[{\"a\": \"\xff\"}]", format, None);
            assert!(said.is_err(), "{format:?}");
        }
    }

    #[test]
    fn a_refused_document_ends_the_reading_with_its_reason() {
        for (text, format) in [
            ("{}\n{}\n{}", Format::JsonLines),
            ("[{},{},{}]", Format::JsonArray),
            ("a\n1\n2\n3", Format::Csv),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let file = folder.path().join("file");
            std::fs::write(&file, text).expect("a temporary file");
            let mut taken = 0;
            let mut sink = |place: Place, _| {
                taken += 1;
                if taken == 2 {
                    Err(format!("no more at {place}"))
                } else {
                    Ok(())
                }
            };
            let said = documents(&file, format, "t", None, &mut sink).expect_err("refused");
            assert!(said.starts_with("no more at"), "{said}");
            assert_eq!(taken, 2);
        }
    }
}
