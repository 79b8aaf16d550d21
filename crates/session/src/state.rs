//! Station 3 · the state machine of one conversation.
//!
//! Arrives: one [`Event`] at a time from `driver.rs` (station 2). Leaves: [`Effect`]s for the
//! driver to perform, in order: run a mutation (`functions/src/mutation.rs`, station 4), ask the
//! queries at a timestamp (`functions/src/query.rs`, station 12), send a text, close.
//!
//! It reads no clock, draws nothing random and starts nothing: time arrives with each event.

use std::collections::VecDeque;
use std::sync::Arc;

use lentil_functions::{
    Call, ComponentPath, FailureClass, FunctionFailure, MutationDone, Outcome, SessionRequest,
};
use lentil_identity::Identity;
use lentil_protocol::{
    AuthToken, ClientMessage, Clock, Close, CloseCode, Connect, Failure, FunctionRequest,
    IdentityVersion, QuerySetChange, QuerySetModification, QuerySetVersion, RequestId,
    ServerMessage, StateVersion, request_error_text,
};
use lentil_values::Timestamp;
use uuid::Uuid;

use crate::auth::Refusal;
use crate::limits::{
    ACTIONS_IN_FLIGHT_MAX, MUTATIONS_QUEUED_MAX, OBSERVED_AHEAD_NS_MAX, RETRIES_MAX,
    RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN, TRANSITIONS_WAITING_MAX,
};
use crate::query_set::{QuerySet, QuerySetError};
use crate::request_id;
use crate::transition::{self, Answer};

/// When an event happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The newest visible commit.
    pub(crate) latest: Timestamp,
    /// The server's clock, ns since the epoch.
    pub(crate) server_ns: u64,
}

/// What can happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// The client said something. Only while [`State::accepts_messages`].
    Message(ClientMessage),
    /// The client said something that is no message.
    Malformed(String),
    /// The answer to [`Effect::Advance`].
    Advanced(Result<(), String>),
    /// The answer to [`Effect::Authenticate`].
    Authenticated(Result<Identity, Refusal>),
    /// The mutation that was running ended.
    MutationFinished(RequestId, MutationDone),
    /// The mutation that was running did not end in time.
    MutationOverdue,
    /// The mutation that is running has held the client back for long enough.
    HoldExpired,
    /// An action ended.
    ActionFinished(RequestId, Outcome),
    /// A commit touched what some query has read.
    Invalidated {
        /// The newest timestamp, not after the newest commit, at which every query has an answer
        /// already. Whatever changed later will be told of by another such event.
        ready: Option<Timestamp>,
    },
    /// The round of queries ended: those that ran, with their answers.
    Computed(Vec<Answer>),
    /// The round failed for a reason that is not the developer's.
    ComputeFailed(FunctionFailure),
    /// The delay of [`Effect::RetryAfter`] is over.
    RetryDue,
    /// A transition left for the client.
    TransitionLeft,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Make the newest commit be at or after this.
    Advance(Timestamp),
    /// Check a proof.
    Authenticate(AuthToken),
    /// Run a mutation.
    RunMutation(RequestId, Call, Option<SessionRequest>),
    /// Run an action.
    RunAction(RequestId, Call),
    /// Ask every live query whose last result does not hold, at this timestamp.
    Compute(Timestamp),
    /// Wait so many ms, then say [`Event::RetryDue`].
    RetryAfter(u64),
    /// Send a text.
    Send(String),
    /// Send a transition; say [`Event::TransitionLeft`] when it is gone.
    SendTransition(String),
    /// Close. Nothing follows.
    Close(Close),
}

/// A mutation that waits.
#[derive(Debug)]
struct QueuedMutation {
    request: RequestId,
    call: Call,
}

/// The mutation that runs.
#[derive(Debug)]
struct RunningMutation {
    request: RequestId,
    /// The newest commit when it began. Its own commit will be later, so up to here the client
    /// can be brought without showing its effect before its response.
    began_at: Timestamp,
    /// Whether the client is still kept there.
    holds: bool,
}

/// The round of queries that runs.
#[derive(Debug)]
struct Round {
    end: StateVersion,
    /// Whether its transition must be sent even if it says nothing.
    required: bool,
}

/// What must be answered before the next message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inline {
    Nothing,
    Authentication,
    Advance,
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct State {
    seed: u64,
    redact: bool,
    session: Option<Uuid>,
    connected: bool,
    client_skew_ms: Option<i64>,
    identity: Identity,
    received_query_set: QuerySetVersion,
    received_identity: IdentityVersion,
    sent: StateVersion,
    queries: QuerySet,
    queue: VecDeque<QueuedMutation>,
    running: Option<RunningMutation>,
    actions: usize,
    requests: u64,
    inline: Inline,
    dirty: bool,
    required: bool,
    round: Option<Round>,
    /// Timestamp of the last round that ended.
    computed_ts: Timestamp,
    failed_rounds: u32,
    retry_pending: bool,
    transitions_waiting: usize,
    closed: bool,
}

impl State {
    /// A conversation that has not begun. `seed` is random; `redact` hides error texts and logs.
    pub(crate) fn new(seed: u64, redact: bool) -> State {
        State {
            seed,
            redact,
            session: None,
            connected: false,
            client_skew_ms: None,
            identity: Identity::Anonymous,
            received_query_set: 0,
            received_identity: 0,
            sent: StateVersion::default(),
            queries: QuerySet::default(),
            queue: VecDeque::new(),
            running: None,
            actions: 0,
            requests: 0,
            inline: Inline::Nothing,
            dirty: false,
            required: false,
            round: None,
            computed_ts: Timestamp::ZERO,
            failed_rounds: 0,
            retry_pending: false,
            transitions_waiting: 0,
            closed: false,
        }
    }

    /// Whether the next message may be handed in; not while an `Authenticate` is being checked.
    pub(crate) fn accepts_messages(&self) -> bool {
        self.inline == Inline::Nothing && !self.closed
    }

    /// Whether results wait for the running mutation to end.
    pub(crate) fn is_held(&self) -> bool {
        self.running.as_ref().is_some_and(|it| it.holds) && self.dirty && !self.closed
    }

    /// Whether the conversation is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Number of accepted `Authenticate` messages.
    pub(crate) fn identity_version(&self) -> IdentityVersion {
        self.received_identity
    }

    /// The live queries.
    pub(crate) fn queries(&self) -> &QuerySet {
        &self.queries
    }

    /// One step. Effects are appended in the order they are to be performed.
    pub(crate) fn apply(&mut self, event: Event, moment: Moment, effects: &mut Vec<Effect>) {
        if self.closed {
            return;
        }
        tracing::trace!(target: "lentil::station", number = 3);
        let mut newest = None;
        match event {
            Event::Message(message) => self.message(message, moment, effects),
            Event::Malformed(error) => self.fatal(&error, effects),
            Event::Advanced(result) => self.advanced(result, effects),
            Event::Authenticated(result) => self.authenticated(result, effects),
            Event::MutationFinished(request, done) => {
                self.mutation_finished(request, done, effects)
            }
            Event::MutationOverdue => {
                self.close(Close::new(CloseCode::Again, "SystemTimeoutError"), effects)
            }
            Event::HoldExpired => {
                if let Some(running) = &mut self.running {
                    running.holds = false;
                }
            }
            Event::ActionFinished(request, outcome) => {
                self.action_finished(request, outcome, effects)
            }
            Event::Invalidated { ready } => {
                self.dirty = true;
                // What the client waits for may be later than what is ready.
                newest = ready.filter(|ts| !self.required && *ts > self.computed_ts);
            }
            Event::Computed(answers) => self.computed(answers, moment, effects),
            Event::ComputeFailed(failure) => self.compute_failed(&failure, effects),
            Event::RetryDue => self.retry_pending = false,
            Event::TransitionLeft => {
                assert!(
                    self.transitions_waiting > 0,
                    "a transition left that was sent"
                );
                self.transitions_waiting -= 1;
            }
        }
        if !self.closed {
            self.start_mutation(moment, effects);
            self.start_round(newest.unwrap_or(moment.latest), effects);
        }
    }

    // --- what the client says ----------------------------------------------------------------

    fn message(&mut self, message: ClientMessage, moment: Moment, effects: &mut Vec<Effect>) {
        assert!(
            self.inline == Inline::Nothing,
            "messages wait for what is answered inline"
        );
        match message {
            ClientMessage::Connect(connect) => self.connect(connect, moment, effects),
            ClientMessage::ModifyQuerySet(change) => self.modify_query_set(change, effects),
            ClientMessage::Mutation(request) => self.enqueue_mutation(request, effects),
            ClientMessage::Action(request) => self.start_action(request, effects),
            ClientMessage::Authenticate { base, token } => {
                if base != self.received_identity {
                    self.close(Close::internal(), effects);
                    return;
                }
                self.inline = Inline::Authentication;
                effects.push(Effect::Authenticate(token));
            }
            ClientMessage::Event => {}
        }
    }

    fn connect(&mut self, connect: Connect, moment: Moment, effects: &mut Vec<Effect>) {
        if self.connected {
            return self.fatal(
                "a socket can be connected only once: Connect was sent twice",
                effects,
            );
        }
        let Ok(session) = Uuid::parse_str(&connect.session_id) else {
            let error = format!(
                "malformed Connect message: sessionId \"{}\" is not a UUID",
                connect.session_id
            );
            return self.fatal(&error, effects);
        };
        self.connected = true;
        self.session = Some(session);
        self.client_skew_ms = clock_skew_ms(connect.client_ms, moment.server_ns);
        if let Some(observed) = connect.max_observed_ts.filter(|it| *it > moment.latest) {
            if observed.0 > moment.server_ns.saturating_add(OBSERVED_AHEAD_NS_MAX) {
                let reason =
                    "InternalServerError: the client has seen data from this server's future";
                return self.close(Close::new(CloseCode::Error, reason), effects);
            }
            self.inline = Inline::Advance;
            effects.push(Effect::Advance(observed));
        }
    }

    fn advanced(&mut self, result: Result<(), String>, effects: &mut Vec<Effect>) {
        assert!(self.inline == Inline::Advance);
        self.inline = Inline::Nothing;
        if result.is_err() {
            self.close(Close::internal(), effects);
        }
    }

    fn modify_query_set(&mut self, change: QuerySetChange, effects: &mut Vec<Effect>) {
        if change.base != self.received_query_set {
            let error = format!(
                "ModifyQuerySet starts at query set version {}, but the last one accepted on this connection is {}",
                change.base, self.received_query_set
            );
            return self.fatal(&error, effects);
        }
        if change.new <= change.base {
            return self.close(Close::internal(), effects);
        }
        for modification in change.modifications {
            let result = match modification {
                QuerySetModification::Add(addition) => {
                    self.queries
                        .add(change.new, addition, &self.identity, self.seed)
                }
                QuerySetModification::Remove(query) => self.queries.remove(change.new, query),
            };
            match result {
                Ok(()) => {}
                Err(QuerySetError::Full) => {
                    let close = Close::new(CloseCode::Again, "TooManyQueriesForSingleClient");
                    return self.close(close, effects);
                }
                Err(QuerySetError::Duplicate(_) | QuerySetError::Unknown(_)) => {
                    return self.close(Close::internal(), effects);
                }
            }
        }
        self.received_query_set = change.new;
        self.must_transition();
    }

    fn authenticated(&mut self, result: Result<Identity, Refusal>, effects: &mut Vec<Effect>) {
        assert!(self.inline == Inline::Authentication);
        self.inline = Inline::Nothing;
        match result {
            Ok(identity) => {
                self.queries.set_identity(&identity);
                self.identity = identity;
                self.received_identity += 1;
                self.must_transition();
            }
            Err(Refusal::Malformed(error)) => self.fatal(&error, effects),
            Err(Refusal::Token(error)) => {
                let message = ServerMessage::AuthError {
                    error: &error,
                    base: self.sent.identity,
                    update_attempted: true,
                };
                effects.push(Effect::Send(message.to_text()));
                self.close(Close::bare(), effects);
            }
        }
    }

    fn enqueue_mutation(&mut self, request: FunctionRequest, effects: &mut Vec<Effect>) {
        if self.queue.len() + usize::from(self.running.is_some()) >= MUTATIONS_QUEUED_MAX {
            return self.close(
                Close::new(CloseCode::Again, "TooManyConcurrentMutations"),
                effects,
            );
        }
        let number = request.request;
        let call = self.call(request);
        self.queue.push_back(QueuedMutation {
            request: number,
            call,
        });
    }

    fn start_action(&mut self, request: FunctionRequest, effects: &mut Vec<Effect>) {
        if self.actions >= ACTIONS_IN_FLIGHT_MAX {
            let close = Close::new(CloseCode::Again, "TooManyInflightActionsForSingleClient");
            return self.close(close, effects);
        }
        self.actions += 1;
        let number = request.request;
        let call = self.call(request);
        effects.push(Effect::RunAction(number, call));
    }

    /// The call of a request, in the name of who is asking now.
    fn call(&mut self, request: FunctionRequest) -> Call {
        self.requests += 1;
        let request_id = match self.session {
            Some(session) => request_id::of_request(session, request.request),
            None => request_id::of_counter(!self.seed, self.requests),
        };
        Call {
            path: request.path,
            component: ComponentPath(request.component),
            args: request.args,
            identity: self.identity.clone(),
            request_id,
            caller: "SyncWorker",
            origin: Default::default(),
            question: Default::default(),
        }
    }

    // --- mutations and actions ---------------------------------------------------------------

    fn start_mutation(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        if self.running.is_some() {
            return;
        }
        let Some(QueuedMutation { request, call }) = self.queue.pop_front() else {
            return;
        };
        self.running = Some(RunningMutation {
            request,
            began_at: moment.latest,
            holds: true,
        });
        let session = self.session.map(|session_id| SessionRequest {
            session_id,
            request_id: request,
        });
        effects.push(Effect::RunMutation(request, call, session));
    }

    fn mutation_finished(
        &mut self,
        request: RequestId,
        done: MutationDone,
        effects: &mut Vec<Effect>,
    ) {
        let running = self
            .running
            .take()
            .expect("only a mutation that runs can finish");
        assert!(
            running.request == request,
            "mutations finish in the order they began"
        );
        let Some((error_text, data)) = self.failure_text(&done.outcome, request, effects) else {
            return;
        };
        let log_lines: &[String] = if self.redact {
            &[]
        } else {
            &done.outcome.log_lines
        };
        let result = match &done.outcome.result {
            Ok(value) => Ok((
                &**value,
                done.ts.expect("a mutation that returned has committed"),
            )),
            Err(_) => Err(Failure {
                message: &error_text,
                data: data.as_deref(),
            }),
        };
        let message = ServerMessage::MutationResponse {
            request,
            result,
            log_lines,
        };
        effects.push(Effect::Send(message.to_text()));
        self.must_transition();
    }

    fn action_finished(&mut self, request: RequestId, outcome: Outcome, effects: &mut Vec<Effect>) {
        assert!(self.actions > 0, "only an action that runs can finish");
        self.actions -= 1;
        let Some((error_text, data)) = self.failure_text(&outcome, request, effects) else {
            return;
        };
        let log_lines: &[String] = if self.redact { &[] } else { &outcome.log_lines };
        let result = match &outcome.result {
            Ok(value) => Ok(&**value),
            Err(_) => Err(Failure {
                message: &error_text,
                data: data.as_deref(),
            }),
        };
        let message = ServerMessage::ActionResponse {
            request,
            result,
            log_lines,
        };
        effects.push(Effect::Send(message.to_text()));
        self.must_transition();
    }

    /// Text and data of a developer's failure (empty for a value); closes and gives `None` for
    /// failures that are not the developer's, so that the client comes back and asks again.
    fn failure_text(
        &mut self,
        outcome: &Outcome,
        request: RequestId,
        effects: &mut Vec<Effect>,
    ) -> Option<(String, Option<Arc<str>>)> {
        let Err(failure) = &outcome.result else {
            return Some((String::new(), None));
        };
        if let Some(close) = close_for(failure.class) {
            self.close(close, effects);
            return None;
        }
        let id = match self.session {
            Some(session) => request_id::of_request(session, request),
            None => request_id::of_counter(!self.seed, self.requests),
        };
        let rendered = (!self.redact).then_some(failure.message.as_str());
        Some((request_error_text(&id, rendered), failure.data.clone()))
    }

    // --- rounds and transitions --------------------------------------------------------------

    /// The next transition must be sent, whatever it says.
    fn must_transition(&mut self) {
        self.dirty = true;
        self.required = true;
    }

    fn start_round(&mut self, newest: Timestamp, effects: &mut Vec<Effect>) {
        let blocked = self.round.is_some()
            || self.retry_pending
            || self.transitions_waiting >= TRANSITIONS_WAITING_MAX
            || self.inline == Inline::Advance;
        if !self.dirty || blocked {
            return;
        }
        let held_at = self
            .running
            .as_ref()
            .filter(|it| it.holds)
            .map(|it| it.began_at);
        let ts = held_at.unwrap_or(newest);
        assert!(
            ts >= self.sent.ts,
            "a mutation begins no earlier than what the client was shown"
        );
        if !self.required && ts <= self.computed_ts && held_at.is_some() {
            // Nothing new may be shown before the mutation's response.
            return;
        }
        // While held back, later commits are still owed.
        self.dirty = held_at.is_some();
        let required = std::mem::take(&mut self.required);
        let end = StateVersion {
            query_set: self.received_query_set,
            identity: self.received_identity,
            ts,
        };
        self.round = Some(Round { end, required });
        effects.push(Effect::Compute(ts));
    }

    fn computed(&mut self, answers: Vec<Answer>, moment: Moment, effects: &mut Vec<Effect>) {
        let round = self.round.take().expect("only a round that runs can end");
        self.failed_rounds = 0;
        self.computed_ts = round.end.ts;
        let clock = self.client_skew_ms.map(|client_skew_ms| Clock {
            client_skew_ms,
            server_ns: moment.server_ns,
        });
        let versions = (self.sent, round.end);
        let text = transition::build(
            &mut self.queries,
            answers,
            versions,
            round.required,
            self.redact,
            clock,
        );
        if let Some(text) = text {
            self.sent = round.end;
            self.transitions_waiting += 1;
            effects.push(Effect::SendTransition(text));
        }
    }

    fn compute_failed(&mut self, failure: &FunctionFailure, effects: &mut Vec<Effect>) {
        let round = self.round.take().expect("only a round that runs can fail");
        self.dirty = true;
        self.required |= round.required;
        self.failed_rounds += 1;
        if self.failed_rounds > RETRIES_MAX {
            let close = close_for(failure.class).unwrap_or_else(Close::internal);
            return self.close(close, effects);
        }
        let delay_ms = (RETRY_DELAY_MS_MIN << (self.failed_rounds - 1)).min(RETRY_DELAY_MS_MAX);
        // Half to all of it, so that clients that failed together do not return together.
        let jitter =
            request_id::scramble(self.seed, u64::from(self.failed_rounds)) % (delay_ms / 2 + 1);
        self.retry_pending = true;
        effects.push(Effect::RetryAfter(delay_ms - jitter));
    }

    // --- the end -----------------------------------------------------------------------------

    fn fatal(&mut self, error: &str, effects: &mut Vec<Effect>) {
        effects.push(Effect::Send(ServerMessage::FatalError { error }.to_text()));
        self.close(Close::bare(), effects);
    }

    fn close(&mut self, close: Close, effects: &mut Vec<Effect>) {
        assert!(!self.closed, "a conversation ends once");
        self.closed = true;
        effects.push(Effect::Close(close));
    }
}

/// How the socket ends for a failure of this class; `None` for the developer's own.
fn close_for(class: FailureClass) -> Option<Close> {
    match class {
        FailureClass::Developer => None,
        FailureClass::Overloaded(code) => Some(Close::new(CloseCode::Again, code)),
        FailureClass::Conflict => Some(Close::new(
            CloseCode::Again,
            "OptimisticConcurrencyControlFailure",
        )),
        FailureClass::Internal => Some(Close::internal()),
    }
}

/// Client clock minus ours; `None` if the client has no clock (it sends 0, or nothing).
fn clock_skew_ms(client_ms: Option<f64>, server_ns: u64) -> Option<i64> {
    /// 2^53: clients compute with doubles.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let client_ms = client_ms.filter(|ms| *ms != 0.0 && ms.abs() < EXACT)?;
    let server_ms = i64::try_from(server_ns / 1_000_000).ok()?;
    Some(client_ms.round() as i64 - server_ms)
}

#[cfg(test)]
mod tests;
