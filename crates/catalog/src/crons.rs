//! Cron jobs of the live push, and the last runs of each (function-runtime 2.4, 6.6).

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use crate::row::{Row, corrupt, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

const JOBS: SystemTable = SystemTable::CronJobs;
const RUNS: SystemTable = SystemTable::CronRuns;

/// What a cron job does, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct CronSpec {
    /// `module.js:function`.
    pub udf_path: String,
    /// Encoded JSON of the argument array.
    pub args: String,
    /// The schedule in its stored form (cli-and-deploy 5.2).
    pub schedule: serde_json::Value,
}

/// One cron job.
#[derive(Clone, Debug, PartialEq)]
pub struct CronJob {
    /// Its row.
    pub id: Option<DocumentId>,
    /// Its identifier in `crons.ts`.
    pub name: String,
    /// What it does.
    pub spec: CronSpec,
    /// Its next run, ms since the epoch.
    pub next_ms: f64,
    /// Whether an action of it runs.
    pub running: bool,
}

/// How a run of a cron job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CronStatus {
    /// It returned this, encoded JSON, perhaps cut.
    Success {
        /// The value.
        result: String,
        /// Whether it was cut.
        truncated: bool,
    },
    /// It failed.
    Failed {
        /// The rendered error.
        error: String,
    },
    /// Runs that were not begun, because another was going on or the server was down.
    Skipped {
        /// How many.
        count: f64,
    },
}

/// One run of a cron job.
#[derive(Clone, Debug, PartialEq)]
pub struct CronRun {
    /// Whose.
    pub name: String,
    /// What ran.
    pub spec: CronSpec,
    /// When it was due, ms since the epoch.
    pub due_ms: f64,
    /// How it ended.
    pub status: CronStatus,
    /// What it logged, perhaps cut.
    pub log_lines: Vec<String>,
    /// Whether lines were left out.
    pub log_truncated: bool,
    /// Seconds it took.
    pub seconds: f64,
}

impl CronSpec {
    /// As dashboards and push answers show it; arguments are bytes there.
    pub fn to_value(&self) -> Value {
        Value::Object(fields([
            ("udfPath", text(&self.udf_path)),
            (
                "udfArgs",
                Some(Value::Bytes(self.args.clone().into_bytes())),
            ),
            ("cronSchedule", Value::from_json(&self.schedule).ok()),
        ]))
    }

    fn from_value(table: SystemTable, value: Option<&Value>) -> Result<CronSpec, CatalogError> {
        let wrong = || corrupt(table, "\"cronSpec\" is not one");
        let Some(Value::Object(spec)) = value else {
            return Err(wrong());
        };
        match (
            spec.get("udfPath"),
            spec.get("udfArgs"),
            spec.get("cronSchedule"),
        ) {
            (Some(Value::String(path)), Some(Value::Bytes(args)), Some(schedule)) => Ok(CronSpec {
                udf_path: path.clone(),
                args: String::from_utf8(args.clone()).map_err(|_| wrong())?,
                schedule: schedule.to_json(),
            }),
            _ => Err(wrong()),
        }
    }
}

impl CronJob {
    /// All, by name.
    pub fn all(tx: &mut Transaction, namespace: Namespace) -> Result<Vec<CronJob>, CatalogError> {
        rows_by(tx, namespace, JOBS, "by_name", &[])?
            .iter()
            .map(CronJob::read)
            .collect()
    }

    /// The one of that name.
    pub fn load(
        tx: &mut Transaction,
        namespace: Namespace,
        name: &str,
    ) -> Result<Option<CronJob>, CatalogError> {
        let rows = rows_by(
            tx,
            namespace,
            JOBS,
            "by_name",
            &[Value::String(name.to_owned())],
        )?;
        rows.first().map(CronJob::read).transpose()
    }

    /// Writes it, in the place of its row if it has one.
    pub fn save(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        let row = fields([
            ("name", text(&self.name)),
            ("cronSpec", Some(self.spec.to_value())),
            ("nextTime", Some(Value::Float64(self.next_ms))),
            ("running", Some(Value::Boolean(self.running))),
        ]);
        match self.id {
            Some(id) => {
                tx.replace(namespace, id, row)?;
            }
            None => {
                tx.insert(namespace, JOBS.name(), row)?;
            }
        }
        Ok(())
    }

    /// Forgets it and its runs.
    pub fn remove(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        for run in CronRun::rows(tx, namespace, &self.name)? {
            tx.delete(namespace, run.id)?;
        }
        if let Some(id) = self.id {
            tx.delete(namespace, id)?;
        }
        Ok(())
    }

    fn read(document: &Document) -> Result<CronJob, CatalogError> {
        let row = Row::parse(JOBS, document)?;
        Ok(CronJob {
            id: Some(document.id),
            name: row.text("name")?,
            spec: CronSpec::from_value(JOBS, row.value("cronSpec"))?,
            next_ms: row.number("nextTime")?,
            running: row.value("running") == Some(&Value::Boolean(true)),
        })
    }
}

impl CronRun {
    /// Keeps a run, and of the job's earlier ones the last, so that there are `kept` in all.
    pub fn insert(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
        kept: usize,
    ) -> Result<(), CatalogError> {
        let rows = CronRun::rows(tx, namespace, &self.name)?;
        for row in rows.iter().rev().skip(kept.saturating_sub(1)) {
            tx.delete(namespace, row.id)?;
        }
        let lines = self
            .log_lines
            .iter()
            .map(|line| Value::String(line.clone()));
        let log_lines = fields([
            ("logLines", Some(Value::Array(lines.collect()))),
            ("isTruncated", Some(Value::Boolean(self.log_truncated))),
        ]);
        let row = fields([
            ("name", text(&self.name)),
            ("ts", Some(Value::Float64(self.due_ms))),
            ("udfPath", text(&self.spec.udf_path)),
            (
                "udfArgs",
                Some(Value::Bytes(self.spec.args.clone().into_bytes())),
            ),
            ("status", Some(self.status.to_value())),
            ("logLines", Some(Value::Object(log_lines))),
            ("executionTime", Some(Value::Float64(self.seconds))),
        ]);
        tx.insert(namespace, RUNS.name(), row)?;
        Ok(())
    }

    /// A job's runs as dashboards read them, the oldest first.
    pub fn rows(
        tx: &mut Transaction,
        namespace: Namespace,
        name: &str,
    ) -> Result<Vec<Document>, CatalogError> {
        rows_by(
            tx,
            namespace,
            RUNS,
            "by_name",
            &[Value::String(name.to_owned())],
        )
    }

    /// All runs as dashboards read them, the newest first.
    pub fn newest(
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Vec<Document>, CatalogError> {
        let mut rows = tx.query(IndexQuery {
            namespace,
            table: RUNS.name().to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Desc,
        })?;
        let mut newest = Vec::new();
        while let Some((_, row)) = rows.next(tx)? {
            newest.push(row);
        }
        Ok(newest)
    }
}

impl CronStatus {
    fn to_value(&self) -> Value {
        let object = |kind: &str, member: &str, value: Value| {
            let mut object = Object::new();
            object.insert("type".to_owned(), Value::String(kind.to_owned()));
            object.insert(member.to_owned(), value);
            Value::Object(object)
        };
        match self {
            CronStatus::Success { result, truncated } => {
                let kind = if *truncated { "truncated" } else { "default" };
                object(
                    "success",
                    "result",
                    object(kind, "value", Value::String(result.clone())),
                )
            }
            CronStatus::Failed { error } => object("err", "error", Value::String(error.clone())),
            CronStatus::Skipped { count } => {
                object("canceled", "num_canceled", Value::Float64(*count))
            }
        }
    }
}
