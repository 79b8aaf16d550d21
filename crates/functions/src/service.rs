//! The handle through which everything runs functions.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lentil_catalog::ScheduledId;
use lentil_database::Database;
use lentil_files::FileStore;
use lentil_identity::Identity;
use lentil_js::{Host, RealmReport};
use lentil_values::Timestamp;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::agenda::Agenda;
use crate::cache::{QueryCache, QueryKey};
use crate::contention::Contention;
use crate::cursor::Cursors;
use crate::deploy::ImageCache;
use crate::files::{PublicNames, UploadTokens, UrlSigner};
use crate::introspection::{EventReader, Introspection, Presence, start_reports};
use crate::key_uses::KeyUses;
use crate::limits::Limits;
use crate::logs::{Entry, Execution, LogKeeper, LogStream};
use crate::mutation::Errand;
use crate::prepare::Warm;
use crate::sessions_seen::{SessionsSeen, Standing};
use crate::watchers::Dispatcher;
use crate::{
    ComponentPath, FunctionFailure, MutationDone, Outcome, QueryResult, actions, any, mutation,
    one_off, query,
};

/// One question or command.
#[derive(Clone, Debug)]
pub struct Call {
    /// Path as the caller spelled it.
    pub path: String,
    /// The component it is in; other than root only for admins.
    pub component: ComponentPath,
    /// Encoded JSON text: an array with one object (or the object itself).
    pub args: Arc<str>,
    /// Who asks.
    pub identity: Identity,
    /// Shown in errors and logs; 16 hex digits.
    pub request_id: String,
    /// What kind of caller, for the log stream: `SyncWorker`, `HttpApi`, `Tester`, …
    pub caller: &'static str,
    /// Who makes it, which decides what it may name.
    pub origin: Origin,
    /// What was worked out of the rest when it was first asked as a query.
    pub question: Question,
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Somebody outside: internal functions are for admins only.
    #[default]
    Client,
    /// The server itself or another function: whatever is deployed may be called.
    Server {
        /// The scheduled function that runs, or on whose behalf this does.
        scheduled: Option<ScheduledId>,
        /// The run of the function that calls, if one does.
        parent: Option<uuid::Uuid>,
    },
}

impl Origin {
    /// Whether internal functions may be called.
    pub(crate) fn is_server(self) -> bool {
        matches!(self, Origin::Server { .. })
    }

    /// The run of the function that calls, if one does.
    pub(crate) fn parent(self) -> Option<uuid::Uuid> {
        match self {
            Origin::Server { parent, .. } => parent,
            Origin::Client => None,
        }
    }

    /// The scheduled function behind the call.
    pub(crate) fn scheduled(self) -> Option<ScheduledId> {
        match self {
            Origin::Server { scheduled, .. } => scheduled,
            Origin::Client => None,
        }
    }
}

/// The caller of what actions run, for the log stream.
pub(crate) const ACTION: &str = "Action";

impl Call {
    /// Whether internal functions may be called.
    pub(crate) fn reaches_internal(&self) -> bool {
        self.identity.is_admin() || self.origin.is_server()
    }
}

/// The question that a call is, once it was taken apart: subscriptions ask theirs again and again.
/// Starts empty, also in clones, which may be changed.
#[derive(Debug, Default)]
pub struct Question(pub(crate) OnceLock<Arc<QueryKey>>);

impl Clone for Question {
    fn clone(&self) -> Self {
        Question::default()
    }
}

/// The client's own number of a mutation, for running it at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionRequest {
    /// The client's session.
    pub session_id: uuid::Uuid,
    /// Its request.
    pub request_id: u32,
}

/// Settings.
#[derive(Clone, Debug)]
pub struct FunctionsOptions {
    /// Deployment name, part of cursors and metadata.
    pub instance_name: String,
    /// Seals pagination cursors: they open as long as it stays the same.
    pub secret: [u8; 32],
    /// `CONVEX_CLOUD_URL`.
    pub cloud_url: String,
    /// `CONVEX_SITE_URL`.
    pub site_url: String,
    /// What calls may use.
    pub limits: Limits,
    /// Where the contents of files are kept.
    pub files: FileStore,
    /// How long a URL of a file is good; `None` as long as the file is there.
    pub file_url_ttl: Option<Duration>,
    /// Whether what goes on is counted: without it dashboards show nothing, and its cost is seen.
    pub introspection: bool,
    /// Keeps what functions log in a file; the caller's to close.
    pub log_keeper: Option<LogKeeper>,
}

impl Default for FunctionsOptions {
    fn default() -> Self {
        FunctionsOptions {
            instance_name: "convex-self-hosted".to_owned(),
            secret: [0; 32],
            cloud_url: "http://127.0.0.1:3210".to_owned(),
            site_url: "http://127.0.0.1:3211".to_owned(),
            limits: Limits::default(),
            files: FileStore::memory(),
            file_url_ttl: None,
            introspection: true,
            log_keeper: None,
        }
    }
}

/// Runs functions; cheap to clone.
#[derive(Clone)]
pub struct Functions {
    inner: Arc<Inner>,
}

/// What all runs share.
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) host: Host,
    pub(crate) options: FunctionsOptions,
    pub(crate) images: Arc<ImageCache>,
    pub(crate) warm: Warm,
    pub(crate) cursors: Cursors,
    pub(crate) cache: Arc<QueryCache>,
    pub(crate) contention: Contention,
    pub(crate) sessions: SessionsSeen,
    pub(crate) logs: LogStream,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) names: PublicNames,
    pub(crate) signer: UrlSigner,
    pub(crate) uploads: UploadTokens,
    /// Taken to write by who removes contents, to read by who needs all of them to stay.
    pub(crate) contents: Arc<tokio::sync::RwLock<()>>,
    /// For driver threads that have to wait for the file store.
    pub(crate) runtime: Handle,
    pub(crate) agenda: Arc<Agenda>,
    pub(crate) introspection: Arc<Introspection>,
    pub(crate) key_uses: KeyUses,
}

impl Inner {
    /// Adds an entry to the log stream.
    pub(crate) fn log(&self, execution: Execution) {
        self.log_entry(execution.id, Entry::Completion(Box::new(execution)));
    }

    /// Adds an entry of an execution that may have others.
    pub(crate) fn log_entry(&self, execution_id: Uuid, entry: Entry) {
        if let Entry::Completion(execution) = &entry {
            self.introspection.ended(execution, &self.database);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now.map_or(0.0, |now| now.as_secs_f64() * 1e3);
        self.logs.push(now_ms, execution_id, entry);
    }
}

impl Functions {
    /// Runs a query that is not deployed: the default export of an ES module's text, which may
    /// import `query` from `convex:/_system/repl/wrappers.js`. For admins; `call.path` is ignored.
    pub async fn one_off_query(&self, source: Arc<str>, call: Call) -> Outcome {
        one_off::run(&self.inner, source, call).await
    }

    /// What calls may use.
    pub fn limits(&self) -> &Limits {
        &self.inner.options.limits
    }

    /// Wires the service to its database and function host. On a thread of a runtime.
    pub fn new(database: Database, host: Host, options: FunctionsOptions) -> Functions {
        let inner = Inner {
            images: Arc::new(ImageCache::new(&options.cloud_url, &options.site_url)),
            warm: Warm::default(),
            cursors: Cursors::new(&options.secret, &options.instance_name),
            cache: Arc::new(QueryCache::new(options.limits.query_cache_bytes)),
            contention: Contention::default(),
            sessions: SessionsSeen::default(),
            logs: LogStream::kept_by(options.log_keeper.clone()),
            dispatcher: Dispatcher::start(),
            names: PublicNames::new(&options.secret),
            signer: UrlSigner::new(&options.secret, options.file_url_ttl),
            runtime: Handle::current(),
            uploads: UploadTokens::new(&options.secret, &options.instance_name),
            contents: Arc::default(),
            agenda: Arc::default(),
            introspection: Arc::new(Introspection::new(options.introspection)),
            key_uses: KeyUses::default(),
            database,
            host,
            options,
        };
        let inner = Arc::new(inner);
        start_reports(&inner);
        Functions { inner }
    }

    /// A conversation with a client begins; it ends when what is given is dropped.
    pub fn enter_session(&self, client: String) -> Presence {
        let now_ms = crate::introspection::now_ms();
        self.inner.introspection.sessions.enter(client, now_ms)
    }

    /// Counts what goes on from now on, or does not: for measuring what that costs in one process,
    /// since two differ by more.
    pub fn count(&self, on: bool) {
        self.inner.introspection.turn(on);
    }

    /// Reads the stream of events until it is dropped.
    pub fn read_events(&self) -> EventReader {
        EventReader::enter(self.inner.introspection.clone())
    }

    /// How the realms of queries and mutations fared.
    pub fn realms(&self) -> RealmReport {
        self.inner.host.realms()
    }

    /// The database beneath.
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// The newest visible commit.
    pub fn latest(&self) -> Timestamp {
        self.inner.database.latest()
    }

    /// What functions log.
    pub fn logs(&self) -> &LogStream {
        &self.inner.logs
    }

    /// The settings it was wired with.
    pub fn options(&self) -> &FunctionsOptions {
        &self.inner.options
    }

    /// The function host beneath.
    pub(crate) fn host(&self) -> &Host {
        &self.inner.host
    }

    /// What executions take their code from.
    pub(crate) fn images(&self) -> &Arc<ImageCache> {
        &self.inner.images
    }

    /// The result of a query exactly as of `ts` (which must be retained and not in the future),
    /// from the cache, from a run in progress, or from a run of its own. One run serves everyone.
    /// Developer failures are inside the outcome; `Err` is for the rest (overload, internal).
    pub async fn query(
        &self,
        call: &Call,
        ts: Timestamp,
        journal: Option<Arc<str>>,
    ) -> Result<Arc<QueryResult>, FunctionFailure> {
        query::ask(&self.inner, call, ts, journal, query::RunIn::OwnTask).await
    }

    /// Runs a mutation, retrying conflicts; with a session request at most once ever. Once begun it
    /// runs to its end, whether or not the caller still waits.
    pub async fn mutation(&self, call: Call, session: Option<SessionRequest>) -> MutationDone {
        let errand = session.map_or(Errand::Call, |request| {
            Errand::Request(request, Standing::Unknown)
        });
        let running = tokio::spawn(mutation::run(self.inner.clone(), call, errand));
        running.await.unwrap_or_else(|error| {
            let failure = FunctionFailure::internal("a mutation's task failed", &error);
            MutationDone {
                outcome: Outcome::failed(failure),
                ts: None,
            }
        })
    }

    /// When scheduled functions and cron jobs are to be looked at again.
    pub fn agenda(&self) -> &Arc<Agenda> {
        &self.inner.agenda
    }

    /// Runs an action, once. Once begun it runs to its end, whether or not the caller still waits.
    pub async fn action(&self, call: Call) -> Outcome {
        let running = tokio::spawn(actions::run(self.inner.clone(), call));
        running.await.unwrap_or_else(|error| {
            Outcome::failed(FunctionFailure::internal("an action's task failed", &error))
        })
    }

    /// Runs whatever kind of function the path names (admin: `/api/function`, `/api/run`).
    pub async fn any(&self, call: Call) -> Outcome {
        any::run(self, call).await
    }

    /// The same service, for parts that hold only its inside.
    pub(crate) fn of(inner: Arc<Inner>) -> Functions {
        Functions { inner }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}
