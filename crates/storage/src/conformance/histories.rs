//! Random histories, compared with the model at many snapshots, while pruning and restarts go on.

use std::collections::HashMap;

use super::model::Model;
use super::*;

const SEEDS: u64 = 12;
const STEPS: u64 = 120;
const IDS: u64 = 8;

/// Each tablet with its index.
const PLACES: [(TabletId, IndexId); 2] = [(TABLET, INDEX), (OTHER_TABLET, OTHER_INDEX)];

pub(super) fn random_histories(harness: &mut dyn Harness) {
    // All seeds on one store would make the model slow; each goes on from where the last one ended instead.
    let mut history = History::default();
    for seed in 0..SEEDS {
        history.choices = Choices(seed);
        history.model = Model::default();
        history.start_over(harness.store());
        for _ in 0..STEPS {
            history.step(harness);
        }
    }
}

struct History {
    choices: Choices,
    model: Model,
    /// The key under which each live document stands in its index.
    live: HashMap<(TabletId, u64), IndexKey>,
    now: u64,
    horizon: u64,
}

impl Default for History {
    fn default() -> History {
        History {
            choices: Choices(0),
            model: Model::default(),
            live: HashMap::new(),
            now: 0,
            horizon: 0,
        }
    }
}

impl History {
    /// Deletes everything and forgets it, so that the model begins with an empty store.
    fn start_over(&mut self, store: &dyn Persistence) {
        self.now += 1;
        let at = self.now;
        let mut batch = Batch {
            ts: ts(at),
            ..Batch::default()
        };
        for ((tablet, n), key) in self.live.drain() {
            batch.documents.push(document(tablet, n, at, None));
            let (_, index) = PLACES
                .into_iter()
                .find(|place| place.0 == tablet)
                .expect("a known tablet");
            batch.entries.push(entry(index, &key, at, None));
        }
        store.append(&batch).expect("the deletions are appended");
        prune_fully(store, at, 1_000);
        self.horizon = at;
        assert_eq!(
            store.stats().expect("stats answers").revisions,
            0,
            "everything was deleted and pruned"
        );
    }

    fn step(&mut self, harness: &mut dyn Harness) {
        match self.choices.below(12) {
            0 => harness.reopen(),
            1 => self.prune(harness.store()),
            2..=4 => self.compare(harness.store()),
            _ => self.write(harness.store()),
        }
        assert_eq!(
            harness.store().latest().expect("latest answers"),
            ts(self.now)
        );
    }

    /// A batch of up to four transactions.
    fn write(&mut self, store: &dyn Persistence) {
        let mut batch = Batch::default();
        for _ in 0..=self.choices.below(4) {
            self.now += 1 + self.choices.below(3);
            let first = self.choices.below(IDS);
            for n in first..(first + 1 + self.choices.below(3)).min(IDS) {
                self.write_document(n, &mut batch);
            }
        }
        batch.ts = ts(self.now);
        store.append(&batch).expect("a good batch is appended");
        self.model.append(&batch);
    }

    fn write_document(&mut self, n: u64, batch: &mut Batch) {
        let (tablet, index) = PLACES[self.choices.below(2) as usize];
        let at = self.now;
        let old = self.live.remove(&(tablet, n));
        let new = (!self.choices.one_in(4)).then(|| self.key(n));
        if new.is_none() && old.is_none() {
            return;
        }
        let body = new.as_ref().map(|_| format!("{{\"n\":{n},\"at\":{at}}}"));
        batch
            .documents
            .push(document(tablet, n, at, body.as_deref()));
        if old != new {
            batch
                .entries
                .extend(old.iter().map(|key| entry(index, key, at, None)));
            batch
                .entries
                .extend(new.iter().map(|key| entry(index, key, at, Some(n))));
        }
        if let Some(key) = new {
            self.live.insert((tablet, n), key);
        }
    }

    /// One of few values, of differing length, made unique by the document.
    fn key(&mut self, n: u64) -> IndexKey {
        let values: [&[u8]; 4] = [b"", b"a", b"ab", b"\xff"];
        let mut key = values[self.choices.below(4) as usize].to_vec();
        key.extend(id(n).0);
        key
    }

    fn prune(&mut self, store: &dyn Persistence) {
        let horizon = self.horizon + self.choices.below(self.now - self.horizon + 5);
        self.horizon = horizon.min(self.now);
        let limit = 1 + self.choices.below(20) as usize;
        if self.choices.one_in(2) {
            store.prune(ts(horizon), limit).expect("prune answers");
            return;
        }
        prune_fully(store, horizon, limit);
        let revisions = store.stats().expect("stats answers").revisions;
        assert_eq!(
            revisions,
            self.model.needed(ts(self.horizon)),
            "exactly what can be seen is kept"
        );
    }

    fn compare(&mut self, store: &dyn Persistence) {
        for _ in 0..4 {
            let at = ts(self.horizon + self.choices.below(self.now - self.horizon + 3));
            for place in PLACES {
                self.compare_at(store, place, at);
            }
        }
        let after = ts(self.horizon + self.choices.below(self.now - self.horizon + 1));
        let until = ts(after.0 + self.choices.below(20));
        let log = store
            .read_log(after, until, usize::MAX)
            .expect("read_log answers");
        assert_eq!(log, self.model.log(after, until));
        let page = store.read_log(after, until, 3).expect("read_log answers");
        assert_eq!(page, log[..page.len()]);
        assert!(
            page.len() == log.len()
                || page.len() >= 3 && page[page.len() - 1].ts < log[page.len()].ts
        );
    }

    fn compare_at(&mut self, store: &dyn Persistence, place: (TabletId, IndexId), at: Timestamp) {
        let (tablet, index) = place;
        for n in 0..IDS {
            let found = store.get(tablet, id(n), at).expect("get answers");
            assert_eq!(found, self.model.get(tablet, id(n), at));
        }
        let order = if self.choices.one_in(2) {
            Order::Asc
        } else {
            Order::Desc
        };
        let limit = self.choices.below(2 * IDS) as usize;
        let (low, high) = (self.choices.below(IDS), self.choices.below(2 * IDS));
        let ids = if self.choices.one_in(3) {
            KeyRange::all()
        } else {
            between(&id(low).0, Some(&id(high).0))
        };
        let scan = TableScan {
            tablet,
            range: ids,
            order,
            at,
            limit,
        };
        let found = store.scan_table(&scan).expect("scan_table answers");
        assert_eq!(
            found,
            self.model.scan_table(tablet, &scan.range, order, at, limit)
        );
        let range = if self.choices.one_in(3) {
            KeyRange::all()
        } else {
            between(&self.key(low), Some(&self.key(high)))
        };
        let scan = IndexScan {
            index,
            tablet,
            range,
            order,
            at,
            limit,
        };
        let found = store.scan_index(&scan).expect("scan_index answers");
        let found: Vec<_> = found
            .into_iter()
            .map(|row| (row.key, row.document))
            .collect();
        assert_eq!(
            found,
            self.model
                .scan_index((index, tablet), &scan.range, order, at, limit)
        );
    }
}
