//! The database against a model, a checker and a list of histories.

// Helpers of tests are tests: a failed expectation in them is a failed test.
#![allow(clippy::unwrap_used)]

mod support;
mod histories;
mod conflicts;
mod pages;
mod transactions;
mod definitions;
mod moves;
mod counts;
mod commit_ts;
mod model;
mod serial;
mod serializability;
mod subscriptions;
mod backfill;
mod backfill_load;
mod faults;
