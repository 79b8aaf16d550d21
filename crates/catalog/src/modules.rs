//! The live modules, and module texts by content.

use std::collections::BTreeSet;

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, Value};
use sha2::{Digest, Sha256};

use crate::row::{Row, corrupt, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

/// Bytes of text in one chunk, so that a row stays below the limit of a document.
const CHUNK_BYTES: usize = 900_000;

/// A module's text and source map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleText {
    /// ES module text.
    pub source: String,
    /// Its source map's JSON.
    pub source_map: Option<String>,
}

impl ModuleText {
    /// Lower-case hex SHA-256 of the source followed by the source map: the hash that the CLI compares.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.source);
        hash.update(self.source_map.as_deref().unwrap_or_default());
        hex::encode(hash.finalize())
    }

    /// Keeps a text under its hash, unless it is there already.
    pub fn save(&self, tx: &mut Transaction) -> Result<String, CatalogError> {
        let table = SystemTable::ModuleChunks;
        let hash = self.hash();
        if !rows_by(
            tx,
            Namespace::ROOT,
            table,
            "by_hash",
            &[Value::String(hash.clone()), Value::Int64(0)],
        )?
        .is_empty()
        {
            return Ok(hash);
        }
        let map = self.source_map.as_deref();
        let parts = chunks(&self.source)
            .map(|part| (false, part))
            .chain(map.into_iter().flat_map(chunks).map(|part| (true, part)));
        for (index, (is_map, part)) in parts.enumerate() {
            let value = fields([
                ("hash", text(&hash)),
                ("part", Some(Value::Int64(index as i64))),
                ("map", Some(Value::Boolean(is_map))),
                ("text", text(part)),
            ]);
            tx.insert(Namespace::ROOT, table.name(), value)?;
        }
        Ok(hash)
    }

    /// The text of that hash.
    pub fn load(tx: &mut Transaction, hash: &str) -> Result<ModuleText, CatalogError> {
        let table = SystemTable::ModuleChunks;
        let documents = rows_by(
            tx,
            Namespace::ROOT,
            table,
            "by_hash",
            &[Value::String(hash.to_owned())],
        )?;
        if documents.is_empty() {
            return Err(corrupt(
                table,
                &format!("the text of the module with hash {hash} is missing"),
            ));
        }
        let mut found = ModuleText {
            source: String::new(),
            source_map: None,
        };
        for document in documents {
            let row = Row::parse(table, &document)?;
            let part = row.text("text")?;
            match row.value("map") {
                Some(Value::Boolean(true)) => {
                    found.source_map.get_or_insert_default().push_str(&part)
                }
                _ => found.source.push_str(&part),
            }
        }
        Ok(found)
    }

    /// Removes those of these texts that no component uses.
    pub fn remove_unused(
        tx: &mut Transaction,
        mut unused: BTreeSet<String>,
        namespaces: impl IntoIterator<Item = Namespace>,
    ) -> Result<(), CatalogError> {
        for namespace in namespaces {
            if unused.is_empty() {
                return Ok(());
            }
            for module in ModuleRow::all(tx, namespace)? {
                unused.remove(&module.hash);
            }
        }
        unused
            .iter()
            .try_for_each(|hash| ModuleText::remove(tx, hash))
    }

    /// Removes a text.
    fn remove(tx: &mut Transaction, hash: &str) -> Result<(), CatalogError> {
        for document in rows_by(
            tx,
            Namespace::ROOT,
            SystemTable::ModuleChunks,
            "by_hash",
            &[Value::String(hash.to_owned())],
        )? {
            tx.delete(Namespace::ROOT, document.id)?;
        }
        Ok(())
    }
}

/// Cuts a text on character boundaries; an empty text is one empty chunk.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.floor_char_boundary(CHUNK_BYTES);
        rest = (end < text.len()).then(|| &text[end..]);
        Some(&text[..end])
    })
}

/// What a push has changed about the modules of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleChanges {
    /// Paths that came.
    pub added: Vec<String>,
    /// Paths that went.
    pub removed: Vec<String>,
    /// Hashes of texts that the component does not use any more.
    pub unused: BTreeSet<String>,
}

/// One live module of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleRow {
    /// Canonical path.
    pub path: String,
    /// `isolate` or `node`.
    pub environment: String,
    /// Hash of its text.
    pub hash: String,
    /// What it exports, as JSON of cli-and-deploy 5.1; `None` for chunks.
    pub analysis: Option<String>,
}

impl ModuleRow {
    /// All live modules, by path.
    pub fn all(tx: &mut Transaction, namespace: Namespace) -> Result<Vec<ModuleRow>, CatalogError> {
        Ok(ModuleRow::with_ids(tx, namespace)?
            .into_iter()
            .map(|(_, row)| row)
            .collect())
    }

    fn with_ids(
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Vec<(DocumentId, ModuleRow)>, CatalogError> {
        let table = SystemTable::Modules;
        rows_by(tx, namespace, table, "by_path", &[])?
            .into_iter()
            .map(|document| {
                let row = Row::parse(table, &document)?;
                let module = ModuleRow {
                    path: row.text("path")?,
                    environment: row.text("environment")?,
                    hash: row.text("hash")?,
                    analysis: row.optional_text("analysis"),
                };
                Ok((document.id, module))
            })
            .collect()
    }

    /// Makes exactly these modules live.
    pub fn replace_all(
        tx: &mut Transaction,
        namespace: Namespace,
        modules: &[ModuleRow],
    ) -> Result<ModuleChanges, CatalogError> {
        let before = ModuleRow::with_ids(tx, namespace)?;
        let mut removed = Vec::new();
        for (id, old) in &before {
            if !modules.iter().any(|module| module.path == old.path) {
                removed.push(old.path.clone());
                tx.delete(namespace, *id)?;
            }
        }
        let mut added = Vec::new();
        for module in modules {
            match before.iter().find(|(_, old)| old.path == module.path) {
                Some((_, old)) if old == module => {}
                Some((id, _)) => {
                    tx.replace(namespace, *id, module.to_fields())?;
                }
                None => {
                    added.push(module.path.clone());
                    tx.insert(namespace, SystemTable::Modules.name(), module.to_fields())?;
                }
            }
        }
        let unused = before
            .into_iter()
            .map(|(_, old)| old.hash)
            .filter(|hash| !modules.iter().any(|module| module.hash == *hash));
        Ok(ModuleChanges {
            added,
            removed,
            unused: unused.collect(),
        })
    }

    fn to_fields(&self) -> lentil_values::Object {
        fields([
            ("path", text(&self.path)),
            ("environment", text(&self.environment)),
            ("hash", text(&self.hash)),
            ("analysis", self.analysis.as_deref().and_then(text)),
        ])
    }
}
