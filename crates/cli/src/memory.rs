//! Memory of the server that is not in use goes back to the system (ADR 0019).

/// Has the kernel map memory in small pages only, also for the processes it starts, which inherit
/// that: where it gives large ones unasked, one small object holds 2 MiB, and whatever touches a page
/// here and there lets the server grow by as much. The allocator's own wish for them is left out when
/// it is compiled (`no_thp`).
pub(crate) fn map_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the server takes memory in large pages");
    }
}
