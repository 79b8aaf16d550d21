//! Station 2 · the driver of one conversation.
//!
//! Arrives: decoded messages from the socket (`server/src/ws.rs`, station 1), ends of mutations
//! and rounds, invalidations. Leaves: the same as one ordered stream of events to `state.rs`
//! (station 3), whose effects are performed here; and what the socket is to send.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lentil_functions::{
    Call, FailureClass, FunctionFailure, Functions, Presence, QueryResult, SessionRequest, Signal,
    Watch,
};
use lentil_identity::AdminKeys;
use lentil_protocol::{
    ClientMessage, Close, IdentityVersion, MalformedMessage, QueryId, RequestId,
};
use lentil_values::Timestamp;
use tokio::time::{Sleep, sleep};

use crate::auth;
use crate::limits::{MUTATION_HOLD, MUTATION_TIME};
use crate::query_set::LiveQuery;
use crate::round::{self, Answered, Question};
use crate::state::{Effect, Event, Moment, State};
use crate::transition::Answer;

/// Settings of all conversations.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionOptions {
    /// Hide error texts and log lines from clients, as a production deployment does.
    pub redact: bool,
}

/// Opens conversations; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

struct Shared {
    functions: Functions,
    keys: AdminKeys,
    options: SessionOptions,
}

/// Something for the socket to send.
#[derive(Debug)]
pub enum Outgoing {
    /// A message.
    Message(String),
    /// A transition; [`Session::transition_left`] is to be called when it is gone.
    Transition(String),
    /// The end.
    Close(Close),
}

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// In whose name a round was asked, and what came of it.
type RoundEnd = (IdentityVersion, Result<Vec<Answered>, FunctionFailure>);

/// A result the client may have been shown, kept until it no longer holds.
struct Held {
    addition: u64,
    identity: IdentityVersion,
    result: Arc<QueryResult>,
    /// Keeps the result's read set subscribed; wakes this session.
    _watch: Watch,
}

/// One conversation.
pub struct Session {
    shared: Arc<Shared>,
    state: State,
    held: BTreeMap<QueryId, Held>,
    outbox: VecDeque<Outgoing>,
    invalidated: Arc<Signal>,
    /// How dashboards see it.
    presence: Presence,
    /// In whose name it was seen to ask last, and whether it asked the server itself.
    known_as: Option<(IdentityVersion, bool)>,
    mutation: Option<Pending<Event>>,
    actions: FuturesUnordered<Pending<Event>>,
    round: Option<Pending<RoundEnd>>,
    advance: Option<Pending<Event>>,
    retry: Option<Pin<Box<Sleep>>>,
    hold: Option<Pin<Box<Sleep>>>,
}

impl Held {
    /// The answer that took this one's place, if it holds at `ts`.
    fn renewed_at(&self, ts: Timestamp, query: &LiveQuery) -> Option<Arc<QueryResult>> {
        self.result
            .renewed(query.journal.as_ref())
            .filter(|next| next.is_valid_at(ts))
    }
}

impl Sessions {
    /// Conversations over these functions, for whoever these keys let in.
    pub fn new(functions: Functions, keys: AdminKeys, options: SessionOptions) -> Sessions {
        Sessions {
            shared: Arc::new(Shared {
                functions,
                keys,
                options,
            }),
        }
    }

    /// A conversation that has not begun, with a client that says what it is.
    #[expect(
        clippy::disallowed_methods,
        reason = "the driver seeds the state machine"
    )]
    pub fn open(&self, client: String) -> Session {
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let presence = self.shared.functions.enter_session(client);
        Session {
            shared: self.shared.clone(),
            state: State::new(seed, self.shared.options.redact),
            held: BTreeMap::new(),
            outbox: VecDeque::new(),
            invalidated: Arc::new(Signal::of_session(presence.number())),
            presence,
            known_as: None,
            mutation: None,
            actions: FuturesUnordered::new(),
            round: None,
            advance: None,
            retry: None,
            hold: None,
        }
    }
}

impl Session {
    /// Whether the next message may be handed in. While an `Authenticate` is being checked, later
    /// messages wait in the socket.
    pub fn accepts_messages(&self) -> bool {
        self.state.accepts_messages()
    }

    /// Whether the conversation is over; a close is, or was, among what [`Session::try_next`] gives.
    pub fn is_closed(&self) -> bool {
        self.state.is_closed()
    }

    /// Takes what the client said.
    pub fn receive(&mut self, message: Result<ClientMessage, MalformedMessage>) {
        tracing::trace!(target: "lentil::station", number = 2);
        match message {
            Ok(message) => self.apply(Event::Message(message)),
            Err(error) => self.apply(Event::Malformed(error.0)),
        }
    }

    /// Says that a transition left the send buffer.
    pub fn transition_left(&mut self) {
        self.apply(Event::TransitionLeft);
    }

    /// What is ready to be sent.
    pub fn try_next(&mut self) -> Option<Outgoing> {
        self.outbox.pop_front()
    }

    /// Lets what has begun run to its end although the socket is gone: a mutation the client sent
    /// is not undone by its leaving, and actions keep running.
    #[expect(clippy::disallowed_methods, reason = "the driver performs effects")]
    pub fn detach(mut self) {
        let actions = std::mem::take(&mut self.actions);
        for running in self.mutation.take().into_iter().chain(actions) {
            tokio::spawn(running);
        }
    }

    /// Works until something has happened; then [`Session::try_next`] may have something to send,
    /// and [`Session::accepts_messages`] may have changed. Must be polled for anything to happen;
    /// may be dropped and called again at any time.
    pub async fn step(&mut self) {
        tokio::select! {
            biased;
            event = finished(&mut self.mutation) => self.apply(event),
            (identity, result) = finished(&mut self.round) => self.round_ended(identity, result),
            Some(event) = self.actions.next(), if !self.actions.is_empty() => self.apply(event),
            event = finished(&mut self.advance) => self.apply(event),
            () = elapsed(&mut self.retry) => self.apply(Event::RetryDue),
            () = elapsed(&mut self.hold) => self.apply(Event::HoldExpired),
            () = self.invalidated.taken() => {
                let ready = self.ready();
                self.apply(Event::Invalidated { ready });
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the driver reads the clock for the state machine"
    )]
    fn moment(&self) -> Moment {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let server_ns = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        Moment {
            latest: self.shared.functions.latest(),
            server_ns,
        }
    }

    /// Feeds an event, and what its effects cause at once, to the state machine.
    fn apply(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut effects = Vec::new();
        // Bounded: an effect causes at most one event, and the end of a round starts no other.
        while let Some(event) = events.pop_front() {
            let moment = self.moment();
            self.state.apply(event, moment, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect, &mut events);
            }
        }
        match (self.state.is_held(), &self.hold) {
            (true, None) => self.hold = Some(Box::pin(sleep(MUTATION_HOLD))),
            (false, Some(_)) => self.hold = None,
            _ => {}
        }
    }

    fn perform(&mut self, effect: Effect, events: &mut VecDeque<Event>) {
        match effect {
            Effect::Authenticate(token) => {
                events.push_back(Event::Authenticated(auth::check(&self.shared.keys, token)));
            }
            Effect::Advance(ts) => {
                self.advance = Some(Box::pin(advance(self.shared.functions.clone(), ts)))
            }
            Effect::RunMutation(request, call, session) => {
                let functions = self.shared.functions.clone();
                self.mutation = Some(Box::pin(run_mutation(functions, request, call, session)));
            }
            Effect::RunAction(request, call) => {
                let functions = self.shared.functions.clone();
                self.actions
                    .push(Box::pin(run_action(functions, request, call)));
            }
            Effect::Compute(ts) => self.start_round(ts, events),
            Effect::RetryAfter(delay_ms) => {
                self.retry = Some(Box::pin(sleep(Duration::from_millis(delay_ms))));
            }
            Effect::Send(text) => self.outbox.push_back(Outgoing::Message(text)),
            Effect::SendTransition(text) => self.outbox.push_back(Outgoing::Transition(text)),
            Effect::Close(close) => self.outbox.push_back(Outgoing::Close(close)),
        }
    }

    /// Asks what does not hold at `ts`; if nothing is left to ask the round ends at once.
    fn start_round(&mut self, ts: Timestamp, events: &mut VecDeque<Event>) {
        let identity = self.state.identity_version();
        let mut questions = Vec::new();
        let mut renewed = Vec::new();
        if self.held.len() > self.state.queries().len() {
            self.forget_removed();
        }
        for (id, query) in self.state.queries().iter() {
            let held = self.held(id, query, identity);
            if held.is_some_and(|held| held.result.is_valid_at(ts)) {
                continue;
            }
            let question = Question {
                query: id,
                addition: query.addition,
                call: query.call.clone(),
                journal: query.journal.clone(),
            };
            match held.and_then(|held| held.renewed_at(ts, query)) {
                Some(result) => renewed.push((question, result)),
                None => questions.push(question),
            }
        }
        if questions.is_empty() {
            let answers = self.hold(identity, renewed);
            events.push_back(Event::Computed(answers));
            return;
        }
        self.make_known(identity, &questions);
        let asked = round::ask(self.shared.functions.clone(), ts, questions);
        self.round = Some(Box::pin(async move {
            let answered = asked.await.map(|mut answered| {
                answered.extend(renewed);
                answered
            });
            (identity, answered)
        }));
    }

    /// Lets dashboards know in whose name it asks; not again before that changes.
    fn make_known(&mut self, identity: IdentityVersion, questions: &[Question]) {
        let system = questions
            .iter()
            .any(|question| question.call.path.starts_with("_system/"));
        if self
            .known_as
            .is_some_and(|(of, known)| of == identity && (known || !system))
        {
            return;
        }
        if let Some(question) = questions.first() {
            self.presence.asks(&question.call.identity, system);
            self.known_as = Some((identity, system));
        }
    }

    /// The newest timestamp at which every live query has an answer without being asked, if there
    /// is one. While somebody writes without pause that is a little before the newest commit, and
    /// what is ready is better shown than kept until the next answer is.
    fn ready(&self) -> Option<Timestamp> {
        let identity = self.state.identity_version();
        let latest = self.shared.functions.latest();
        let mut ready = latest;
        for (id, query) in self.state.queries().iter() {
            let held = self.held(id, query, identity)?;
            if !held.result.is_valid_at(latest) {
                let next = held.result.renewed(query.journal.as_ref())?;
                ready = next.holds_until(ready);
            }
        }
        let mut queries = self.state.queries().iter();
        let all = queries.all(|(id, query)| {
            self.held(id, query, identity).is_some_and(|held| {
                held.result.is_valid_at(ready) || held.renewed_at(ready, query).is_some()
            })
        });
        all.then_some(ready)
    }

    /// What is held of a live query, if it was asked in the same name.
    fn held(&self, id: QueryId, query: &LiveQuery, identity: IdentityVersion) -> Option<&Held> {
        self.held
            .get(&id)
            .filter(|held| held.addition == query.addition && held.identity == identity)
    }

    /// Lets go of results whose queries are no longer live.
    fn forget_removed(&mut self) {
        let mut live = self.state.queries().iter().peekable();
        // Both are ascending by number.
        self.held.retain(|id, held| {
            while live.next_if(|(live_id, _)| live_id < id).is_some() {}
            live.peek()
                .is_some_and(|(live_id, query)| live_id == id && query.addition == held.addition)
        });
    }

    fn round_ended(
        &mut self,
        identity: IdentityVersion,
        result: Result<Vec<Answered>, FunctionFailure>,
    ) {
        let answered = match result {
            Ok(answered) => answered,
            Err(failure) => {
                // Overload is everybody's at once and shows elsewhere; the rest should not happen.
                if !matches!(failure.class, FailureClass::Overloaded(_)) {
                    tracing::warn!(error = %failure.message, "a client's queries are not answered, asking again");
                }
                return self.apply(Event::ComputeFailed(failure));
            }
        };
        let answers = self.hold(identity, answered);
        self.apply(Event::Computed(answers));
    }

    /// Keeps results that the client is going to be shown, and watches them.
    fn hold(&mut self, identity: IdentityVersion, answered: Vec<Answered>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(answered.len());
        for (question, result) in answered {
            answers.push(Answer {
                query: question.query,
                addition: question.addition,
                outcome: result.outcome.clone(),
                journal: result.journal.clone(),
            });
            // Watched before the old watch is dropped, so that a shared read set stays subscribed.
            let watch = result.watch(&self.invalidated);
            let held = Held {
                addition: question.addition,
                identity,
                result,
                _watch: watch,
            };
            self.held.insert(question.query, held);
        }
        answers
    }
}

/// Waits for what is in the slot, if anything, and empties it.
async fn finished<T>(slot: &mut Option<Pending<T>>) -> T {
    match slot {
        Some(pending) => {
            let output = pending.await;
            *slot = None;
            output
        }
        None => std::future::pending().await,
    }
}

async fn elapsed(slot: &mut Option<Pin<Box<Sleep>>>) {
    match slot {
        Some(sleep) => {
            sleep.await;
            *slot = None;
        }
        None => std::future::pending().await,
    }
}

async fn run_mutation(
    functions: Functions,
    request: RequestId,
    call: Call,
    session: Option<SessionRequest>,
) -> Event {
    match tokio::time::timeout(MUTATION_TIME, functions.mutation(call, session)).await {
        Ok(done) => Event::MutationFinished(request, done),
        Err(_) => Event::MutationOverdue,
    }
}

async fn run_action(functions: Functions, request: RequestId, call: Call) -> Event {
    Event::ActionFinished(request, functions.action(call).await)
}

async fn advance(functions: Functions, ts: Timestamp) -> Event {
    tracing::warn!(
        observed = ts.0,
        "a client has seen a newer timestamp than this data folder knows (was it wiped or restored?), moving the clock forward"
    );
    let result = functions.database().advance_to(ts).await;
    Event::Advanced(result.map_err(|error| error.to_string()))
}
