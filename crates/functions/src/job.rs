//! Running what was to be run later: a scheduled function, or an occurrence of a cron job
//! (function-runtime 6.5, 6.6).
//!
//! A job is a row. A mutation's job ends in the mutation's own commit, so that it takes effect
//! exactly once. An action's job says in a commit of its own that it runs before it does, so that
//! it is begun at most once: one that is found running when the server starts has failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_catalog::{Components, CronJob, Deployment, JobState, ScheduledFunction, ScheduledId};
use lentil_database::{CommitError, Namespace, Transaction, TransactionError};
use lentil_identity::Identity;
use lentil_js::FunctionKind;

use crate::crons::{self, CronId, Occurrence};
use crate::deploy::DeploymentImage;
use crate::errors::no_function;
use crate::mutation::{self, Errand};
use crate::path::{ComponentPath, FunctionPath};
use crate::pausing::PAUSED;
use crate::requests::uncounted;
use crate::service::Inner;
use crate::{Call, FailureClass, FunctionFailure, Functions, Origin, Outcome};

/// What is said of an action whose server ended while it ran.
const INTERRUPTED: &str = "Transient error while executing action";
/// Rows that one transaction marks as interrupted.
const INTERRUPTED_STEP: usize = 100;
/// The first and the longest pause before a job's end is written once more.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// A scheduled function, by its row.
    Scheduled(ScheduledId),
    /// A cron job's run.
    Cron(Occurrence),
}

/// How running a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its row says how.
    Done,
    /// The server could not run it now; nothing of it took effect, and its row still waits.
    TryAgain,
}

/// How the function of a job ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// It returned this, encoded JSON.
    Success(Arc<str>),
    /// It failed; the rendered error.
    Failed(String),
}

/// What a run leaves for the job's row.
pub(crate) struct Report<'a> {
    pub(crate) end: End,
    pub(crate) log_lines: &'a [String],
    pub(crate) elapsed: Duration,
}

/// What a job runs, as its row says.
struct Plan {
    call: Call,
    /// The kind of the function, or why it cannot be run.
    kind: Result<FunctionKind, String>,
}

impl Functions {
    /// Runs a scheduled function whose time has come, unless it was canceled or has run.
    pub async fn run_scheduled(&self, id: ScheduledId) -> Ended {
        run(self, Job::Scheduled(id)).await
    }

    /// Runs a cron job that is due at `due_ms`, unless a push has changed that.
    pub async fn run_cron(&self, cron: CronId, due_ms: f64) -> Ended {
        run(self, Job::Cron(Occurrence { cron, due_ms })).await
    }

    /// Fails the actions that ran when an earlier process ended. Before anything is run.
    pub async fn fail_interrupted(&self) -> Result<(), FunctionFailure> {
        while write(self.inner(), fail_interrupted).await? {}
        Ok(())
    }
}

async fn run(functions: &Functions, job: Job) -> Ended {
    let inner = functions.inner();
    let plan = match look_up(inner.clone(), job.clone()).await {
        Ok(Some(plan)) => plan,
        Ok(None) => return Ended::Done,
        Err(_logged) => return Ended::TryAgain,
    };
    let started = Instant::now();
    match plan.kind {
        Ok(FunctionKind::Mutation) => run_mutation(inner, job, plan.call, started).await,
        Ok(FunctionKind::Action) => run_action(functions, job, plan.call, started).await,
        Ok(_) => {
            let error = "Only mutations and actions can be scheduled.".to_owned();
            conclude(
                inner,
                job,
                Outcome::failed(FunctionFailure::developer(error)),
                started,
            )
            .await
        }
        Err(error) => {
            conclude(
                inner,
                job,
                Outcome::failed(FunctionFailure::developer(error)),
                started,
            )
            .await
        }
    }
}

async fn run_mutation(inner: &Arc<Inner>, job: Job, call: Call, started: Instant) -> Ended {
    let done = mutation::run(inner.clone(), call, Errand::Job(job.clone())).await;
    match &done.outcome.result {
        // Its own commit has ended the job.
        Ok(_) => Ended::Done,
        // Paused meanwhile: it waits.
        Err(failure) if failure.message == PAUSED => Ended::TryAgain,
        Err(failure) if failure.class == FailureClass::Developer => {
            conclude(inner, job, done.outcome, started).await
        }
        Err(_) => Ended::TryAgain,
    }
}

async fn run_action(functions: &Functions, job: Job, call: Call, started: Instant) -> Ended {
    let inner = functions.inner();
    let claiming = job.clone();
    match write(inner, move |tx| claiming.claim_action(tx)).await {
        Ok(true) => {}
        Ok(false) => return Ended::Done,
        Err(_logged) => return Ended::TryAgain,
    }
    // From here on it is never run again, whatever happens.
    let outcome = functions.action(call).await;
    conclude(inner, job, outcome, started).await
}

/// Writes how a job has ended, as often as it takes.
async fn conclude(inner: &Arc<Inner>, job: Job, outcome: Outcome, started: Instant) -> Ended {
    let end = match outcome.result {
        Ok(value) => End::Success(value),
        Err(failure) => End::Failed(failure.message),
    };
    let elapsed = started.elapsed();
    let mut pause = PAUSE.0;
    loop {
        let (job, end, log_lines) = (job.clone(), end.clone(), outcome.log_lines.clone());
        let written = write(inner, move |tx| {
            let report = Report {
                end: end.clone(),
                log_lines: &log_lines,
                elapsed,
            };
            job.end(tx, report)
        });
        match written.await {
            Ok(()) => return Ended::Done,
            // Nothing more is taken until a restart; then an action is found to have been interrupted.
            Err(_logged) if inner.database.is_closed() => return Ended::TryAgain,
            Err(_logged) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Reads what a job runs; `None` if it is not wanted any more.
async fn look_up(inner: Arc<Inner>, job: Job) -> Result<Option<Plan>, FunctionFailure> {
    let looked = tokio::task::spawn_blocking(move || {
        let mut tx = inner.database.begin();
        tx.lift_limits();
        if Deployment::load(&mut tx).map_err(failure)?.paused {
            return Err(FunctionFailure::developer(PAUSED));
        }
        let Some(image) = inner.live(&mut tx)?.image else {
            return Ok(None);
        };
        // What a component that is not mounted any more has left waits until it is again.
        let Some(of) = image.in_namespace(job.namespace()) else {
            return Ok(None);
        };
        let mut component = of.place.component.clone();
        let (name, args, caller) = match &job {
            Job::Scheduled(id) => {
                let row = ScheduledFunction::load(&mut tx, id.namespace, id.id).map_err(failure)?;
                match row.filter(|row| row.state == JobState::Pending) {
                    Some(row) => {
                        component = row.component.map_or(component, ComponentPath);
                        (row.name, row.args.to_json_string(), "Scheduler")
                    }
                    None => return Ok(None),
                }
            }
            Job::Cron(occurrence) => match occurrence.load(&mut tx).map_err(failure)? {
                Some(cron) if !cron.running => (cron.spec.udf_path, cron.spec.args, "Cron"),
                _ => return Ok(None),
            },
        };
        let kind = kind_of(&image, &component, &name);
        let scheduled = match job {
            Job::Scheduled(id) => Some(id),
            Job::Cron(_) => None,
        };
        let call = Call {
            path: name,
            component,
            args: args.into(),
            identity: Identity::Anonymous,
            request_id: hex::encode(rand::random::<[u8; 8]>()),
            caller,
            origin: Origin::Server {
                scheduled,
                parent: None,
            },
            question: Default::default(),
        };
        Ok(Some(Plan { call, kind }))
    });
    looked
        .await
        .map_err(|error| FunctionFailure::internal("a job could not be looked up", &error))?
}

fn kind_of(
    image: &Arc<DeploymentImage>,
    component: &ComponentPath,
    name: &str,
) -> Result<FunctionKind, String> {
    let path = FunctionPath::parse(name).map_err(|error| error.to_string())?;
    let image = image.component(component);
    let spec = image.and_then(|image| image.functions.get(&path));
    let missing = || no_function(&path, component).message;
    spec.map(|spec| spec.kind).ok_or_else(missing)
}

impl Job {
    /// Where the tables of its component are.
    fn namespace(&self) -> Namespace {
        match self {
            Job::Scheduled(id) => id.namespace,
            Job::Cron(occurrence) => occurrence.cron.namespace,
        }
    }

    /// In the transaction in which its mutation will run: says that it runs. False if it is not
    /// wanted any more. The row is read, so that whoever changes it first wins.
    pub(crate) fn claim(&self, tx: &mut Transaction) -> Result<bool, FunctionFailure> {
        let claimed = uncounted(tx, |tx| match self {
            Job::Scheduled(id) => claim_row(tx, *id),
            Job::Cron(occurrence) => Ok(occurrence.load(tx)?.is_some_and(|cron| !cron.running)),
        });
        Ok(claimed?)
    }

    /// In a transaction before its action runs: says that it runs.
    fn claim_action(&self, tx: &mut Transaction) -> Result<bool, TransactionError> {
        match self {
            Job::Scheduled(id) => claim_row(tx, *id),
            Job::Cron(occurrence) => match occurrence.load(tx)? {
                Some(cron) if !cron.running => {
                    let running = true;
                    CronJob { running, ..cron }.save(tx, occurrence.cron.namespace)?;
                    Ok(true)
                }
                _ => Ok(false),
            },
        }
    }

    /// In the transaction in which its mutation has run: says that it has.
    pub(crate) fn finish(
        &self,
        tx: &mut Transaction,
        result: &Arc<str>,
        log_lines: &[String],
        elapsed: Duration,
    ) -> Result<(), FunctionFailure> {
        let report = Report {
            end: End::Success(result.clone()),
            log_lines,
            elapsed,
        };
        Ok(uncounted(tx, |tx| self.end(tx, report))?)
    }

    /// Writes how it ended. What was canceled meanwhile stays so.
    fn end(&self, tx: &mut Transaction, report: Report<'_>) -> Result<(), TransactionError> {
        let id = match self {
            Job::Cron(occurrence) => return Ok(occurrence.end(tx, report)?),
            Job::Scheduled(id) => *id,
        };
        let Some(row) = ScheduledFunction::load(tx, id.namespace, id.id)? else {
            return Ok(());
        };
        if row.state.is_final() {
            return Ok(());
        }
        let state = match report.end {
            End::Success(_) => JobState::Success,
            End::Failed(error) => JobState::Failed { error },
        };
        let now_ms = tx.now_ms();
        Ok(ScheduledFunction::set_state(
            tx,
            id.namespace,
            id.id,
            &state,
            now_ms,
        )?)
    }
}

fn claim_row(tx: &mut Transaction, id: ScheduledId) -> Result<bool, TransactionError> {
    let row = ScheduledFunction::load(tx, id.namespace, id.id)?;
    if row.is_none_or(|row| row.state != JobState::Pending) {
        return Ok(false);
    }
    let now_ms = tx.now_ms();
    ScheduledFunction::set_state(tx, id.namespace, id.id, &JobState::InProgress, now_ms)?;
    Ok(true)
}

/// Fails some; gives whether there may be more.
fn fail_interrupted(tx: &mut Transaction) -> Result<bool, TransactionError> {
    let mut ids = Vec::new();
    for component in Components::load(tx)?.all() {
        let namespace = component.namespace;
        let more = ScheduledFunction::running(tx, namespace, INTERRUPTED_STEP - ids.len())?;
        ids.extend(more.into_iter().map(|id| ScheduledId { namespace, id }));
    }
    let report = || Report {
        end: End::Failed(INTERRUPTED.to_owned()),
        log_lines: &[],
        elapsed: Duration::ZERO,
    };
    for id in &ids {
        Job::Scheduled(*id).end(tx, report())?;
    }
    if ids.len() == INTERRUPTED_STEP {
        return Ok(true);
    }
    crons::fail_interrupted(tx, report)?;
    Ok(false)
}

/// Runs a transaction of the server's own off the async workers, again if it conflicts.
async fn write<T: Send + 'static>(
    inner: &Arc<Inner>,
    body: impl Fn(&mut Transaction) -> Result<T, TransactionError> + Send + 'static,
) -> Result<T, FunctionFailure> {
    let inner = inner.clone();
    let written = tokio::task::spawn_blocking(move || {
        loop {
            let mut tx = inner.database.begin();
            tx.lift_limits();
            let value = body(&mut tx)?;
            match inner.database.commit_blocking(tx) {
                Ok(_) => return Ok(value),
                // Whoever was first has got something done.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    });
    written
        .await
        .map_err(|error| FunctionFailure::internal("a job's row could not be written", &error))?
}

fn failure(error: lentil_catalog::CatalogError) -> FunctionFailure {
    TransactionError::from(error).into()
}
