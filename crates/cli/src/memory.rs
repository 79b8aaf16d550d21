//! Memory of the server that is not in use goes back to the system (ADR 0019).

use std::hint::black_box;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

/// How often what was freed is given back while nothing happens: what has been free for a second goes.
const GIVEN_BACK_EVERY: Duration = Duration::from_secs(2);
/// More than the allocator puts together with others (512 KiB).
const PIECE_OF_ITS_OWN: usize = 1 << 20;

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

/// Has the allocator give back what was freed, for ever. By itself it looks for that only when a
/// thread gives up a page of memory: after a push, whose modules take a hundred MiB to read, nobody
/// may do so for minutes. A piece that is large enough to be pages of its own, and is never touched,
/// is given up at once.
pub(crate) async fn give_back() {
    let mut ticks = tokio::time::interval(GIVEN_BACK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(PIECE_OF_ITS_OWN)));
    }
}
