//! Exports and imports of whole deployments.

mod snapshots {
    mod support;

    mod components;
    mod round_trips;
    mod exports;
    mod imports;
    mod size;
}
