//! Files that Node actions store and read: their bytes move in parts.

use bytes::Bytes;
use lentil_js::BytesAnswer;
use parking_lot::Mutex;

use super::*;

/// Keeps what is stored, part by part, and gives it back; remembers how large parts were.
#[derive(Default)]
struct Store {
    bytes: Mutex<Vec<u8>>,
    parts: Mutex<Vec<usize>>,
}

impl ActionSyscalls for Store {
    fn call(self: Arc<Self>, op: String, _args: String) -> Answer {
        let size = self.bytes.lock().len();
        Box::pin(async move {
            Ok(match op.as_str() {
                "storage/begin" => r#"{"storing":1}"#.to_owned(),
                "storage/end" => r#""a file""#.to_owned(),
                "storage/open" => {
                    format!(r#"{{"reading":2,"size":{size},"contentType":"image/png"}}"#)
                }
                op => panic!("{op} moves a file whole"),
            })
        })
    }

    fn give(self: Arc<Self>, op: String, args: String, bytes: Bytes) -> Answer {
        assert_eq!(
            (op.as_str(), args.as_str()),
            ("storage/write", r#"{"storing":1}"#)
        );
        self.parts.lock().push(bytes.len());
        self.bytes.lock().extend_from_slice(&bytes);
        Box::pin(async { Ok("null".to_owned()) })
    }

    fn take(self: Arc<Self>, op: String, args: String) -> BytesAnswer {
        assert_eq!(
            (op.as_str(), args.as_str()),
            ("storage/read", r#"{"reading":2}"#)
        );
        let mut bytes = self.bytes.lock();
        let length = bytes.len().min(100_000);
        let part = Bytes::from_iter(bytes.drain(..length));
        Box::pin(async move { Ok(part) })
    }
}

#[tokio::test]
async fn files_move_in_parts() {
    let bundle = node_app(
        "const js = (op, args) => Convex.jsSyscall(op, {version: '1', ...args});
         export const f = action(async () => {
           const bytes = new Uint8Array(700_001).map((_, n) => n % 251);
           const id = await js('storage/storeBlob', {blob: new Blob([bytes], {type: 'image/png'})});
           const blob = await js('storage/getBlob', {storageId: id});
           const same = Buffer.from(await blob.arrayBuffer()).equals(bytes);
           const refused = await js('storage/storeBlob', {blob: 'text'}).catch((e) => e.message);
           return [id, blob instanceof Blob, blob.size, blob.type, same, refused.slice(0, 22)];
         });",
    );
    let store = Arc::new(Store::default());
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let outcome = node_host().action(&call, store.clone()).await.unwrap();
    assert_eq!(
        json(&outcome),
        serde_json::json!([
            "a file",
            true,
            700_001,
            "image/png",
            true,
            "store() expects a Blob"
        ])
    );
    assert_eq!(*store.parts.lock(), [262_144, 262_144, 175_713]);
    assert!(store.bytes.lock().is_empty());
}
