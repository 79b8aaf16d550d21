//! Posted writes: a mutation goes on without waiting for its writes, which then cost no crossing.
//!
//! A write has one outcome that functions nearly always see: it succeeds, and all they learn is the
//! id of what they inserted. So the executor answers it at once, inserts with ids that are sent along
//! with the call, and tells of it with its next frame, where it is made, in its place. If it fails,
//! user code has gone on from something that is not so: the transaction is dropped, and the call
//! runs again and waits for every write. ADR 0018 says why nobody can tell.
//!
//! Ids are sent to functions that needed some the last time, as many as then, and more to those that
//! go on; a function that had to run again waits for its writes for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use lentil_js::{CallResult, Reserved, SyscallError};
use lentil_values::DocumentId;
use parking_lot::Mutex;

use super::UdfSyscalls;

/// Ids for one table that are sent at once: an executor tells of its writes at least as often.
const IDS_AT_ONCE: usize = 64;
/// Runs that wait for their writes after one that should have.
const RUNS_WAITING: u32 = 100;

/// How many inserts into which tables a run has made.
pub(crate) type Inserts = Vec<(String, usize)>;

/// What a function's runs have written; shared by all of them, for as long as its code is live.
#[derive(Debug, Default)]
pub(crate) struct Habit(Mutex<Known>);

#[derive(Debug, Default)]
enum Known {
    /// It has not written yet.
    #[default]
    Nothing,
    /// It writes, with so many inserts.
    Writes(Arc<Inserts>),
    /// So many runs wait for their writes.
    Waits(u32),
}

impl Habit {
    /// The inserts to reserve for the next run, if it may post.
    pub(crate) fn next_run(&self) -> Option<Arc<Inserts>> {
        let mut known = self.0.lock();
        match &mut *known {
            Known::Nothing => None,
            Known::Writes(inserts) => Some(inserts.clone()),
            Known::Waits(0) => {
                *known = Known::Nothing;
                None
            }
            Known::Waits(left) => {
                *left -= 1;
                None
            }
        }
    }

    /// A run has succeeded and written.
    fn learn(&self, inserts: Inserts) {
        let mut known = self.0.lock();
        match &*known {
            Known::Waits(_) => {}
            Known::Writes(same) if **same == inserts => {}
            Known::Nothing | Known::Writes(_) => *known = Known::Writes(Arc::new(inserts)),
        }
    }

    /// A run has to be repeated.
    fn wait(&self) {
        *self.0.lock() = Known::Waits(RUNS_WAITING);
    }
}

/// What one run does with it.
#[derive(Default)]
pub(super) struct Posting {
    /// What may be reserved; nothing: every write is waited for.
    inserts: Option<Arc<Inserts>>,
    /// Ids that were sent along, with what their inserts are answered.
    reserved: VecDeque<(DocumentId, String)>,
    /// Tables into which something was inserted for which there was no id left.
    waited: Vec<String>,
    /// A posted write has failed.
    retracted: bool,
    /// What the called function itself has written.
    made: Inserts,
    wrote: bool,
}

impl UdfSyscalls {
    /// Lets the call post its writes; before it begins.
    pub(crate) fn may_post(&mut self, inserts: Arc<Inserts>) {
        self.posting.inserts = Some(inserts);
    }

    /// What is sent along with a call that may post; a nested one waits.
    pub(super) fn reserve(&mut self) -> Option<Vec<Reserved>> {
        let inserts = self.posting.inserts.clone()?;
        if self.frames.len() > 1 {
            return None;
        }
        self.posting.reserved.clear();
        let of = |(table, count): &(String, usize)| self.reserved_for(table, *count);
        Some(inserts.iter().map(of).collect())
    }

    /// More for the tables into which the call goes on inserting.
    pub(super) fn refill(&mut self) -> Vec<Reserved> {
        if self.posting.inserts.is_none() || self.frames.len() > 1 {
            return Vec::new();
        }
        let waited = std::mem::take(&mut self.posting.waited);
        let of = |table: &String| self.reserved_for(table, IDS_AT_ONCE);
        waited.iter().map(of).collect()
    }

    fn reserved_for(&mut self, table: &str, count: usize) -> Reserved {
        let namespace = self.namespace();
        let mut answers = Vec::with_capacity(count.min(IDS_AT_ONCE));
        for _ in 0..count.min(IDS_AT_ONCE) {
            let Some(id) = self.tx.reserve_id(namespace, table) else {
                break;
            };
            let answer = answer_of(id);
            self.posting.reserved.push_back((id, answer.clone()));
            answers.push(answer);
        }
        let name = serde_json::Value::from(table);
        Reserved {
            begins: format!("{{\"table\":{name},"),
            answers,
        }
    }

    /// Makes a posted write.
    pub(super) fn make_posted(
        &mut self,
        op: &str,
        args: &str,
        answer: &str,
    ) -> Result<(), SyscallError> {
        let since = Instant::now();
        let made = match op {
            "1.0/insert" => self.reserved_id(answer).and_then(|id| {
                let inserted = self.insert_as(args, Some(id));
                inserted.map(drop)
            }),
            "1.0/shallowMerge" | "1.0/replace" | "1.0/remove" => {
                self.async_operation(op, args).map(drop)
            }
            _ => Err(never_promised()),
        };
        let made = made.and_then(|()| self.spend(since));
        self.posting.retracted |= made.is_err();
        made
    }

    /// The id that was sent along with this answer.
    fn reserved_id(&mut self, answer: &str) -> Result<DocumentId, SyscallError> {
        let reserved = &mut self.posting.reserved;
        let at = reserved.iter().position(|(_, known)| known == answer);
        let found = at.and_then(|at| reserved.remove(at));
        found.map(|(id, _)| id).ok_or_else(never_promised)
    }

    /// Takes note of what the called function has written, and whether it waited for it.
    pub(super) fn note_insert(&mut self, table: &str, waited: bool) {
        if self.frames.len() > 1 {
            return;
        }
        self.posting.wrote = true;
        if waited && !self.posting.waited.iter().any(|name| name == table) {
            self.posting.waited.push(table.to_owned());
        }
        let made = &mut self.posting.made;
        match made.iter_mut().find(|(name, _)| name == table) {
            Some((_, count)) => *count += 1,
            None => made.push((table.to_owned(), 1)),
        }
    }

    /// The same of a write that is no insert.
    pub(super) fn note_write(&mut self) {
        self.posting.wrote |= self.frames.len() == 1;
    }

    /// Takes note of how the call ended. True if it has to run again and wait for its writes:
    /// something failed that user code took for done. What ran out of time or memory may have done
    /// so only because of that.
    pub(crate) fn settle_posting(&mut self, habit: &Habit, result: &CallResult) -> bool {
        let posting = &mut self.posting;
        let cut_off = matches!(result, CallResult::Timeout(_) | CallResult::OutOfMemory(_));
        if posting.retracted || (posting.inserts.is_some() && cut_off) {
            habit.wait();
            return true;
        }
        if posting.wrote && matches!(result, CallResult::Value(_)) {
            habit.learn(std::mem::take(&mut posting.made));
        }
        false
    }
}

/// What an insert is answered.
pub(super) fn answer_of(id: DocumentId) -> String {
    format!("{{\"_id\":\"{id}\"}}")
}

/// An executor that posts what it was not offered is broken; running again without is safe.
fn never_promised() -> SyscallError {
    SyscallError::System {
        message: "an executor posted a write that it was not offered".to_owned(),
    }
}
