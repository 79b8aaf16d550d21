//! What an action logs while it goes on: entries of their own in the log stream, before the one
//! that says how it ended and has no lines (sync-and-http 4.7, cli-and-deploy 14).

use std::sync::Arc;

use lentil_js::{FunctionKind, LogLine};
use parking_lot::Mutex;
use uuid::Uuid;

use super::requests::ActionRequests;
use crate::limits::count;
use crate::logs::{Entry, Execution, Line, Progress};

/// How far the log stream is with an action.
pub(super) struct Told {
    /// The execution, in all entries.
    id: Uuid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The route of an HTTP action, once it is known.
    route: Option<Arc<str>>,
    /// Lines that were told.
    lines: usize,
}

impl Told {
    /// Nothing yet, of an execution.
    pub(super) fn of(id: Uuid) -> Told {
        Told {
            id,
            state: Mutex::default(),
        }
    }
}

impl ActionRequests {
    pub(super) fn set_route(&self, route: &str) {
        self.told.state.lock().route = Some(route.into());
    }

    /// Tells lines of an action that goes on. What its end may have to say has room.
    pub(super) fn tell(&self, lines: &[LogLine]) {
        let most = count(self.inner.options.limits.log_lines);
        let room = most.saturating_sub(1 + self.told.state.lock().lines);
        let line = |line: &LogLine| Line {
            line: line.clone(),
            nested: None,
            code: None,
        };
        self.push(lines.iter().take(room).map(line).collect());
    }

    /// Tells the lines that were not told yet, of all of them, and how the action ended.
    pub(super) fn conclude(&self, lines: &[Line], execution: Execution) {
        let told = self.told.state.lock().lines;
        self.push(lines.iter().skip(told).cloned().collect());
        self.inner.log(Execution {
            id: self.told.id,
            ..execution
        });
    }

    fn push(&self, lines: Vec<Line>) {
        let (kind, identifier) = {
            let mut state = self.told.state.lock();
            let named = match (self.http, &state.route) {
                (false, _) => Some((FunctionKind::Action, self.path.to_string())),
                (true, Some(route)) => Some((FunctionKind::HttpAction, route.to_string())),
                // Nobody's lines: there is no such route.
                (true, None) => None,
            };
            let Some(named) = named.filter(|_| !lines.is_empty()) else {
                return;
            };
            state.lines += lines.len();
            named
        };
        let progress = Progress {
            kind,
            component: self.place.component.clone(),
            identifier,
            lines,
            request_id: self.request_id.clone(),
        };
        self.inner
            .log_entry(self.told.id, Entry::Progress(progress));
    }
}
