//! Imports and exports of many documents in bounded memory.

use std::io::Write as _;
use std::sync::Arc;

use lentil_storage::{SqliteOptions, SqlitePersistence, Synchronous};
use serde_json::json;

use super::support::{Deployment, long};

/// Memory that the process has, in MiB.
fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.map(|kib: u64| kib >> 10).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_documents_go_in_and_out_in_bounded_memory() {
    let count = if long() { 1_000_000 } else { 50_000 };
    let folder = tempfile::tempdir().expect("a folder");
    let mut sqlite = SqliteOptions::new(folder.path().join("db.sqlite3"));
    sqlite.synchronous = Synchronous::MayLoseOnPowerCut;
    let persistence = SqlitePersistence::open(sqlite).expect("it opens");
    let deployment = Deployment::on(Arc::new(persistence)).await;
    let mut lines = Vec::new();
    for n in 0..count {
        let text = "lentil ".repeat(n % 40);
        writeln!(lines, "{{\"n\":{n},\"text\":{text:?}}}").expect("memory is written");
    }
    let before = memory_mib();
    let import = json!({ "tableName": "t", "mode": "requireEmpty", "format": "jsonLines" });
    let state = deployment.import_as(import, &lines).await;
    assert_eq!(state["state"], "completed", "{state}");
    drop(lines);
    assert_eq!(deployment.count("t"), count as u64);
    let zip = deployment.export(false).await;
    let import = json!({ "mode": "replaceAll", "format": "zip" });
    let state = deployment.import_as(import, &zip).await;
    assert_eq!(state["state"], "completed", "{state}");
    assert_eq!(deployment.count("t"), count as u64);
    let grown = memory_mib() - before;
    // The upload is one part here and is copied, and the write log and caches have their bounds.
    let bound = 400 + ((count as u64 * 200) >> 20);
    assert!(grown < bound, "{grown} MiB for {count} documents");
}
