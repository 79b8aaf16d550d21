//! The lentil binary.
fn main() {}
