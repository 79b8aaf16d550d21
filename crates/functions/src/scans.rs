//! What full scans look for: the fields that an index would need for the same rows to be found
//! without a look at all others.
//!
//! Known where the query says it (`.filter(q => q.eq(q.field("x"), …))`); what JavaScript does with
//! the rows afterwards is nobody's to know. The names are moved out of the query when it is closed,
//! so that a scan pays no more for them than a few words.

use lentil_database::IndexId;

use crate::filter::{Comparison, Expression};

/// Fields of one index that are told.
const FIELDS_MAX: usize = 8;
/// Scans of one call that are told.
pub(crate) const SCANS_MAX: usize = 16;
/// Rows from which on a scan is worth an index.
pub(crate) const ROWS_MIN: u64 = 100;

/// What a filter asks of fields, all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sought {
    /// Whether the query has a filter at all.
    pub(crate) filtered: bool,
    /// Fields that equal something.
    pub(crate) equal: Vec<String>,
    /// The first field that is above or below something.
    pub(crate) range: Option<String>,
}

/// A query that looked at rows in order of creation, from one end.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) index: IndexId,
    /// The nested function that did it; the called one if none is named.
    pub(crate) by: Option<String>,
    pub(crate) rows: u64,
    pub(crate) sought: Sought,
}

impl Sought {
    /// Takes what one more filter asks for.
    pub(crate) fn add(&mut self, filter: Expression) {
        self.filtered = true;
        self.take(filter);
        if let Some(range) = &self.range
            && self.equal.contains(range)
        {
            self.range = None;
        }
    }

    fn take(&mut self, expression: Expression) {
        match expression {
            Expression::And(parts) => parts.into_iter().for_each(|part| self.take(part)),
            Expression::Compare(comparison, sides) => {
                let field = match *sides {
                    [Expression::Field(field), other] | [other, Expression::Field(field)]
                        if other.is_constant() =>
                    {
                        field
                    }
                    _ => return,
                };
                self.compared(comparison, field);
            }
            // What holds for one of several reasons is found by no single index.
            _ => {}
        }
    }

    fn compared(&mut self, comparison: Comparison, field: String) {
        // Whoever knows the id asks for the document.
        if field == "_id" {
            return;
        }
        match comparison {
            Comparison::Eq => {
                if self.equal.len() < FIELDS_MAX && !self.equal.contains(&field) {
                    self.equal.push(field);
                }
            }
            Comparison::Neq => {}
            Comparison::Lt | Comparison::Lte | Comparison::Gt | Comparison::Gte => {
                self.range.get_or_insert(field);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[track_caller]
    fn check(filters: &[Json], equal: &[&str], range: Option<&str>) {
        let mut sought = Sought::default();
        for filter in filters {
            sought.add(Expression::parse(filter).expect("it is a filter"));
        }
        let found: Vec<&str> = sought.equal.iter().map(String::as_str).collect();
        assert_eq!(
            (&*found, sought.range.as_deref(), sought.filtered),
            (equal, range, !filters.is_empty())
        );
    }

    fn compare(how: &str, field: &str) -> Json {
        json!({ how: [{ "$field": field }, { "$literal": 1 }] })
    }

    #[test]
    fn equalities_come_first_and_one_range_behind() {
        check(&[], &[], None);
        check(&[compare("$eq", "a.b")], &["a.b"], None);
        let all = json!({ "$and": [
            compare("$gt", "r"), compare("$eq", "x"), compare("$lt", "r"), compare("$lt", "s"), compare("$eq", "y"),
        ] });
        check(&[all], &["x", "y"], Some("r"));
        let turned = json!({ "$lte": [{ "$neg": { "$literal": 2 } }, { "$field": "n" }] });
        check(&[compare("$eq", "x"), turned], &["x"], Some("n"));
        check(&[compare("$gt", "x"), compare("$eq", "x")], &["x"], None);
    }

    #[test]
    fn what_no_index_finds_is_left_out() {
        let either = json!({ "$or": [compare("$eq", "a"), compare("$eq", "b")] });
        let fields = json!({ "$eq": [{ "$field": "a" }, { "$field": "b" }] });
        let not = json!({ "$not": compare("$eq", "a") });
        check(
            &[
                either,
                fields,
                not,
                compare("$neq", "a"),
                compare("$eq", "_id"),
            ],
            &[],
            None,
        );
    }
}
