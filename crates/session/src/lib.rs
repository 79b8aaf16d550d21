//! This crate holds one client's conversation: its query set, its versions, the order of its
//! mutations and the transitions it is sent. [`Session`] is the driver around a pure state machine.
//!
//! It does not own a socket and parses no bytes: whoever does hands messages in with
//! [`Session::receive`] and takes texts out with [`Session::try_next`].
//!
//! Invariants: every transition starts at the version where the one before ended; its timestamp
//! never goes back; all results of a client are of one timestamp; a mutation's response leaves
//! before the first transition that shows its effect, and a transition always follows it.

mod driver;
mod round;
mod state;
mod query_set;
mod transition;
mod auth;
mod request_id;
mod limits;

pub use crate::driver::{Outgoing, Session, SessionOptions, Sessions};
pub use crate::limits::{
    ACTIONS_IN_FLIGHT_MAX, MUTATIONS_QUEUED_MAX, QUERIES_MAX, TRANSITIONS_WAITING_MAX,
};
