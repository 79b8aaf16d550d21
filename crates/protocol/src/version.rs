//! The three counters of a conversation (sync-and-http 2.1).

use lentil_values::Timestamp;

/// Number of the last accepted change of the query set; the client assigns it.
pub type QuerySetVersion = u32;
/// Number of accepted `Authenticate` messages; both sides count.
pub type IdentityVersion = u32;
/// A subscription's number, chosen by the client.
pub type QueryId = u32;
/// A mutation's or action's number, chosen by the client.
pub type RequestId = u32;

/// What a client has been shown: the results of this query set, for this identity, at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StateVersion {
    /// Last reflected change of the query set.
    pub query_set: QuerySetVersion,
    /// Last reflected `Authenticate`.
    pub identity: IdentityVersion,
    /// The snapshot of every result of the connection.
    pub ts: Timestamp,
}
