//! Limits of the function host.

use std::time::Duration;

/// Modules of a push may take so much user time each to be analysed.
pub(crate) const ANALYSIS_USER_TIME: Duration = Duration::from_secs(4);

/// An executor must be ready within so much time of its own.
pub(crate) const START_TIME: Duration = Duration::from_secs(10);

/// A process of actions must be, by the clock on the wall.
pub(crate) const START_WALL_TIME: Duration = Duration::from_secs(40);

/// Extra user time of the first call of a bundle in an executor, which compiles: base.
pub(crate) const COMPILE_ALLOWANCE: Duration = Duration::from_millis(200);

/// Extra user time of the first call of a bundle in an executor: for each MiB of script.
pub(crate) const COMPILE_ALLOWANCE_PER_MIB: Duration = Duration::from_secs(1);

/// Wall time of user code, as a multiple of its user time, on a machine too busy to run it. Code
/// that runs for so long holds up nobody (ADR 0013).
pub(crate) const WALL_FACTOR: u32 = 10;

/// The same where its priority is lower than that of others.
pub(crate) const WALL_FACTOR_BEHIND: u32 = 30;

/// A call that holds an executor for so long is slow, and so is a function whose calls do.
pub(crate) const SLOW_AFTER: Duration = Duration::from_millis(100);

/// A call that has run for so long goes on in the background: others have the processors first.
pub(crate) const BACKGROUND_AFTER: Duration = Duration::from_millis(50);

/// The same where a process cannot be brought forward again, and is replaced after the call: that
/// costs 60 ms of a processor, and compiling what comes next.
pub(crate) const BACKGROUND_FOR_GOOD_AFTER: Duration = Duration::from_millis(250);

/// How often it is looked whether running calls have become slow, while others wait.
pub(crate) const SLOW_CHECK_EVERY: Duration = Duration::from_millis(20);

/// A call costs its function at least so much of its turn.
pub(crate) const FAIR_COST_MIN: Duration = Duration::from_micros(100);

/// Functions of which it is known how long they take.
pub(crate) const LANES_MAX: usize = 4_096;

/// Code that has used less than this part of its user time when its wall time is up did not want
/// to run.
pub(crate) const IDLE_SHARE: u32 = 20;

/// JS heap of an executor beyond that of a call: the runtime, compiled bundles, spare realms, MiB.
pub(crate) const HEAP_HEADROOM_MIB: u32 = 48;

/// Private memory of an executor besides twice its heap: engine, thread stacks, array buffers.
pub(crate) const DATA_HEADROOM_MIB: u64 = 384;

/// Calls after which an executor is replaced.
pub(crate) const CALLS_PER_EXECUTOR: u64 = 1_000_000;

/// How often the memory of an executor is looked at, in calls.
pub(crate) const MEMORY_CHECK_EVERY: u64 = 256;

/// Resident memory, besides twice the heap, at which an executor is replaced, MiB.
pub(crate) const RESIDENT_HEADROOM_MIB: u64 = 256;

/// An executor with nothing to do for so long gives memory back.
pub(crate) const TRIM_AFTER: Duration = Duration::from_secs(5);

/// An idle executor that has grown by this part of what it had when it first rested is replaced.
pub(crate) const GROWTH_SHARE: u64 = 12;

/// Bundles an executor keeps: one for each definition of a component that its calls come through.
pub(crate) const BUNDLES_PER_EXECUTOR: usize = 24;

/// Bytes of the scripts of these, unless one alone has more. Compiled, and with the realms in which
/// they were evaluated, they take three to four times as much of the heap, of which calls are
/// promised all but [`HEAP_HEADROOM_MIB`].
pub(crate) const BUNDLE_BYTES_PER_EXECUTOR: usize = 10 << 20;

/// Environments an executor keeps: one for each component, and more than a call has levels.
pub(crate) const ENVS_PER_EXECUTOR: usize = 32;

/// Realms an executor keeps for later calls.
pub(crate) const REALMS_KEPT: usize = 16;

/// Realms prepared ahead of need.
pub(crate) const REALMS_SPARE: usize = 1;

/// Findings about realms that are remembered for operators.
pub(crate) const REALM_FINDINGS_MAX: usize = 200;

/// The largest frame: a result of 16 MiB and its console lines fit with ease.
pub(crate) const FRAME_BYTES_MAX: usize = 256 << 20;

/// Rendered error text is cut here.
pub(crate) const ERROR_BYTES_MAX: usize = 64 << 10;

/// Lines that one call logs at most; the executor counts them.
pub(crate) const LOG_LINES_MAX: usize = 256;

/// Actions after which their process is replaced.
pub(crate) const ACTIONS_PER_EXECUTOR: u64 = 10_000;

/// Frames that wait to be written to a process of actions.
pub(crate) const ACTION_FRAMES_QUEUED: usize = 256;

/// How often a process with actions in it is asked whether its event loop turns.
pub(crate) const PING_EVERY: Duration = Duration::from_millis(250);

/// A process of actions that has not answered for so long gets no more of them.
pub(crate) const RESPONSIVE_WITHIN: Duration = Duration::from_millis(500);

/// Evaluating one Node module for its exports may take so long; it may load large packages.
pub(crate) const NODE_ANALYSIS_TIME: Duration = Duration::from_secs(30);

/// Private memory of a process of Node actions for what native packages allocate, MiB.
pub(crate) const NODE_NATIVE_MIB: u64 = 1_024;

/// Codes and environments of Node actions that have processes: what is live, what was before, and
/// what is being pushed.
pub(crate) const NODE_GENERATIONS: usize = 3;

/// Bundles, and sets of packages, that are kept on disk; the one used longest ago goes.
pub(crate) const NODE_FOLDERS_KEPT: usize = 8;

/// Installing packages, or a version of Node, may take so long.
pub(crate) const INSTALL_TIME: Duration = Duration::from_secs(600);

/// How often the log says that it still goes on.
pub(crate) const INSTALL_NEWS_EVERY: Duration = Duration::from_secs(5);

/// Characters of what npm says of a failure that are passed on.
pub(crate) const INSTALL_REASON_MAX: usize = 2_000;

/// Console lines appended to an error of analysis.
pub(crate) const ANALYSIS_LINES: usize = 100;

const _: () = assert!(SLOW_CHECK_EVERY.as_millis() < SLOW_AFTER.as_millis());
const _: () = assert!(CALLS_PER_EXECUTOR > MEMORY_CHECK_EVERY);
const _: () = assert!(FRAME_BYTES_MAX < 0x7fff_ffff);
