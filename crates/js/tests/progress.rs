//! What is heard of an action before it ends: its lines, and bytes that it moves.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lentil_js::{
    ActionOptions, ActionOutcome, ActionSyscalls, Answer, BytesAnswer, CallResult, FunctionKind,
    Host, HostOptions, LogLine,
};
use parking_lot::Mutex;
use support::*;
use tokio::sync::Notify;

/// Hears lines; answers `until-told` when it has heard one; keeps one file.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<String>>,
    told: Notify,
    file: Mutex<Vec<u8>>,
    parts: Mutex<Vec<usize>>,
}

impl ActionSyscalls for Listener {
    fn call(self: Arc<Self>, op: String, args: String) -> Answer {
        Box::pin(async move {
            match op.as_str() {
                "until-told" => {
                    self.told.notified().await;
                    Ok(serde_json::json!(*self.heard.lock()).to_string())
                }
                "never" => std::future::pending().await,
                "storage/begin" => Ok(r#"{"storing":1}"#.to_owned()),
                "storage/end" => Ok(r#""stored""#.to_owned()),
                "storage/open" => {
                    let size = self.file.lock().len();
                    Ok(format!(
                        r#"{{"reading":1,"size":{size},"contentType":"text/x"}}"#
                    ))
                }
                _ => Ok(args),
            }
        })
    }

    fn give(self: Arc<Self>, op: String, args: String, bytes: Bytes) -> Answer {
        Box::pin(async move {
            assert_eq!(
                (op.as_str(), args.as_str()),
                ("storage/write", r#"{"storing":1}"#)
            );
            self.file.lock().extend_from_slice(&bytes);
            self.parts.lock().push(bytes.len());
            Ok("null".to_owned())
        })
    }

    fn take(self: Arc<Self>, op: String, args: String) -> BytesAnswer {
        Box::pin(async move {
            assert_eq!(
                (op.as_str(), args.as_str()),
                ("storage/read", r#"{"reading":1}"#)
            );
            let mut file = self.file.lock();
            let length = file.len().min(100_000);
            Ok(file.drain(..length).collect())
        })
    }

    fn logged(&self, lines: &[LogLine]) {
        let mut heard = self.heard.lock();
        heard.extend(lines.iter().map(|line| line.messages.join(" ")));
        self.told.notify_one();
    }
}

async fn act(body: &str, time: Duration) -> (ActionOutcome, Arc<Listener>) {
    let bundle = app(&format!(
        "export const f = action(async () => {{ {body} }});"
    ));
    let actions = ActionOptions {
        processes: 1,
        time,
        ..ActionOptions::default()
    };
    let host = Host::start(HostOptions {
        actions,
        ..options()
    })
    .unwrap();
    let world = Arc::new(Listener::default());
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let outcome = host.action(&call, world.clone()).await.unwrap();
    (outcome, world)
}

const LONG: Duration = Duration::from_secs(60);

fn lines(outcome: &ActionOutcome) -> Vec<String> {
    let lines = outcome.logs.iter();
    lines.map(|line| line.messages.join(" ")).collect()
}

#[tokio::test]
async fn lines_are_heard_while_the_action_goes_on() {
    let body = "console.log('one'); console.log('two');
         const heard = await call('until-told');
         console.log('three');
         return heard;";
    let (outcome, world) = act(body, LONG).await;
    let CallResult::Value(text) = &outcome.result else {
        panic!("expected a value, got {outcome:?}");
    };
    assert_eq!(text, r#"["'one'","'two'"]"#);
    // The last one came with the end; each is there once, in order.
    assert_eq!(*world.heard.lock(), ["'one'", "'two'"]);
    assert_eq!(lines(&outcome), ["'one'", "'two'", "'three'"]);
}

#[tokio::test]
async fn lines_of_an_action_that_takes_too_long_are_kept() {
    let body = "console.log('begun'); await call('never');";
    let (outcome, _) = act(body, Duration::from_secs(2)).await;
    assert!(
        matches!(outcome.result, CallResult::Timeout(_)),
        "{outcome:?}"
    );
    assert_eq!(lines(&outcome), ["'begun'"]);
}

#[tokio::test]
async fn three_hundred_lines_one_by_one_are_cut_like_others() {
    let body = "for (let n = 0; n < 300; n++) {
           console.log(n);
           await new Promise((resolve) => setTimeout(resolve, 0));
         }";
    let (outcome, world) = act(body, LONG).await;
    assert!(
        matches!(outcome.result, CallResult::Value(_)),
        "{outcome:?}"
    );
    let lines = lines(&outcome);
    assert_eq!(lines.len(), 256);
    assert_eq!(lines[254], "254");
    assert!(lines[255].starts_with("Log overflow"), "{}", lines[255]);
    assert!(world.heard.lock().len() > 200);
}

#[tokio::test]
async fn contents_of_files_move_in_parts() {
    let body = "const bytes = new Uint8Array(1_000_000).map((_, n) => n % 251);
         const store = (blob) => Convex.jsSyscall('storage/storeBlob', { requestId: '', version: '', blob });
         const get = () => Convex.jsSyscall('storage/getBlob', { requestId: '', version: '', storageId: 'x' });
         const id = await store(new Blob([bytes], { type: 'text/x' }));
         const back = await get();
         const same = new Uint8Array(await back.arrayBuffer()).every((byte, n) => byte === n % 251);
         const wrong = await store('text').catch((error) => error.message.slice(0, 21));
         await store(new Blob([]));
         const empty = await get();
         return [id, back instanceof Blob, back.size, back.type, same, wrong, empty.size];";
    let (outcome, world) = act(body, LONG).await;
    let CallResult::Value(text) = &outcome.result else {
        panic!("expected a value, got {outcome:?}");
    };
    assert_eq!(
        text,
        r#"["stored",true,1000000,"text/x",true,"store() expects a Blo",0]"#
    );
    assert_eq!(*world.parts.lock(), [262_144, 262_144, 262_144, 213_568]);
    assert_eq!(outcome.unawaited, Vec::<String>::new());
}
