//! Memory of the server that is not in use goes back to the system.

/// Has the kernel map memory in small pages only, also for the executors, which inherit it. The
/// allocator asks for large ones, and one small object then holds 2 MiB of memory: a server that had
/// 7 MiB allocated took 38, and whatever touched a page here and there, a minute after a burst or a
/// housekeeper of the kernel's own, let it grow by 2 MiB each time.
pub(crate) fn map_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the server takes memory in large pages");
    }
}
