//! What is known of realms that are kept: how often, where not and why, and what shadow checks
//! have found.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::limits::REALM_FINDINGS_MAX;

/// Why calls of a module, or of a function, get fresh realms although realms are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmFinding {
    /// Canonical path of the module.
    pub module: String,
    /// The function that was called.
    pub function: String,
    /// What was found.
    pub what: String,
    /// A shadow check told a kept realm from a fresh one: a bug of Lentil's.
    pub is_difference: bool,
}

/// How realms fared since the start.
#[derive(Clone, Debug, Default)]
pub struct RealmReport {
    /// Calls of queries and mutations, nested ones left out.
    pub calls: u64,
    /// Of these, how many ran in a realm that had served an earlier call.
    pub reused: u64,
    /// Calls that were run a second time in a fresh realm.
    pub checked: u64,
    /// Of these, how many could be told apart.
    pub differences: u64,
    /// What was found, the newest last; each once.
    pub findings: Vec<RealmFinding>,
}

/// The counters behind a [`RealmReport`].
#[derive(Debug, Default)]
pub(crate) struct RealmLog {
    calls: AtomicU64,
    reused: AtomicU64,
    checked: AtomicU64,
    differences: AtomicU64,
    findings: Mutex<Vec<RealmFinding>>,
}

impl RealmLog {
    /// Counts a call; says whether its turn to be checked has come, one in `every` (0: never).
    pub(crate) fn is_checked(&self, every: u64) -> bool {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        every > 0 && number.is_multiple_of(every)
    }

    pub(crate) fn note_reuse(&self) {
        self.reused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_check(&self, difference: bool) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.differences
            .fetch_add(u64::from(difference), Ordering::Relaxed);
    }

    pub(crate) fn note(&self, finding: RealmFinding) {
        let mut findings = self.findings.lock();
        if findings.contains(&finding) {
            return;
        }
        if findings.len() >= REALM_FINDINGS_MAX {
            findings.remove(0);
        }
        findings.push(finding);
    }

    pub(crate) fn report(&self) -> RealmReport {
        RealmReport {
            calls: self.calls.load(Ordering::Relaxed),
            reused: self.reused.load(Ordering::Relaxed),
            checked: self.checked.load(Ordering::Relaxed),
            differences: self.differences.load(Ordering::Relaxed),
            findings: self.findings.lock().clone(),
        }
    }
}
