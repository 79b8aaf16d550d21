//! The encoded JSON form of values (sync-and-http 3.2, function-runtime 4.1).
