//! A deployment that exports and imports.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lentil_catalog::{Component, Components, ExportRow, FileRow, ImportRow, MountedComponent};
use lentil_database::{Database, DatabaseOptions, Namespace, SystemEnv, Transaction};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Functions, FunctionsOptions, Host, HostOptions};
use lentil_jobs::{Exports, Imports};
use lentil_storage::{MemoryPersistence, Persistence};
use lentil_values::{DocumentId, InternalId, Object, TableNumber, Value};
use serde_json::{Value as Json, json};

/// What the entries of an archive hold, by name.
pub(crate) type Entries = BTreeMap<String, Vec<u8>>;

pub(crate) struct Deployment {
    pub(crate) database: Database,
    pub(crate) functions: Functions,
    pub(crate) deployer: Deployer,
    pub(crate) imports: Imports,
    pub(crate) exports: Exports,
    _folder: tempfile::TempDir,
}

impl Deployment {
    pub(crate) async fn start() -> Deployment {
        Deployment::on(Arc::new(MemoryPersistence::new())).await
    }

    pub(crate) async fn on(persistence: Arc<dyn Persistence>) -> Deployment {
        let host = Host::start(HostOptions {
            executors: 1,
            ..HostOptions::default()
        });
        let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv));
        let database = database.expect("it opens");
        let functions = Functions::new(
            database.clone(),
            host.expect("Node is installed"),
            FunctionsOptions::default(),
        );
        let deployer = Deployer::new(&functions);
        deployer.bootstrap().await.expect("system tables are made");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let imports = Imports::new(&functions, &deployer, folder.path().join("imports"));
        let exports = Exports::new(&functions, folder.path().join("exports"));
        Deployment {
            database,
            functions,
            deployer,
            imports: imports.expect("a folder"),
            exports: exports.expect("a folder"),
            _folder: folder,
        }
    }

    pub(crate) async fn write<T>(&self, body: impl FnOnce(&mut Transaction) -> T) -> T {
        let mut tx = self.database.begin();
        tx.lift_limits();
        let value = body(&mut tx);
        self.database.commit(tx).await.expect("committed");
        value
    }

    pub(crate) async fn insert(&self, table: &str, fields: Object) -> DocumentId {
        self.write(|tx| tx.insert(Namespace::ROOT, table, fields).expect("inserted"))
            .await
    }

    pub(crate) async fn put_file(&self, content: &[u8], content_type: Option<&str>) -> FileRow {
        self.put_file_in(Namespace::ROOT, content, content_type)
            .await
    }

    pub(crate) async fn put_file_in(
        &self,
        namespace: Namespace,
        content: &[u8],
        content_type: Option<&str>,
    ) -> FileRow {
        let id = FileRow::id_of(InternalId(rand::random()));
        let mut restoring = self.functions.restore_content(id);
        let pushed = restoring.push(Bytes::copy_from_slice(content)).await;
        pushed.expect("it is written");
        let (size, sha256) = restoring.finish().await.expect("it ends");
        let row = FileRow {
            id,
            sha256,
            size,
            content_type: content_type.map(str::to_owned),
            creation_time_ms: 1_700_000_000_123.5,
        };
        self.write(|tx| row.restore(tx, namespace).expect("restored"))
            .await;
        row
    }

    /// Makes exactly these components part of the app.
    pub(crate) async fn mount(&self, paths: &[&str]) {
        let mounted: Vec<_> = paths
            .iter()
            .map(|path| MountedComponent::plain(path))
            .collect();
        self.write(|tx| Components::apply(tx, &mounted).expect("mounted"))
            .await;
    }

    pub(crate) fn component(&self, path: &str) -> Component {
        let components = Components::load(&mut self.database.begin());
        let components = components.expect("they can be read");
        components.by_path(path).expect("it is there").clone()
    }

    /// Waits until `ended` gives something of what is committed.
    pub(crate) async fn wait<T>(&self, ended: impl Fn(&mut Transaction) -> Option<T>) -> T {
        let mut commits = self.database.watch();
        loop {
            commits.borrow_and_update();
            if let Some(value) = ended(&mut self.database.begin()) {
                return value;
            }
            let changed = tokio::time::timeout(Duration::from_secs(60), commits.changed()).await;
            changed.expect("it goes on").expect("open");
        }
    }

    /// The row of an export once it is over.
    pub(crate) async fn ended_export(&self, id: &str) -> Json {
        let id: DocumentId = id.parse().expect("an id");
        self.wait(|tx| {
            let row = ExportRow::load(tx, id).expect("readable").expect("there");
            let document = tx.get(Namespace::ROOT, id).expect("readable");
            let json = serde_json::from_str(&document.expect("there").json).expect("JSON");
            (!row.state.is_open()).then_some(json)
        })
        .await
    }

    pub(crate) async fn export(&self, include_storage: bool) -> Vec<u8> {
        let id = self
            .exports
            .request(include_storage, None)
            .await
            .expect("it begins");
        let row = self.ended_export(&id).await;
        assert_eq!(row["state"], "completed", "{row}");
        let file = self.exports.file(&id).await.expect("there is a file");
        std::fs::read(file.path).expect("the file is there")
    }

    /// Uploads, confirms, and gives the final state.
    pub(crate) async fn import(&self, mode: &str, zip: &[u8]) -> Json {
        let import = json!({ "mode": mode, "format": "zip" });
        self.import_as(import, zip).await
    }

    pub(crate) async fn import_as(&self, import: Json, file: &[u8]) -> Json {
        let id = self.upload(import, file).await;
        let state = self.left(&id, &["uploaded"]).await;
        if state["state"] != "waiting_for_confirmation" {
            return state;
        }
        self.imports.perform(&id).await.expect("it begins");
        self.left(&id, &["waiting_for_confirmation", "in_progress"])
            .await
    }

    pub(crate) async fn upload(&self, import: Json, file: &[u8]) -> String {
        let upload = self.imports.start_upload().await.expect("it begins");
        let part = self.imports.upload_part(&upload, 1, file.to_vec()).await;
        let parts = vec![json!(part.expect("kept"))];
        let done = self.imports.finish_upload(import, &upload, parts).await;
        done.expect("uploaded")
    }

    /// The state of an import once it has left these.
    pub(crate) async fn left(&self, id: &str, states: &[&str]) -> Json {
        let id: DocumentId = id.parse().expect("an id");
        self.wait(|tx| {
            let row = ImportRow::document(tx, id)
                .expect("readable")
                .expect("there");
            let row: Json = serde_json::from_str(&row.json).expect("JSON");
            let state = row["state"].clone();
            (!states.iter().any(|name| state["state"] == *name)).then_some(state)
        })
        .await
    }

    pub(crate) fn count(&self, table: &str) -> u64 {
        let mut tx = self.database.begin();
        tx.lift_limits();
        tx.count(Namespace::ROOT, table).expect("counted")
    }

    /// User tables with their numbers.
    pub(crate) fn tables(&self) -> Vec<(String, u32)> {
        let tables = self.database.begin().tables(Namespace::ROOT).into_iter();
        tables
            .filter(|table| !table.name.starts_with('_'))
            .map(|table| (table.name, table.number.0))
            .collect()
    }

    /// Whether nothing of an import is left where nobody looks.
    pub(crate) fn nothing_hidden(&self) -> bool {
        let mut tx = self.database.begin();
        (0..100).all(|n| tx.tables(Namespace(!n)).is_empty())
    }
}

pub(crate) fn entries(zip: &[u8]) -> Entries {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("an archive");
    let mut entries = Entries::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("unpacked");
        let name = entry.name().expect("a name").into_owned();
        entries.insert(name, content);
    }
    entries
}

pub(crate) fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("it begins");
        writer.write_all(content.as_bytes()).expect("it is written");
    }
    writer.finish().expect("it ends").into_inner()
}

pub(crate) fn id(table: u32, n: u8) -> String {
    let id = DocumentId {
        table: TableNumber(table),
        internal: InternalId([n; 16]),
    };
    id.to_string()
}

pub(crate) fn object(fields: &[(&str, Value)]) -> Object {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

pub(crate) fn long() -> bool {
    std::env::var("LENTIL_LONG").is_ok_and(|long| !long.is_empty())
}
