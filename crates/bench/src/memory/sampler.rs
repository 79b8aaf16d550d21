//! Looks at the memory of a server and of its executors, again and again, as the kernel tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::server::tree;

/// How often.
pub(crate) const EVERY: Duration = Duration::from_millis(500);

/// Memory of some processes, MiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// What they have for themselves, and their shares of what several have.
    pub(crate) pss: f64,
    /// Of that, what is of no file.
    pub(crate) anonymous: f64,
}

/// What there was at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Since the server started.
    pub(crate) at: Duration,
    pub(crate) server: Memory,
    /// Of all executors.
    pub(crate) executing: Memory,
    pub(crate) executors: usize,
}

/// A time with a name.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) what: String,
    pub(crate) moment: Moment,
}

/// Samples until it is stopped.
pub(crate) struct Sampler {
    server: u32,
    begun: Instant,
    seen: Arc<Mutex<Vec<Moment>>>,
    marks: Mutex<Vec<Mark>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Sampler {
    pub(crate) fn start(server: u32) -> Sampler {
        let (begun, seen) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let (moments, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let moment = look(server, begun);
                held(&moments).push(moment);
                std::thread::park_timeout(EVERY);
            }
        });
        Sampler {
            server,
            begun,
            seen,
            marks: Mutex::default(),
            stop,
            thread,
        }
    }

    /// What there is now.
    pub(crate) fn now(&self) -> Moment {
        look(self.server, self.begun)
    }

    /// Gives this time a name.
    pub(crate) fn mark(&self, what: &str) {
        let moment = self.now();
        println!(
            "{:>5.0} s  {what}: server {:.1} MiB, {} executors {:.1} MiB",
            moment.at.as_secs_f64(),
            moment.server.pss,
            moment.executors,
            moment.executing.pss
        );
        let what = what.to_owned();
        held(&self.marks).push(Mark { what, moment });
    }

    /// All that was seen.
    pub(crate) fn stop(self) -> (Vec<Moment>, Vec<Mark>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // One that has panicked has left what it saw.
        let _ = self.thread.join();
        let seen = std::mem::take(&mut *held(&self.seen));
        let marks = std::mem::take(&mut *held(&self.marks));
        (seen, marks)
    }
}

/// Nobody leaves these half changed.
fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn look(server: u32, begun: Instant) -> Moment {
    let mut moment = Moment {
        at: begun.elapsed(),
        ..Moment::default()
    };
    for (pid, _) in tree(server) {
        // One that has just ended has no memory.
        let Some(memory) = memory_of(pid) else {
            continue;
        };
        if pid == server {
            moment.server = memory;
        } else {
            moment.executing.pss += memory.pss;
            moment.executing.anonymous += memory.anonymous;
            moment.executors += 1;
        }
    }
    moment
}

fn memory_of(pid: u32) -> Option<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    parse(&text)
}

fn parse(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib / 1024.0)
    };
    Some(Memory {
        pss: field("Pss:")?,
        anonymous: field("Pss_Anon:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "00400000-7ffd3000 ---p 00000000 00:00 0   [rollup]\n\
                    Rss:               20480 kB\nPss:               10240 kB\n\
                    Pss_Dirty:          5120 kB\nPss_Anon:           4096 kB\nPss_File:           6144 kB\n";
        let memory = parse(text).map(|it| (it.pss, it.anonymous));
        assert_eq!(memory, Some((10.0, 4.0)));
        assert!(parse("Rss: 4 kB\n").is_none());
    }

    #[test]
    fn a_process_sees_its_own_memory_and_its_children_apart() {
        let before = look(std::process::id(), Instant::now());
        assert!(before.server.pss > before.server.anonymous);
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("there is a sleep");
        let with = look(std::process::id(), Instant::now());
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        assert!(with.executors > before.executors, "{before:?} {with:?}");
        assert!(with.executing.pss > before.executing.pss);
    }
}
