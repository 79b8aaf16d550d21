//! Exports while other things happen.

use lentil_catalog::{ExportRow, ExportState, FileRow};
use lentil_database::Namespace;
use lentil_jobs::Jobs;
use lentil_values::{DocumentId, Value};

use super::support::{Deployment, entries, object};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_of_one_moment_while_writes_go_on() {
    let deployment = Deployment::start().await;
    let account = |amount: f64| object(&[("amount", Value::Float64(amount))]);
    let mut ids: Vec<DocumentId> = Vec::new();
    for table in ["a", "b", "c"] {
        for _ in 0..300 {
            ids.push(deployment.insert(table, account(10.0)).await);
        }
    }
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (database, ids, stop) = (deployment.database.clone(), ids.clone(), stop.clone());
        tokio::task::spawn_blocking(move || {
            let mut n = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                let (from, to) = (ids[n * 7 % ids.len()], ids[n * 13 % ids.len()]);
                let mut tx = database.begin();
                for (id, by) in [(from, -1.0), (to, 1.0)] {
                    let document = tx.get(Namespace::ROOT, id).expect("readable");
                    let json = document.expect("there").json;
                    let Ok(Value::Object(fields)) = Value::parse(&json) else {
                        panic!("{json} is an object");
                    };
                    let Some(Value::Float64(amount)) = fields.get("amount") else {
                        panic!("{json} has an amount");
                    };
                    let amount = Some(Value::Float64(amount + by));
                    tx.patch(Namespace::ROOT, id, vec![("amount".to_owned(), amount)])
                        .expect("patched");
                }
                database.commit_blocking(tx).expect("nobody else writes");
            }
            n
        })
    };
    for _ in 0..5 {
        let snapshot = entries(&deployment.export(false).await);
        let mut total = 0.0;
        for table in ["a", "b", "c"] {
            let lines = &snapshot[&format!("{table}/documents.jsonl")];
            for line in std::str::from_utf8(lines).expect("text").lines() {
                let document: serde_json::Value = serde_json::from_str(line).expect("JSON");
                total += document["amount"].as_f64().expect("a number");
            }
        }
        assert_eq!(total, 9_000.0);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.await.expect("no panic") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s053_one_at_a_time_and_what_becomes_of_its_file() {
    let deployment = Deployment::start().await;
    for n in 0..3 {
        deployment
            .insert("t", object(&[("n", Value::Int64(n))]))
            .await;
    }
    let (one, two) = tokio::join!(
        deployment.exports.request(false, None),
        deployment.exports.request(false, None)
    );
    let refused = [&one, &two].into_iter().find_map(|it| it.as_ref().err());
    assert_eq!(refused.expect("one of two begins").code, "ExportInProgress");
    let id = one.or(two).expect("one of two begins");
    let row = deployment.ended_export(&id).await;
    assert_eq!(row["state"], "completed", "{row}");
    assert!(row["start_ts"]["$integer"].is_string(), "{row}");
    let by_id = deployment.exports.file(&id).await.expect("there");
    let by_ts = deployment.exports.file(&by_id.start_ts.to_string()).await;
    assert_eq!(by_ts.expect("there"), by_id);
    assert!(by_id.path.exists());
    for wrong in ["", "5", "nonsense", &super::support::id(526, 1)] {
        let refused = deployment.exports.file(wrong).await.expect_err(wrong);
        assert_eq!(refused.code, "ExportNotFound");
    }
    let far = deployment.exports.set_expiration(&id, i64::MAX).await;
    assert_eq!(far.expect_err("too late").code, "ExpirationTooLate");
    let set = deployment.exports.set_expiration(&id, 1).await;
    set.expect("it is set");
    let jobs = Jobs::start(
        &deployment.functions,
        &deployment.deployer,
        &deployment.imports,
        &deployment.exports,
    )
    .await;
    let gone: DocumentId = id.parse().expect("an id");
    deployment
        .wait(|tx| {
            tx.get(Namespace::ROOT, gone)
                .expect("readable")
                .is_none()
                .then_some(())
        })
        .await;
    jobs.stop().await;
    assert!(!by_id.path.exists());

    let id = deployment
        .exports
        .request(false, None)
        .await
        .expect("it begins");
    deployment
        .exports
        .cancel(&id)
        .await
        .expect("it is given up");
    assert_eq!(deployment.ended_export(&id).await["state"], "canceled");
    assert!(deployment.exports.file(&id).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_deleted_meanwhile_are_in_the_export() {
    let deployment = Deployment::start().await;
    let file = deployment.put_file(b"still here", None).await;
    let held = deployment.functions.hold_contents().await;
    let removed = file.id;
    deployment
        .write(|tx| FileRow::remove(tx, Namespace::ROOT, removed).expect("removed"))
        .await;
    let cleared = deployment.functions.remove_dropped_files().await;
    assert_eq!(cleared.expect("it works"), 0, "somebody needs the content");
    drop(held);
    let cleared = deployment.functions.remove_dropped_files().await;
    assert_eq!(cleared.expect("it works"), 1);
}

/// What an earlier process left ends before anything new can begin, so that the two are not
/// taken for each other.
#[tokio::test(flavor = "multi_thread")]
async fn exports_asked_for_at_the_start_are_not_those_of_before() {
    let deployment = Deployment::start().await;
    deployment.insert("t", object(&[])).await;
    let row = ExportRow {
        include_storage: false,
        state: ExportState::Requested,
    };
    let left = deployment
        .write(|tx| row.insert(tx).expect("inserted"))
        .await;
    let jobs = Jobs::start(
        &deployment.functions,
        &deployment.deployer,
        &deployment.imports,
        &deployment.exports,
    )
    .await;
    let zip = deployment.export(false).await;
    assert!(entries(&zip).contains_key("t/documents.jsonl"));
    let left = deployment.ended_export(&left.to_string()).await;
    assert_eq!(left["state"], "failed", "{left}");
    jobs.stop().await;
}
