//! Search and vector indexes: read and checked, so that a push that declares them is judged as it
//! will be when they are served.

use serde::Deserialize;

use super::SchemaError;
use super::rules::{check_field_path, check_name};

/// Filter fields of a search or vector index.
const FILTER_FIELDS_MAX: usize = 16;
/// Dimensions that vectors may have.
const DIMENSIONS: std::ops::RangeInclusive<u32> = 2..=4_096;

/// A declared search or vector index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherIndex {
    /// Its name.
    pub name: String,
    /// What it finds.
    pub kind: OtherIndexKind,
    /// Fields that a search can be narrowed by.
    pub filter_fields: Vec<String>,
    /// Whether it is only to be filled, not used.
    pub staged: bool,
}

/// What an index that is no plain one finds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OtherIndexKind {
    /// Words in a text.
    Search {
        /// The text's field path.
        search_field: String,
    },
    /// Neighbours of a vector.
    Vector {
        /// The vector's field path.
        vector_field: String,
        /// Numbers in each vector.
        dimensions: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchIndexJson {
    index_descriptor: String,
    search_field: String,
    #[serde(default)]
    filter_fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VectorIndexJson {
    index_descriptor: String,
    vector_field: String,
    /// A JavaScript number: it may be written with a fraction.
    dimensions: f64,
    #[serde(default)]
    filter_fields: Vec<String>,
}

impl SearchIndexJson {
    pub(super) fn read(self, staged: bool) -> OtherIndex {
        OtherIndex {
            name: self.index_descriptor,
            kind: OtherIndexKind::Search {
                search_field: self.search_field,
            },
            filter_fields: self.filter_fields,
            staged,
        }
    }
}

impl VectorIndexJson {
    /// Dimensions that are no whole number become 0, which the check refuses.
    pub(super) fn read(self, staged: bool) -> OtherIndex {
        let whole = self.dimensions.fract() == 0.0;
        OtherIndex {
            name: self.index_descriptor,
            kind: OtherIndexKind::Vector {
                vector_field: self.vector_field,
                dimensions: if whole { self.dimensions as u32 } else { 0 },
            },
            filter_fields: self.filter_fields,
            staged,
        }
    }
}

impl OtherIndex {
    /// The field that is searched.
    pub fn field(&self) -> &str {
        match &self.kind {
            OtherIndexKind::Search { search_field } => search_field,
            OtherIndexKind::Vector { vector_field, .. } => vector_field,
        }
    }

    /// Its own rules; those between indexes are the table's.
    pub(super) fn check(&self, table: &str) -> Result<(), SchemaError> {
        let refused = |code, why: String| {
            Err(SchemaError {
                code,
                message: format!("index {table}.{}: {why}", self.name),
            })
        };
        check_name(
            &self.name,
            &format!("an index of the table {table:?}"),
            "InvalidIndexName",
        )?;
        if self.filter_fields.len() > FILTER_FIELDS_MAX {
            return refused(
                "IndexTooManyFields",
                format!(
                    "it has {} filter fields; at most {FILTER_FIELDS_MAX} are allowed",
                    self.filter_fields.len()
                ),
            );
        }
        check_field_path(table, &self.name, self.field())?;
        for (position, field) in self.filter_fields.iter().enumerate() {
            check_field_path(table, &self.name, field)?;
            if self.filter_fields[..position].contains(field) {
                return refused(
                    "FieldsNotUniqueWithinIndex",
                    format!("it has the filter field {field:?} twice"),
                );
            }
        }
        match self.kind {
            OtherIndexKind::Vector { dimensions, .. } if !DIMENSIONS.contains(&dimensions) => {
                refused(
                    "InvalidVectorDimensions",
                    format!(
                        "vectors must have {} to {} dimensions",
                        DIMENSIONS.start(),
                        DIMENSIONS.end()
                    ),
                )
            }
            _ => Ok(()),
        }
    }
}
