//! The database against a model, a checker and a list of histories.

mod support;
mod histories;
mod conflicts;
mod transactions;
mod definitions;
mod model;
mod serializability;
mod subscriptions;
mod backfill;
mod faults;
