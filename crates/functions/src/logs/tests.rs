//! The ring of entries, their JSON, and what is kept of them in the file.

use std::path::Path;
use std::time::Duration;

use super::*;

fn line(text: &str, timestamp_ms: f64) -> LogLine {
    LogLine {
        level: LogLevel::Log,
        messages: vec![text.to_owned()],
        timestamp_ms,
        is_truncated: false,
    }
}

fn execution(request_id: &str, lines: Vec<Line>) -> Execution {
    Execution {
        id: uuid::Uuid::nil(),
        parent: None,
        work: Work::default(),
        kind: FunctionKind::Query,
        node: false,
        component: ComponentPath::default(),
        identifier: "m:f".to_owned(),
        lines: Arc::new(lines),
        seconds: 0.25,
        user_seconds: 0.125,
        cached: false,
        caller: "Test",
        request_id: request_id.to_owned(),
        identity_type: "unknown",
        error: None,
        usage: TransactionUsage::default(),
        return_bytes: Some(4),
        http_status: None,
        conflicts: None,
    }
}

fn push(logs: &LogStream, now_ms: f64, execution: Execution) {
    let entry = Entry::Completion(Box::new(execution));
    logs.push(now_ms, uuid::Uuid::nil(), entry);
}

#[tokio::test]
async fn cursors_grow_although_the_clock_stands_still() {
    let logs = LogStream::default();
    for request in ["a", "b", "c"] {
        push(&logs, 1_800_000_000_000.0, execution(request, vec![]));
    }
    let (all, newest) = logs.newer_than(0.0).await;
    assert_eq!(all.len(), 3);
    assert_eq!(logs.entries_after(newest), (vec![], newest));
    let (rest, _) = logs.entries_after(all[0].cursor_ms);
    assert_eq!(
        rest.iter()
            .map(|entry| entry.request_id())
            .collect::<Vec<_>>(),
        ["b", "c"]
    );
    let waiting = tokio::spawn({
        let logs = logs.clone();
        async move { logs.newer_than(newest).await.0.len() }
    });
    tokio::task::yield_now().await;
    push(&logs, 0.0, execution("d", vec![]));
    assert_eq!(waiting.await.expect("it does not panic"), 1);
}

impl PartialEq for LogEntry {
    fn eq(&self, other: &LogEntry) -> bool {
        self.cursor_ms == other.cursor_ms
    }
}

#[test]
fn the_ring_is_bounded() {
    let logs = LogStream::default();
    for n in 0..ENTRIES_MAX + 5 {
        push(&logs, n as f64, execution("r", vec![]));
    }
    assert_eq!(logs.entries_after(0.0).0.len(), ENTRIES_MAX);
    for n in 0..40 {
        let long = Line {
            code: None,
            line: line(&"x".repeat(1 << 20), 0.0),
            nested: None,
        };
        push(&logs, 2e12 + f64::from(n), execution("r", vec![long]));
    }
    assert!(logs.entries_after(0.0).0.len() < 17);
}

#[test]
fn nested_lines_stand_where_they_were_logged() {
    let nested = vec![Line {
        code: None,
        line: line("in", 2.0),
        nested: Some("m:g".into()),
    }];
    let lines = flatten(vec![line("before", 1.0), line("after", 3.0)], nested, 256);
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    assert_eq!(texts, ["[LOG] before", "[LOG] in", "[LOG] after"]);
    let entry = LogEntry {
        cursor_ms: 2000.0,
        execution_id: uuid::Uuid::nil(),
        entry: Entry::Completion(Box::new(execution("r", lines))),
    };
    let json: Json = serde_json::from_str(&entry.to_json(LogForm::Structured)).expect("it is JSON");
    assert_eq!(json["logLines"][1]["udfPath"], "m:g");
    assert_eq!(json["logLines"][0]["level"], "LOG");
    assert_eq!(json["timestamp"], 2.0);
    let json: Json = serde_json::from_str(&entry.to_json(LogForm::Text)).expect("it is JSON");
    assert_eq!(json["logLines"][2], "[LOG] after");
}

#[test]
fn more_lines_than_allowed_end_with_a_notice() {
    let lines = flatten(
        (0..300)
            .map(|n| line(&n.to_string(), f64::from(n)))
            .collect(),
        vec![],
        256,
    );
    assert_eq!(lines.len(), 256);
    assert_eq!(lines[254].text(), "[LOG] 254");
    assert_eq!(
        lines[255].text(),
        "[ERROR] Log overflow (maximum 256). Remaining log lines omitted."
    );
}

#[test]
fn request_ids_follow_from_session_and_number() {
    let session = uuid::Uuid::nil();
    let id = request_id_of(&session, 3);
    let expected = hex::encode(Sha256::digest("00000000-0000-0000-0000-000000000000|3"));
    assert_eq!(id, expected[..16]);
}

fn keeper(path: &Path) -> LogKeeper {
    let options = KeptLogsOptions {
        path: path.to_owned(),
        age: Duration::from_secs(86_400),
        bytes: 64 << 20,
    };
    LogKeeper::open(options).expect("it opens")
}

fn now_ms() -> f64 {
    crate::introspection::now_ms()
}

/// Everything a search gives, step by step.
async fn found(keeper: &LogKeeper, mut search: LogSearch) -> Vec<Json> {
    let mut all = Vec::new();
    loop {
        let step = keeper.search(search.clone()).await;
        let step = step.unwrap_or_else(|failure| panic!("{}", failure.message));
        let read = |text: &String| serde_json::from_str::<Json>(text).expect("it is JSON");
        all.extend(step.entries.iter().map(read));
        match step.next {
            Some(next) => search.before = Some(next),
            None => return all,
        }
    }
}

fn everything() -> LogSearch {
    LogSearch {
        limit: 3,
        ..LogSearch::default()
    }
}

fn requests(entries: &[Json]) -> Vec<&str> {
    let ids = entries.iter().filter(|entry| entry["kind"] != "Lost");
    ids.filter_map(|entry| entry["requestId"].as_str())
        .collect()
}

fn lost(entries: &[Json]) -> u64 {
    entries
        .iter()
        .filter_map(|entry| entry["count"].as_u64())
        .sum()
}

fn logged(text: &str) -> Vec<Line> {
    vec![Line {
        line: line(text, 1.0),
        nested: None,
        code: None,
    }]
}

#[tokio::test]
async fn s022_kept_logs_are_found_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("logs.sqlite3");
    {
        let keeper = keeper(&path);
        let logs = LogStream::kept_by(Some(keeper.clone()));
        for n in 0..8 {
            let text = if n == 5 { "the Needle" } else { "hay" };
            let mut execution = execution(&format!("{n:016x}"), logged(text));
            execution.error = (n == 6).then(|| "Uncaught Error: broken".to_owned());
            execution.seconds = f64::from(n);
            push(&logs, now_ms(), execution);
        }
        keeper.close();
        push(
            &logs,
            now_ms(),
            execution("late", logged("not kept: it is closed")),
        );
    }
    let keeper = keeper(&path);
    let all = found(&keeper, everything()).await;
    assert_eq!(all.len(), 8);
    assert_eq!(all[0]["requestId"], "0000000000000007", "newest first");
    assert_eq!(all[0]["logLines"][0]["messages"][0], "hay");
    let cases = [
        (
            LogSearch {
                words: vec!["needle".into()],
                ..everything()
            },
            "0000000000000005",
        ),
        (
            LogSearch {
                words: vec!["0000000000000003".into()],
                ..everything()
            },
            "0000000000000003",
        ),
        (
            LogSearch {
                words: vec!["broken".into(), "m:f".into()],
                ..everything()
            },
            "0000000000000006",
        ),
        (
            LogSearch {
                request: "0000000000000002".into(),
                ..everything()
            },
            "0000000000000002",
        ),
        (
            LogSearch {
                levels: vec!["error".into()],
                ..everything()
            },
            "0000000000000006",
        ),
        (
            LogSearch {
                min_ms: 7_000.0,
                ..everything()
            },
            "0000000000000007",
        ),
    ];
    for (search, expected) in cases {
        assert_eq!(
            requests(&found(&keeper, search.clone()).await),
            [expected],
            "{search:?}"
        );
    }
    let none = LogSearch {
        functions: vec!["other".into()],
        ..everything()
    };
    assert_eq!(found(&keeper, none).await.len(), 0);
    let wrong = LogSearch {
        levels: vec!["loud".into()],
        ..everything()
    };
    let failure = keeper.search(wrong).await.expect_err("no such level");
    assert!(
        failure.message.contains("there are debug, info"),
        "{}",
        failure.message
    );
    keeper.close();
}

#[tokio::test]
async fn s022_a_search_lies_between_two_moments() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = keeper(&folder.path().join("logs.sqlite3"));
    let logs = LogStream::kept_by(Some(keeper.clone()));
    let start = now_ms() - 60_000.0;
    for n in 0..10 {
        let at = start + f64::from(n) * 1_000.0;
        push(&logs, at, execution(&n.to_string(), logged("hay")));
    }
    let between = LogSearch {
        from_ms: start + 1_500.0,
        to_ms: Some(start + 7_500.0),
        ..everything()
    };
    let all = found(&keeper, between).await;
    assert_eq!(
        requests(&all),
        ["7", "6", "5", "4", "3", "2"],
        "in two steps"
    );
    keeper.close();
}

#[tokio::test]
async fn s022_what_is_not_kept_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = keeper(&folder.path().join("logs.sqlite3"));
    let logs = LogStream::kept_by(Some(keeper.clone()));
    for _ in 0..500 {
        push(&logs, 1_800_000_000_000.0, execution("plain", vec![]));
        let cached = Execution {
            cached: true,
            ..execution("cached", vec![])
        };
        push(&logs, 1_800_000_000_000.0, cached);
    }
    for _ in 0..64 {
        let long = logged(&"x".repeat(1 << 20));
        push(&logs, 1_800_000_000_000.0, execution("long", long));
    }
    let all = found(&keeper, everything()).await;
    let requests = requests(&all);
    let count = |id: &str| requests.iter().filter(|one| **one == id).count() as u64;
    assert_eq!((count("plain"), count("cached")), (200, 0));
    assert!(count("long") >= 15, "as many as there is room for");
    assert_eq!(count("plain") + count("long") + lost(&all), 564);
    keeper.close();
}
