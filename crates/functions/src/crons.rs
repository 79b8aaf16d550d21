//! Cron jobs: their occurrences, and what a push and a run change about their rows
//! (function-runtime 2.4, 6.6).

mod pattern;
mod schedule;
mod sync;

use std::sync::Arc;

use lentil_catalog::{CatalogError, Components, CronJob, CronRun, CronStatus};
use lentil_database::{CommitError, Namespace, Transaction, TransactionError};

pub(crate) use self::schedule::Schedule;
pub(crate) use self::sync::{specs, sync};
use crate::job::{End, Report};
use crate::{FunctionFailure, Functions};

/// Runs that are remembered of each job (function-runtime 5).
const RUNS_KEPT: usize = 5;
/// Bytes of a result, and of a run's log lines, that are kept.
const KEPT_BYTES: usize = 1_000;

/// A cron job: its name, and in which component that is its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CronId {
    /// Where the component's tables are.
    pub namespace: Namespace,
    /// Its name there.
    pub name: Arc<str>,
}

/// One run of a cron job, and when it is due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Occurrence {
    pub(crate) cron: CronId,
    /// Ms since the epoch.
    pub(crate) due_ms: f64,
}

impl Occurrence {
    /// The job, if this is still its next run.
    pub(crate) fn load(&self, tx: &mut Transaction) -> Result<Option<CronJob>, CatalogError> {
        let job = CronJob::load(tx, self.cron.namespace, &self.cron.name)?;
        Ok(job.filter(|job| job.next_ms.total_cmp(&self.due_ms).is_eq()))
    }

    /// Writes how it ended, and when the next one is.
    pub(crate) fn end(&self, tx: &mut Transaction, report: Report<'_>) -> Result<(), CatalogError> {
        let namespace = self.cron.namespace;
        let Some(mut job) = CronJob::load(tx, namespace, &self.cron.name)? else {
            return Ok(());
        };
        self.run(&job, report).insert(tx, namespace, RUNS_KEPT)?;
        job.running = false;
        // A push that has changed the job meanwhile has also said when it runs next.
        if job.next_ms.total_cmp(&self.due_ms).is_eq() {
            let skipped = advance(&mut job, tx.now_ms());
            if skipped > 0 {
                tracing::warn!(
                    job = job.name,
                    "skipped {skipped} runs of a cron job: it ran too long, or the server was down"
                );
                let skip = CronRun {
                    name: job.name.clone(),
                    spec: job.spec.clone(),
                    due_ms: self.due_ms,
                    status: CronStatus::Skipped {
                        count: skipped as f64,
                    },
                    log_lines: vec![format!("[WARN] Skipped {skipped} runs")],
                    log_truncated: false,
                    seconds: 0.0,
                };
                skip.insert(tx, namespace, RUNS_KEPT)?;
            }
        }
        job.save(tx, namespace)
    }

    fn run(&self, job: &CronJob, report: Report<'_>) -> CronRun {
        let (log_lines, log_truncated) = cut_lines(report.log_lines);
        let status = match report.end {
            End::Success(result) => {
                let (kept, truncated) = cut(&result);
                CronStatus::Success {
                    result: kept.to_owned(),
                    truncated,
                }
            }
            End::Failed(error) => CronStatus::Failed { error },
        };
        CronRun {
            name: job.name.clone(),
            spec: job.spec.clone(),
            due_ms: self.due_ms,
            status,
            log_lines,
            log_truncated,
            seconds: report.elapsed.as_secs_f64(),
        }
    }
}

/// Moves a job to its first occurrence after now; gives how many before it are left out.
fn advance(job: &mut CronJob, now_ms: f64) -> u64 {
    let Ok(schedule) = Schedule::stored(&job.spec.schedule) else {
        // It was checked when it was pushed; a job that cannot be read does not run.
        job.next_ms = f64::MAX;
        return 0;
    };
    let next = schedule.next(&job.name, job.next_ms, now_ms);
    job.next_ms = next.at_ms;
    next.skipped
}

/// Ends the runs of actions that an earlier process was in the middle of.
pub(crate) fn fail_interrupted<'a>(
    tx: &mut Transaction,
    report: impl Fn() -> Report<'a>,
) -> Result<(), TransactionError> {
    for component in Components::load(tx)?.all() {
        let namespace = component.namespace;
        let jobs = CronJob::all(tx, namespace)?.into_iter();
        for job in jobs.filter(|job| job.running) {
            let name = job.name.into();
            let occurrence = Occurrence {
                cron: CronId { namespace, name },
                due_ms: job.next_ms,
            };
            occurrence.end(tx, report())?;
        }
    }
    Ok(())
}

impl Functions {
    /// Cron jobs that do not run, with the time of their next run, ms since the epoch. Repairs
    /// what a clock that was set back has left too far in the future. Blocks.
    pub fn waiting_crons(&self) -> Result<Vec<(CronId, f64)>, FunctionFailure> {
        let database = self.database();
        loop {
            let mut tx = database.begin();
            tx.lift_limits();
            let jobs = repaired(&mut tx).map_err(TransactionError::from)?;
            if tx.has_writes() {
                match database.commit_blocking(tx) {
                    Ok(_) => {}
                    // A push or a run was first.
                    Err(CommitError::Conflict { .. }) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let waiting = jobs.into_iter().filter(|(_, job)| !job.running);
            let id = |(namespace, job): (Namespace, CronJob)| {
                let name = job.name.into();
                (CronId { namespace, name }, job.next_ms)
            };
            return Ok(waiting.map(id).collect());
        }
    }
}

/// The cron jobs of all components that are mounted, after a look at what the clock says of them.
fn repaired(tx: &mut Transaction) -> Result<Vec<(Namespace, CronJob)>, CatalogError> {
    let now_ms = tx.now_ms();
    let mut all = Vec::new();
    for component in Components::load(tx)?.active() {
        let namespace = component.namespace;
        for mut job in CronJob::all(tx, namespace)? {
            let schedule = Schedule::stored(&job.spec.schedule);
            let latest = schedule.ok().and_then(|it| it.latest_from(now_ms));
            if let Some(latest) = latest.filter(|latest| job.next_ms > *latest) {
                job.next_ms = latest;
                job.save(tx, namespace)?;
            }
            all.push((namespace, job));
        }
    }
    Ok(all)
}

/// The beginning of a text, and whether that is not all.
fn cut(text: &str) -> (&str, bool) {
    let kept = &text[..text.floor_char_boundary(KEPT_BYTES)];
    (kept, kept.len() < text.len())
}

/// The first lines, and whether those are not all.
fn cut_lines(lines: &[String]) -> (Vec<String>, bool) {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for line in lines {
        let (text, truncated) = cut(line);
        bytes += text.len();
        if bytes > KEPT_BYTES {
            return (kept, true);
        }
        kept.push(text.to_owned());
        if truncated {
            return (kept, true);
        }
    }
    (kept, false)
}
