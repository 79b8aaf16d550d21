//! Memory of the server that is not in use goes back to the system (ADR 0019).

use std::ffi::c_long;
use std::time::Duration;

use lentil_database::Database;
use tokio::time::MissedTickBehavior;

/// `mi_option_purge_delay` of mimalloc 3, which the crate of bindings has no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Milliseconds that free memory waits for somebody who wants as much (mimalloc's own: 1,000). Long
/// enough that what every call takes and gives up stays with the process, and short beside a push:
/// one of mimalloc's pages (up to 4 MiB, for blocks of one size) is made of what is free, and memory
/// that was not given back by then counts in full, however few of its blocks are in use.
const KEPT_FREE_MS: c_long = 50;

/// How often somebody looks for what has waited that long. The allocator itself does only when a
/// thread gives up one of its pages; after a push that may be minutes.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(1);

/// Has the allocator give free memory back soon. `MIMALLOC_PURGE_DELAY` still decides if it is set.
///
/// To be called before other threads run: the allocator reads its options without a lock.
#[expect(unsafe_code, reason = "the allocator's options are functions of C")]
pub(crate) fn give_back_soon() {
    // SAFETY: it writes one number, and no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, KEPT_FREE_MS) };
}

/// Looks for memory that is to be given back, for ever: caches that nobody uses, and what is free.
pub(crate) async fn look_for_free(database: Database) {
    let mut ticks = tokio::time::interval(LOOKED_FOR_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Here, although a full cache takes up to a millisecond to empty: a call on one of the runtime's
        // threads for blocking work each second would keep ten of them from ever going away.
        database.give_back();
        give_back_now();
    }
}

/// Gives back what has been free for long enough, and pages of this thread that are empty.
#[expect(unsafe_code, reason = "the allocator's functions are of C")]
fn give_back_now() {
    // SAFETY: any thread may ask for it at any time.
    unsafe { libmimalloc_sys::mi_collect(false) };
}

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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Blocks that the allocator keeps in its own regions.
    const BLOCKS: usize = 256;
    const BLOCK_BYTES: usize = 256 << 10;
    /// What free memory waits if nothing is said.
    const ALLOCATORS_OWN_DELAY: Duration = Duration::from_secs(1);
    /// Each as long as free memory waits here; all together are half of that.
    const LOOKS: usize = 10;

    fn resident_bytes() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        let pages: usize = pages
            .split(' ')
            .nth(1)
            .expect("the second number")
            .parse()
            .expect("a number");
        pages * rustix::param::page_size()
    }

    #[test]
    fn what_is_free_goes_back_soon() {
        give_back_soon();
        // What was freed before that waits as long as it was told to, and others with it.
        std::thread::sleep(ALLOCATORS_OWN_DELAY);
        give_back_now();
        let before = resident_bytes();
        let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![1; BLOCK_BYTES]).collect();
        let full = resident_bytes();
        assert!(
            full > before + BLOCKS * BLOCK_BYTES * 9 / 10,
            "nothing was taken"
        );
        drop(blocks);
        let most_is_gone = (0..LOOKS).any(|_| {
            std::thread::sleep(Duration::from_millis(KEPT_FREE_MS.unsigned_abs()));
            give_back_now();
            resident_bytes() < full - BLOCKS * BLOCK_BYTES * 9 / 10
        });
        assert!(
            most_is_gone,
            "{BLOCKS} blocks of {BLOCK_BYTES} bytes were taken, {} are still there",
            resident_bytes().saturating_sub(before) / BLOCK_BYTES
        );
    }
}
