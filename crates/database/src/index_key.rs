//! From documents to index keys, and from public `by_id` ranges to ranges of internal ids.

use std::sync::Arc;

use lentil_values::{
    DocumentId, IndexKey, InternalId, KeyRange, Object, TableNumber, Value, push_key_value,
};

use crate::IndexInfo;
use crate::registry::IndexSet;

/// The key of a document in one index.
pub(crate) fn key_of(index: &IndexInfo, document: &Object) -> Arc<[u8]> {
    let mut key = IndexKey::with_capacity(64);
    for field in index.key_fields() {
        push_key_value(Value::at_path(document, field), &mut key);
    }
    key.into()
}

/// The keys of a document, one for each index of the set, in its order.
pub(crate) fn keys_of(indexes: &IndexSet, document: &Object) -> Vec<Arc<[u8]>> {
    indexes
        .iter()
        .map(|index| key_of(index, document))
        .collect()
}

/// The public `by_id` key of a document: its id as a string.
pub(crate) fn public_id_key(id: DocumentId) -> IndexKey {
    let mut key = IndexKey::with_capacity(40);
    push_key_value(Some(&Value::String(id.to_string())), &mut key);
    key
}

/// Turns a range of public `by_id` keys into the same range of internal ids.
///
/// Within one table the texts of ids are ordered as their internal bytes are, so a bound keeps its
/// meaning: it becomes the smallest internal id whose public key is not below it.
pub(crate) fn internal_range(table: TableNumber, range: &KeyRange) -> KeyRange {
    let start = match internal_bound(table, &range.start) {
        Bound::At(id) => id.to_vec(),
        Bound::BeyondAll => {
            return KeyRange {
                start: Vec::new(),
                end: Some(Vec::new()),
            };
        }
    };
    let end = range
        .end
        .as_ref()
        .and_then(|end| match internal_bound(table, end) {
            Bound::At(id) => Some(id.to_vec()),
            Bound::BeyondAll => None,
        });
    // The smallest bound means "everything from here": keep it open, as a whole-table scan is.
    let start = if start == [0; 16] { Vec::new() } else { start };
    KeyRange { start, end }
}

enum Bound {
    /// The smallest id at or above the bound.
    At([u8; 16]),
    /// No id is that large.
    BeyondAll,
}

fn internal_bound(table: TableNumber, bound: &[u8]) -> Bound {
    let key = |n: u128| {
        public_id_key(DocumentId {
            table,
            internal: InternalId(n.to_be_bytes()),
        })
    };
    if key(0).as_slice() >= bound {
        return Bound::At([0; 16]);
    }
    if let Some(id) = exact(table, bound) {
        return Bound::At(id.0);
    }
    // The successor of a key, as `gt` and the end of `eq` make it.
    if let Some((0, head)) = bound.split_last()
        && let Some(id) = exact(table, head)
    {
        return u128::from_be_bytes(id.0)
            .checked_add(1)
            .map_or(Bound::BeyondAll, |next| Bound::At(next.to_be_bytes()));
    }
    if key(u128::MAX).as_slice() < bound {
        return Bound::BeyondAll;
    }
    // Anything else a user may compare an id with: the first id not below, by bisection.
    let (mut below, mut not_below) = (0u128, u128::MAX);
    while not_below - below > 1 {
        let middle = below + (not_below - below) / 2;
        if key(middle).as_slice() < bound {
            below = middle
        } else {
            not_below = middle
        }
    }
    Bound::At(not_below.to_be_bytes())
}

/// The id whose public key is exactly `key`, if it is one of `table`.
fn exact(table: TableNumber, key: &[u8]) -> Option<InternalId> {
    // A string key is a tag, the bytes and a terminator; ids contain nothing that is escaped.
    let text = std::str::from_utf8(key.get(1..key.len().checked_sub(1)?)?).ok()?;
    let id: DocumentId = text.parse().ok()?;
    (id.table == table && public_id_key(id) == key).then_some(id.internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_set::after;

    const TABLE: TableNumber = TableNumber(10_001);

    fn id(n: u128) -> DocumentId {
        DocumentId {
            table: TABLE,
            internal: InternalId(n.to_be_bytes()),
        }
    }

    fn ids() -> Vec<u128> {
        let mut ids: Vec<u128> = (0..128).map(|bit| 1u128 << bit).collect();
        ids.extend([
            0,
            3,
            u128::MAX,
            u128::MAX - 1,
            0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
        ]);
        ids.sort_unstable();
        ids
    }

    #[test]
    fn internal_ranges_select_what_public_ranges_do() {
        let mut bounds: Vec<Vec<u8>> = vec![vec![], vec![0xff; 3]];
        for n in [0, 1, 3, 1 << 64, u128::MAX] {
            let key = public_id_key(id(n));
            bounds.push(after(&key));
            let mut next = key.clone();
            *next.last_mut().unwrap() += 1;
            bounds.push(next);
            bounds.push(key[..9].to_vec());
            bounds.push(key);
        }
        for value in [
            Value::Null,
            Value::Float64(5.0),
            Value::String("".into()),
            Value::String("j57zz".into()),
        ] {
            let mut key = Vec::new();
            push_key_value(Some(&value), &mut key);
            bounds.push(key);
        }
        for start in &bounds {
            for end in bounds.iter().map(Some).chain([None]) {
                let range = KeyRange {
                    start: start.clone(),
                    end: end.cloned(),
                };
                let internal = internal_range(TABLE, &range);
                for n in ids() {
                    let public = range.contains(&public_id_key(id(n)));
                    assert_eq!(
                        internal.contains(&n.to_be_bytes()),
                        public,
                        "{n:x} in {range:?}"
                    );
                }
            }
        }
    }
}
