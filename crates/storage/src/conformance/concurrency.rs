//! Readers beside the writer: whole batches or nothing, and what was acknowledged is seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::StorageError;

const ACCOUNTS: u64 = 10;
const BATCHES: u64 = 300;

pub(super) fn readers_during_writes(harness: &mut dyn Harness) {
    let store = harness.store();
    let documents = (0..ACCOUNTS)
        .map(|n| document(TABLET, n, 1, Some("100")))
        .collect();
    let entries = (0..ACCOUNTS)
        .map(|n| entry(INDEX, &account_key(100, n), 1, Some(n)))
        .collect();
    append(store, 1, documents, entries);
    let acknowledged = AtomicU64::new(1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| read_until(store, &acknowledged, &is_over)))
            .collect();
        // Whatever happens to the writer, the readers must end.
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            transfer(store, &acknowledged)
        }));
        is_over.store(true, Ordering::SeqCst);
        for reader in readers {
            let rounds = reader.join().expect("every snapshot was whole");
            assert!(rounds > 0);
        }
        written.expect("the writer got through");
    });
}

/// Moves money between accounts; the sum stays. The balance is in the index key as well.
fn transfer(store: &dyn Persistence, acknowledged: &AtomicU64) {
    let mut choices = Choices(42);
    let mut balances = [100_i64; ACCOUNTS as usize];
    for at in 2..2 + BATCHES {
        let from = choices.below(ACCOUNTS);
        let to = (from + 1 + choices.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = choices.below(9) as i64 + 1;
        let mut batch = Batch {
            ts: ts(at),
            ..Batch::default()
        };
        for (n, change) in [(from, -amount), (to, amount)] {
            let balance = &mut balances[n as usize];
            batch
                .entries
                .push(entry(INDEX, &account_key(*balance, n), at, None));
            *balance += change;
            batch
                .entries
                .push(entry(INDEX, &account_key(*balance, n), at, Some(n)));
            batch
                .documents
                .push(document(TABLET, n, at, Some(&balance.to_string())));
        }
        store.append(&batch).expect("a good batch is appended");
        acknowledged.store(at, Ordering::SeqCst);
        if at % 50 == 0 {
            store.prune(ts(at - 20), 100).expect("prune answers");
        }
    }
}

fn account_key(balance: i64, n: u64) -> IndexKey {
    let mut key = (balance + 1_000_000).to_be_bytes().to_vec();
    key.extend(id(n).0);
    key
}

fn read_until(store: &dyn Persistence, acknowledged: &AtomicU64, is_over: &AtomicBool) -> u64 {
    let mut rounds = 0;
    // Ends: with the writer.
    loop {
        let last_round = is_over.load(Ordering::SeqCst);
        let at = acknowledged.load(Ordering::SeqCst);
        assert!(
            store.latest().expect("latest answers") >= ts(at),
            "what was acknowledged is the past"
        );
        match check_snapshot(store, at) {
            Ok(()) => rounds += 1,
            // The reader was slower than the retention window of this test.
            Err(StorageError::Pruned(_)) => {}
            Err(error) => panic!("at {at}: {error}"),
        }
        if last_round {
            return rounds;
        }
    }
}

fn check_snapshot(store: &dyn Persistence, at: u64) -> Result<(), StorageError> {
    let scan = TableScan {
        tablet: TABLET,
        range: KeyRange::all(),
        order: Order::Asc,
        at: ts(at),
        limit: 100,
    };
    let documents = store.scan_table(&scan)?;
    let balance = |row: &DocumentRow| row.body.parse::<i64>().expect("a balance is a number");
    assert_eq!(
        documents.iter().map(balance).sum::<i64>(),
        100 * ACCOUNTS as i64,
        "at {at}"
    );
    assert!(
        at == 1 || documents.iter().any(|row| row.ts == ts(at)),
        "the batch at {at} is there"
    );
    let range = KeyRange::all();
    let scan = IndexScan {
        index: INDEX,
        tablet: TABLET,
        range,
        order: Order::Desc,
        at: ts(at),
        limit: 100,
    };
    let mut by_balance = store.scan_index(&scan)?;
    for IndexRow { key, document } in &by_balance {
        assert_eq!(
            key[..8],
            (balance(document) + 1_000_000).to_be_bytes(),
            "the entry matches its document"
        );
    }
    by_balance.sort_by_key(|row| row.document.id);
    let by_id: Vec<DocumentRow> = by_balance.into_iter().map(|row| row.document).collect();
    assert_eq!(by_id, documents, "index and table agree at {at}");
    Ok(())
}
