//! All stores do the same.

mod s3;

use std::time::{Duration, SystemTime};

use sha2::Digest;

use super::*;

fn key(text: &str) -> FileKey {
    FileKey::new(text).expect("it is a key")
}

async fn put(store: &FileStore, name: &str, content: &[u8]) -> Written {
    let mut writing = store.write(&key(name));
    for chunk in content.chunks(1_000_000) {
        writing
            .push(Bytes::copy_from_slice(chunk))
            .await
            .expect("it goes on");
    }
    writing.finish().await.expect("it ends")
}

async fn read(store: &FileStore, name: &str, range: Range<u64>) -> Result<Vec<u8>, FileError> {
    let stream = store.read(&key(name), range).await?;
    let chunks: Vec<Bytes> = stream.try_collect().await?;
    Ok(chunks.concat())
}

async fn list(store: &FileStore) -> Vec<FileKey> {
    let mut listed: Vec<Listed> = store.list().try_collect().await.expect("it can be listed");
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    let hour = Duration::from_secs(3_600);
    assert!(
        listed
            .iter()
            .all(|it| it.modified > SystemTime::now() - hour)
    );
    listed.into_iter().map(|it| it.key).collect()
}

async fn files_are_whole_or_not_there(store: FileStore) {
    let large: Vec<u8> = (0..12_345_678u32).map(|n| (n % 251) as u8).collect();
    let written = put(&store, "large1", &large).await;
    assert_eq!(written.size, 12_345_678);
    assert_eq!(
        written.sha256,
        <[u8; 32]>::from(sha2::Sha256::digest(&large))
    );
    let empty = put(&store, "empty1", b"").await;
    assert_eq!(empty.size, 0);
    assert_eq!(
        read(&store, "large1", 0..written.size).await,
        Ok(large.clone())
    );
    assert_eq!(
        read(&store, "large1", 7_000_000..7_000_003).await,
        Ok(large[7_000_000..7_000_003].to_vec())
    );
    assert_eq!(read(&store, "empty1", 0..0).await, Ok(Vec::new()));
    assert_eq!(read(&store, "none11", 0..1).await, Err(FileError::Missing));
    let mut dropped = store.write(&key("dropped"));
    dropped
        .push(Bytes::from(vec![7; 6 << 20]))
        .await
        .expect("it goes on");
    drop(dropped);
    let mut abandoned = store.write(&key("abandoned"));
    abandoned
        .push(Bytes::from(vec![7; 6 << 20]))
        .await
        .expect("it goes on");
    abandoned.abandon().await;
    assert_eq!(list(&store).await, [key("empty1"), key("large1")]);
    for name in ["large1", "large1", "none11"] {
        store.remove(&key(name)).await.expect("it is gone");
    }
    assert_eq!(list(&store).await, [key("empty1")]);
}

#[tokio::test]
async fn in_memory() {
    files_are_whole_or_not_there(FileStore::memory()).await;
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("new/files");
    files_are_whole_or_not_there(FileStore::local(&place).expect("it opens")).await;
    // Others' files are not ours to list.
    fs::write(place.join("note.txt"), "mine").expect("written");
    fs::create_dir_all(place.join("zz")).expect("made");
    fs::write(place.join("zz/stray1"), "not where its key says").expect("written");
    let again = FileStore::local(&place).expect("it opens again");
    assert_eq!(list(&again).await, [key("empty1")]);
}

#[test]
fn keys_lead_nowhere_else() {
    for text in [
        "",
        "ab",
        "../../etc",
        "a/b/c",
        "ABC1",
        "a.b.c",
        "a#1b",
        &"a".repeat(65),
    ] {
        assert_eq!(FileKey::new(text), None, "{text}");
    }
}
