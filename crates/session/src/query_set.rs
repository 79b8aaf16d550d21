//! The queries a client is subscribed to.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_functions::{Call, ComponentPath, Outcome};
use lentil_identity::Identity;
use lentil_protocol::{QueryAddition, QueryId, QuerySetVersion};

use crate::limits::QUERIES_MAX;
use crate::request_id;

/// One subscription.
#[derive(Debug)]
pub(crate) struct LiveQuery {
    /// Tells it from earlier subscriptions of the same number.
    pub(crate) addition: u64,
    /// The version of the query set that added it.
    pub(crate) since: QuerySetVersion,
    /// What to ask; changes with the identity.
    pub(crate) call: Arc<Call>,
    /// What the last run pinned, for the next.
    pub(crate) journal: Option<Arc<str>>,
    /// What the client was last told.
    pub(crate) reported: Option<Outcome>,
}

/// What ends the conversation when a client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuerySetError {
    /// The number is in use.
    Duplicate(QueryId),
    /// The number is not in use.
    Unknown(QueryId),
    /// More than [`QUERIES_MAX`].
    Full,
}

/// The query set as of the last accepted change, and the removals no transition has shown yet.
#[derive(Debug, Default)]
pub(crate) struct QuerySet {
    live: BTreeMap<QueryId, LiveQuery>,
    /// Invariant: ascending by version.
    removed: Vec<(QuerySetVersion, QueryId)>,
    additions: u64,
}

impl QuerySet {
    /// The queries, ascending by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (QueryId, &LiveQuery)> {
        self.live.iter().map(|(id, query)| (*id, query))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// Subscribes.
    pub(crate) fn add(
        &mut self,
        since: QuerySetVersion,
        addition: QueryAddition,
        identity: &Identity,
        seed: u64,
    ) -> Result<(), QuerySetError> {
        if self.live.contains_key(&addition.query) {
            return Err(QuerySetError::Duplicate(addition.query));
        }
        if self.live.len() >= QUERIES_MAX {
            return Err(QuerySetError::Full);
        }
        self.additions += 1;
        let call = Arc::new(Call {
            path: addition.path,
            component: ComponentPath(addition.component),
            args: addition.args,
            identity: identity.clone(),
            request_id: request_id::of_counter(seed, self.additions),
            caller: "SyncWorker",
            origin: Default::default(),
            question: Default::default(),
        });
        let query = LiveQuery {
            addition: self.additions,
            since,
            call,
            journal: addition.journal,
            reported: None,
        };
        self.live.insert(addition.query, query);
        Ok(())
    }

    /// Unsubscribes; the removal is to be shown.
    pub(crate) fn remove(
        &mut self,
        version: QuerySetVersion,
        query: QueryId,
    ) -> Result<(), QuerySetError> {
        self.live
            .remove(&query)
            .ok_or(QuerySetError::Unknown(query))?;
        assert!(self.removed.last().is_none_or(|(last, _)| *last <= version));
        self.removed.push((version, query));
        Ok(())
    }

    /// Everything is asked in this name from now on.
    pub(crate) fn set_identity(&mut self, identity: &Identity) {
        for query in self.live.values_mut() {
            let mut call = Call::clone(&query.call);
            call.identity = identity.clone();
            query.call = Arc::new(call);
        }
    }

    /// The subscription of that number, if it is still the one meant.
    pub(crate) fn get_mut(&mut self, query: QueryId, addition: u64) -> Option<&mut LiveQuery> {
        self.live
            .get_mut(&query)
            .filter(|it| it.addition == addition)
    }

    /// Takes the removals that a transition to `version` shows.
    pub(crate) fn take_removed(&mut self, version: QuerySetVersion) -> Vec<QueryId> {
        let shown = self.removed.partition_point(|(since, _)| *since <= version);
        let mut ids: Vec<_> = self.removed.drain(..shown).map(|(_, id)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a query that the client asked for by `version` has not been reported.
    pub(crate) fn owes(&self, version: QuerySetVersion) -> bool {
        self.live
            .values()
            .any(|query| query.since <= version && query.reported.is_none())
    }
}
