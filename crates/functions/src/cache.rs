//! Results of queries, kept as long as they are worth it, and runs that several askers wait for.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use lentil_values::Timestamp;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::path::{ComponentPath, FunctionPath};
use crate::syscalls::Foresight;
use crate::{Call, FunctionFailure, QueryResult};

/// How long a result that depends on the clock is given to new askers.
const CLOCK_AGE_MAX: Duration = Duration::from_secs(17);
/// How long a failure is shared by those who hold it; after that a new asker makes it run again.
const FAILURE_AGE_MAX: Duration = Duration::from_secs(2);
/// How long an invalidated result is kept for askers at the timestamps it is still right for.
const INVALID_AGE_MAX: Duration = Duration::from_secs(5);
/// Results of one question at different timestamps.
const VERSIONS_MAX: usize = 4;
/// What an entry costs beside its results.
const ENTRY_OVERHEAD: u64 = 512;
/// For the cache's own tables; it grows as needed.
const ENTRIES_ESTIMATE: usize = 10_000;

/// What a result depends on, beside documents.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) component: ComponentPath,
    pub(crate) path: FunctionPath,
    /// Canonical encoded arguments.
    pub(crate) args: Arc<str>,
    pub(crate) journal: Option<Arc<str>>,
    /// What the asker may call: others may hear that there is no such function.
    pub(crate) reach: Reach,
    /// Who asked, for functions that look.
    pub(crate) identity: Option<String>,
}

/// The same with its hash, which is made once: a run looks its question up half a dozen times.
#[derive(Clone, Debug, Eq)]
pub(crate) struct QueryKey {
    asked: Asked,
    hash: u64,
}

impl QueryKey {
    pub(crate) fn new(asked: Asked) -> QueryKey {
        // Keyed, so that nobody outside can make questions that collide.
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        QueryKey {
            hash: KEYS.hash_one(&asked),
            asked,
        }
    }

    /// The same question, asked by somebody (or, for `None`, by anybody).
    pub(crate) fn asked_by(self: &Arc<Self>, identity: Option<String>) -> Arc<QueryKey> {
        if self.identity == identity {
            return self.clone();
        }
        Arc::new(QueryKey::new(Asked {
            identity,
            ..self.asked.clone()
        }))
    }

    /// The same question, to go on as a journal says.
    pub(crate) fn with_journal(self: &Arc<Self>, journal: Option<Arc<str>>) -> Arc<QueryKey> {
        if self.journal == journal {
            return self.clone();
        }
        Arc::new(QueryKey::new(Asked {
            journal,
            ..self.asked.clone()
        }))
    }
}

impl Deref for QueryKey {
    type Target = Asked;
    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl PartialEq for QueryKey {
    fn eq(&self, other: &QueryKey) -> bool {
        self.hash == other.hash && self.asked == other.asked
    }
}

impl Hash for QueryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Which functions an asker finds. Of those that they all find the results are the same, but what is
/// kept for one is given to nobody who might not find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Public functions.
    Public,
    /// Internal ones too: an admin asks. The server's own functions are found by nobody else.
    Admin,
    /// All that are deployed: the server itself or a function asks.
    Server,
}

impl Reach {
    /// That of a call of a function.
    pub(crate) fn of(call: &Call, path: &FunctionPath) -> Reach {
        match call.identity.is_admin() {
            // Functions ask for these in the name of their caller.
            true if path.is_system() => Reach::Admin,
            false if path.is_system() => Reach::Public,
            _ if call.origin.is_server() => Reach::Server,
            true => Reach::Admin,
            false => Reach::Public,
        }
    }
}

/// What one run gives everyone who waits for it.
pub(crate) type Answer = Result<Arc<QueryResult>, FunctionFailure>;

/// A run that is going on.
#[derive(Clone)]
pub(crate) struct Running {
    ts: Timestamp,
    /// `None` until the run ends.
    pub(crate) answer: watch::Receiver<Option<Answer>>,
}

/// A result that is kept.
#[derive(Clone)]
enum Kept {
    Success(Arc<QueryResult>),
    /// Failures are never kept, only shared while someone watches them.
    Failure(Weak<QueryResult>),
}

impl Kept {
    fn of(result: &Arc<QueryResult>) -> Kept {
        match &result.outcome.result {
            Ok(_) => Kept::Success(result.clone()),
            Err(_) => Kept::Failure(Arc::downgrade(result)),
        }
    }

    /// The result, if new askers may have it.
    fn fresh(&self) -> Option<Arc<QueryResult>> {
        match self {
            Kept::Success(result) => {
                let fresh = !result.observed.time || result.age() < CLOCK_AGE_MAX;
                fresh.then(|| result.clone())
            }
            Kept::Failure(result) => result
                .upgrade()
                .filter(|result| result.age() < FAILURE_AGE_MAX),
        }
    }

    /// Whether anyone may still get it.
    fn is_useful(&self) -> bool {
        self.fresh().is_some_and(|result| {
            result.invalidated_at().is_none() || result.age() < INVALID_AGE_MAX
        })
    }

    fn weight(&self) -> u64 {
        match self {
            Kept::Success(result) => result.weight(),
            Kept::Failure(_) => 0,
        }
    }
}

/// The results of one question, newest last.
type Versions = Arc<[Kept]>;

#[derive(Clone, Copy)]
struct Weights;

impl Weighter<Arc<QueryKey>, Versions> for Weights {
    fn weight(&self, key: &Arc<QueryKey>, versions: &Versions) -> u64 {
        let results: u64 = versions.iter().map(Kept::weight).sum();
        ENTRY_OVERHEAD + key.args.len() as u64 + results
    }
}

/// The cache of a deployment.
pub(crate) struct QueryCache {
    kept: Cache<Arc<QueryKey>, Versions, Weights>,
    running: Mutex<HashMap<Arc<QueryKey>, Vec<Running>>>,
    /// Functions that some run has seen looking at the identity. Bounded by the functions there are.
    lookers: Mutex<HashSet<(ComponentPath, FunctionPath)>>,
}

/// Ends a run: whatever happens, its waiters hear of it.
pub(crate) struct Flight {
    cache: Arc<QueryCache>,
    key: Arc<QueryKey>,
    ts: Timestamp,
    answer: watch::Sender<Option<Answer>>,
}

/// What an asker finds.
pub(crate) enum Found {
    /// A result.
    Result(Arc<QueryResult>),
    /// Somebody is running it.
    Running(Running),
    /// Nobody is: the asker runs it, for everyone who comes meanwhile. The last run tells how this
    /// one will begin.
    Nothing(Flight, Running, Foresight),
}

impl QueryCache {
    pub(crate) fn new(bytes: u64) -> QueryCache {
        QueryCache {
            kept: Cache::with_weighter(ENTRIES_ESTIMATE, bytes, Weights),
            running: Mutex::default(),
            lookers: Mutex::default(),
        }
    }

    /// Whether the function is known to look at the identity.
    pub(crate) fn looks_at_identity(&self, component: &ComponentPath, path: &FunctionPath) -> bool {
        let lookers = self.lookers.lock();
        // Rare enough that the clones of a look-up by pair do not matter, but spare them if empty.
        !lookers.is_empty() && lookers.contains(&(component.clone(), path.clone()))
    }

    pub(crate) fn note_looker(&self, component: &ComponentPath, path: &FunctionPath) {
        let mut lookers = self.lookers.lock();
        lookers.insert((component.clone(), path.clone()));
    }

    /// A kept result that holds at `ts`.
    pub(crate) fn get(&self, key: &QueryKey, ts: Timestamp) -> Option<Arc<QueryResult>> {
        valid_at(&self.kept.get(key)?, ts)
    }

    /// A kept result, a run to wait for, or leave to run. A run is worth waiting for if it reads
    /// at `ts` or a little before (nothing may have changed in between), but later than `tried`.
    pub(crate) fn find(
        self: &Arc<Self>,
        key: &Arc<QueryKey>,
        ts: Timestamp,
        tried: Option<Timestamp>,
    ) -> Found {
        let mut running = self.running.lock();
        // Under the lock that a run's end takes: a run is either still here or its result is kept.
        let versions = self.kept.get(key);
        let versions = versions.as_deref().unwrap_or_default();
        if let Some(result) = valid_at(versions, ts) {
            return Found::Result(result);
        }
        let runs = running.entry(key.clone()).or_default();
        let best = runs
            .iter()
            .filter(|run| run.ts <= ts && tried.is_none_or(|tried| run.ts > tried))
            .max_by_key(|run| run.ts);
        if let Some(best) = best {
            return Found::Running(best.clone());
        }
        let (sender, answer) = watch::channel(None);
        let run = Running { ts, answer };
        runs.push(run.clone());
        let flight = Flight {
            cache: self.clone(),
            key: key.clone(),
            ts,
            answer: sender,
        };
        // What the last run of a question has shown of the next.
        let foresight = match versions.last() {
            Some(Kept::Success(result)) => result.foresight.clone(),
            Some(Kept::Failure(_)) | None => Foresight::Unknown,
        };
        Found::Nothing(flight, run, foresight)
    }

    /// Keeps a result; the caller holds the lock of `running`, so that entries are changed in turn.
    fn keep(&self, key: Arc<QueryKey>, result: &Arc<QueryResult>) {
        let before = self.kept.get(&key);
        let mut versions: Vec<Kept> = before
            .iter()
            .flat_map(|versions| versions.iter())
            .filter(|kept| kept.is_useful())
            .cloned()
            .collect();
        versions.push(Kept::of(result));
        if versions.len() > VERSIONS_MAX {
            versions.remove(0);
        }
        self.kept.insert(key, versions.into());
    }
}

/// The newest version that holds at `ts`.
fn valid_at(versions: &[Kept], ts: Timestamp) -> Option<Arc<QueryResult>> {
    let mut fresh = versions.iter().rev().filter_map(Kept::fresh);
    fresh.find(|result| result.is_valid_at(ts))
}

impl Running {
    /// When the run reads.
    pub(crate) fn ts(&self) -> Timestamp {
        self.ts
    }

    /// Waits for the run's end.
    pub(crate) async fn wait(mut self) -> Answer {
        let ended = self.answer.wait_for(Option::is_some).await;
        match ended {
            Ok(answer) => answer.clone().expect("waited until it is there"),
            Err(error) => Err(FunctionFailure::internal("a query's task failed", &error)),
        }
    }
}

impl Flight {
    /// Keeps the answer under `key` and gives it to those who wait. Whoever asks from now on waits
    /// for this run no more.
    pub(crate) fn land(self, key: Arc<QueryKey>, answer: Answer) {
        {
            let mut running = self.cache.running.lock();
            if let Ok(result) = &answer {
                self.cache.keep(key, result);
            }
            self.remove(&mut running);
        }
        self.answer.send_replace(Some(answer));
    }

    fn remove(&self, running: &mut HashMap<Arc<QueryKey>, Vec<Running>>) {
        let Some(runs) = running.get_mut(&self.key) else {
            return;
        };
        runs.retain(|run| run.ts != self.ts);
        if runs.is_empty() {
            running.remove(&self.key);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Of a run that landed nothing is left here, unless another has begun at the same timestamp.
        if self.answer.borrow().is_none() {
            self.remove(&mut self.cache.running.lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::Outcome;
    use crate::outcome::Observed;

    fn key(args: &str) -> Arc<QueryKey> {
        Arc::new(QueryKey::new(Asked {
            component: ComponentPath::default(),
            path: FunctionPath::parse("m:f").expect("it is a path"),
            args: args.into(),
            journal: None,
            reach: Reach::Public,
            identity: None,
        }))
    }

    /// A result that is `age` old and depends on the clock, if `clock`.
    fn result(value: Result<&str, &str>, ts: u64, age: Duration, clock: bool) -> Arc<QueryResult> {
        let result = value.map(Arc::from).map_err(FunctionFailure::developer);
        Arc::new(QueryResult {
            outcome: Outcome {
                result,
                log_lines: Arc::default(),
            },
            ts: Timestamp(ts),
            journal: None,
            lines: Arc::default(),
            subscription: None,
            watchers: Arc::default(),
            observed: Observed {
                time: clock,
                identity: false,
            },
            foresight: Foresight::Unknown,
            made: Instant::now()
                .checked_sub(age)
                .expect("the machine is up for a while"),
            live: Default::default(),
        })
    }

    fn flight(cache: &Arc<QueryCache>, key: &Arc<QueryKey>, ts: u64) -> (Flight, Running) {
        match cache.find(key, Timestamp(ts), None) {
            Found::Nothing(flight, running, _) => (flight, running),
            _ => panic!("somebody runs it already"),
        }
    }

    fn keep(cache: &Arc<QueryCache>, key: &Arc<QueryKey>, result: &Arc<QueryResult>) {
        let (flight, _) = flight(cache, key, result.ts.0);
        flight.land(key.clone(), Ok(result.clone()));
    }

    #[test]
    fn s069_clock_dependent_results_are_given_for_a_bounded_time() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        let (young, old) = (Duration::from_secs(1), Duration::from_secs(18));
        for (args, age, clock, kept) in [
            ("young", young, true, true),
            ("old", old, true, false),
            ("timeless", old, false, true),
        ] {
            let key = key(args);
            keep(&cache, &key, &result(Ok("1.0"), 5, age, clock));
            assert_eq!(cache.get(&key, Timestamp(9)).is_some(), kept, "{args}");
        }
    }

    #[test]
    fn s070_failures_are_shared_only_while_somebody_holds_them() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        let failure = result(Err("no"), 5, Duration::ZERO, false);
        keep(&cache, &key("a"), &failure);
        assert!(cache.get(&key("a"), Timestamp(5)).is_some());
        drop(failure);
        assert!(cache.get(&key("a"), Timestamp(5)).is_none());
        let failure = result(Err("no"), 5, Duration::from_secs(3), false);
        keep(&cache, &key("b"), &failure);
        assert!(cache.get(&key("b"), Timestamp(5)).is_none());
    }

    #[test]
    fn results_are_not_given_for_times_before_them() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        keep(
            &cache,
            &key("a"),
            &result(Ok("1.0"), 5, Duration::ZERO, false),
        );
        assert!(cache.get(&key("a"), Timestamp(4)).is_none());
        keep(
            &cache,
            &key("a"),
            &result(Ok("0.0"), 3, Duration::ZERO, false),
        );
        let found = cache
            .get(&key("a"), Timestamp(4))
            .expect("an older version");
        assert_eq!(found.ts, Timestamp(3));
    }

    #[tokio::test]
    async fn askers_wait_for_runs_at_their_time_or_a_little_before() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        let key = key("a");
        let (first, _) = flight(&cache, &key, 5);
        let Found::Running(joined) = cache.find(&key, Timestamp(7), None) else {
            panic!("the run at 5 is worth waiting for");
        };
        assert_eq!(joined.ts(), Timestamp(5));
        assert!(matches!(
            cache.find(&key, Timestamp(4), None),
            Found::Nothing(..)
        ));
        // Whoever has tried the run at 5 in vain begins one of its own.
        let (second, _) = flight_after(&cache, &key, 7, 5);
        assert!(
            matches!(cache.find(&key, Timestamp(8), None), Found::Running(run) if run.ts() == Timestamp(7))
        );
        let answer = result(Ok("1.0"), 5, Duration::ZERO, false);
        first.land(key.clone(), Ok(answer));
        assert!(joined.wait().await.is_ok());
        drop(second);
        assert!(matches!(
            cache.find(&key, Timestamp(8), None),
            Found::Result(_)
        ));
        assert!(cache.running.lock().is_empty(), "ended runs leave nothing");
    }

    fn flight_after(
        cache: &Arc<QueryCache>,
        key: &Arc<QueryKey>,
        ts: u64,
        tried: u64,
    ) -> (Flight, Running) {
        match cache.find(key, Timestamp(ts), Some(Timestamp(tried))) {
            Found::Nothing(flight, running, _) => (flight, running),
            _ => panic!("there is nothing newer to wait for"),
        }
    }

    #[tokio::test]
    async fn a_run_that_dies_fails_its_waiters() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        let (flight, running) = flight(&cache, &key("a"), 5);
        drop(flight);
        assert!(running.wait().await.is_err());
        assert!(cache.running.lock().is_empty());
    }

    #[test]
    fn the_cache_keeps_to_its_bytes() {
        let cache = Arc::new(QueryCache::new(1 << 20));
        for n in 0..400 {
            let value = "x".repeat(10_000);
            keep(
                &cache,
                &key(&n.to_string()),
                &result(Ok(&value), 5, Duration::ZERO, false),
            );
        }
        let kept = (0..400).filter(|n| cache.get(&key(&n.to_string()), Timestamp(5)).is_some());
        assert!((50..=100).contains(&kept.count()));
    }
}
