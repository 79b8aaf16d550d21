//! Compiles the dashboard's files in again when they were built again.

fn main() {
    println!("cargo:rerun-if-changed=../../dashboard/dist");
}
