//! The JSON of queries: table scans and index ranges with their operators.

use lentil_database::{Document, IndexId, IndexQuery, Namespace, Order, Transaction};
use lentil_js::SyscallError;
use lentil_values::{KeyRange, Object};
use serde::Deserialize;
use serde_json::Value as Json;

use super::documents::{check_queryable_table, parse_stored};
use crate::errors::{from_transaction, thrown};
use crate::filter::Expression;
use crate::index_range::{RangeExpression, key_range};
use crate::limits::{Limits, count};
use crate::scans::Sought;

/// The JSON of a query.
#[derive(Debug, Deserialize)]
pub(super) struct QueryJson {
    source: Source,
    operators: Vec<Operator>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
enum Source {
    FullTableScan {
        table_name: String,
        order: Option<Direction>,
    },
    IndexRange {
        index_name: String,
        range: Vec<RangeExpression>,
        order: Option<Direction>,
    },
    Search {},
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    Desc,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operator {
    Filter(Json),
    Limit(f64),
}

/// A checked query.
pub(super) struct Query {
    table: String,
    index: String,
    range: Vec<RangeExpression>,
    order: Order,
    pub(super) stages: Stages,
}

/// The operators, in order.
pub(super) struct Stages(Vec<Stage>);

enum Stage {
    Filter(Expression),
    /// Rows it still lets pass.
    Limit(u64),
}

/// What the operators say of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    Skip,
}

/// Where a query walks.
pub(super) struct Walk {
    pub(super) query: IndexQuery,
    /// The index, if it goes through the whole table in order of creation.
    pub(super) whole: Option<IndexId>,
    /// The fields of the index's keys, for telling queries apart.
    pub(super) fields: Vec<String>,
}

impl QueryJson {
    /// Checks what can be checked without the database.
    pub(super) fn check(self, limits: &Limits) -> Result<Query, SyscallError> {
        let most = limits.query_operators;
        if self.operators.len() > count(most) {
            return Err(thrown(format!(
                "Query has too many operators: {}, at most {most} are allowed",
                self.operators.len()
            )));
        }
        let stages = self
            .operators
            .into_iter()
            .map(stage)
            .collect::<Result<_, _>>()?;
        let (table, index, range, order) = match self.source {
            Source::FullTableScan { table_name, order } => {
                (table_name, "by_creation_time".to_owned(), Vec::new(), order)
            }
            Source::IndexRange {
                index_name,
                range,
                order,
            } => {
                let (table, index) = index_name.split_once('.').ok_or_else(|| {
                    thrown(format!(
                        "\"{index_name}\" is not an index name: it must be \"table.index\""
                    ))
                })?;
                (table.to_owned(), index.to_owned(), range, order)
            }
            Source::Search {} => {
                return Err(thrown(
                    "Full text search is not supported by this version of Lentil yet.",
                ));
            }
        };
        check_queryable_table(&table)?;
        if table.starts_with('_') && built_in_fields(&index).is_empty() {
            return Err(thrown(format!(
                "Index {table}.{index} not found. System tables have the indexes by_id and by_creation_time."
            )));
        }
        Ok(Query {
            table,
            index,
            range,
            order: match order {
                None | Some(Direction::Asc) => Order::Asc,
                Some(Direction::Desc) => Order::Desc,
            },
            stages: Stages(stages),
        })
    }
}

fn stage(operator: Operator) -> Result<Stage, SyscallError> {
    match operator {
        Operator::Filter(json) => Expression::parse(&json)
            .map(Stage::Filter)
            .map_err(|why| thrown(format!("Invalid filter: {why}"))),
        Operator::Limit(limit) if limit >= 0.0 && limit.fract() == 0.0 => {
            Ok(Stage::Limit(limit as u64))
        }
        Operator::Limit(limit) => Err(thrown(format!(
            "A query's limit must be a whole number and not negative, it is {limit}"
        ))),
    }
}

impl Query {
    /// Finds the keys to walk.
    pub(super) fn walk(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Walk, SyscallError> {
        let index = tx
            .index(namespace, &self.table, &self.index)
            .map_err(from_transaction)?;
        let (range, fields) = match &index {
            Some(index) => {
                let range = key_range(&self.table, index, &self.range)
                    .map_err(|error| thrown(error.message))?;
                (range, index.key_fields().map(str::to_owned).collect())
            }
            // Opening it says whether the table is empty or the index is missing.
            None => (KeyRange::all(), built_in_fields(&self.index)),
        };
        let whole = self.range.is_empty() && self.index == "by_creation_time";
        Ok(Walk {
            whole: index.filter(|_| whole).map(|index| index.id),
            query: IndexQuery {
                namespace,
                table: self.table.clone(),
                index: self.index.clone(),
                range,
                order: self.order,
            },
            fields,
        })
    }
}

/// The fields of the indexes that every table has, whether it exists yet or not.
fn built_in_fields(index: &str) -> Vec<String> {
    let fields: &[&str] = match index {
        "by_creation_time" => &["_creationTime", "_id"],
        "by_id" => &["_id"],
        _ => &[],
    };
    fields.iter().map(|field| (*field).to_owned()).collect()
}

impl Stages {
    /// Whether a limit has let all its rows pass, so that no more need be read.
    pub(super) fn exhausted(&self) -> bool {
        self.0.iter().any(|stage| matches!(stage, Stage::Limit(0)))
    }

    /// What is looked for, unless a limit alone says how many rows are read.
    pub(super) fn into_sought(self) -> Option<Sought> {
        let mut sought = Sought::default();
        for stage in self.0 {
            match stage {
                Stage::Filter(filter) => sought.add(filter),
                Stage::Limit(_) if sought.filtered => break,
                Stage::Limit(_) => return None,
            }
        }
        Some(sought)
    }

    /// Whether rows pass untouched.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The most rows that will be read, if the operators say so.
    pub(super) fn rows_max(&self) -> Option<usize> {
        match self.0.first() {
            Some(Stage::Limit(rows)) => usize::try_from(*rows).ok(),
            _ => None,
        }
    }

    /// What the limits still let pass, in order; for going back to this point.
    pub(super) fn limits(&self) -> Box<[u64]> {
        let limit = |stage: &Stage| match stage {
            Stage::Limit(rows) => Some(*rows),
            Stage::Filter(_) => None,
        };
        self.0.iter().filter_map(limit).collect()
    }

    /// Goes back to a point at which [`Stages::limits`] gave `limits`.
    pub(super) fn restore(&mut self, limits: &[u64]) {
        let mut limits = limits.iter();
        for stage in &mut self.0 {
            if let Stage::Limit(rows) = stage
                && let Some(kept) = limits.next()
            {
                *rows = *kept;
            }
        }
    }

    /// Passes a row through the operators; the document is parsed only if a filter needs it.
    pub(super) fn judge(&mut self, document: &Document) -> Result<Verdict, SyscallError> {
        let mut parsed: Option<Object> = None;
        for stage in &mut self.0 {
            match stage {
                Stage::Limit(rows) => *rows = rows.saturating_sub(1),
                Stage::Filter(expression) => {
                    let fields = match &parsed {
                        Some(fields) => fields,
                        None => parsed.insert(parse_stored(document)?),
                    };
                    if !expression.keeps(fields).map_err(thrown)? {
                        return Ok(Verdict::Skip);
                    }
                }
            }
        }
        Ok(Verdict::Keep)
    }
}
