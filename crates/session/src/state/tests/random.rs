//! Random conversations against a model of the client and of the database: whatever the order of
//! things, the version chain holds, time does not go back, responses come before their effects,
//! and in the end the client has what a fresh query would give.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Add,
    Remove(usize),
    Mutation {
        touches: u32,
    },
    Authenticate,
    /// Somebody else's commit.
    Commit {
        touches: u32,
        /// How many commits behind the newest the answers are that are ready.
        lag: usize,
    },
    FinishMutation {
        fails: bool,
    },
    /// The mutation commits, but the news of it has not come yet.
    CommitMutation,
    FinishRound {
        fails: bool,
    },
    Left,
    Hold,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Add),
        1 => any::<usize>().prop_map(Act::Remove),
        2 => (0u32..4).prop_map(|touches| Act::Mutation { touches }),
        1 => Just(Act::Authenticate),
        3 => (0u32..4, 0usize..4).prop_map(|(touches, lag)| Act::Commit { touches, lag }),
        3 => any::<bool>().prop_map(|fails| Act::FinishMutation { fails }),
        2 => Just(Act::CommitMutation),
        6 => prop::bool::weighted(0.1).prop_map(|fails| Act::FinishRound { fails }),
        4 => Just(Act::Left),
        1 => Just(Act::Hold),
    ]
}

/// Commits as (timestamp, group of queries touched); query `q` is in group `q % 4`.
#[derive(Default)]
struct Model {
    commits: Vec<(u64, u32)>,
    // the client
    next_query: u32,
    live: Vec<u32>,
    query_set: u32,
    identity: u32,
    next_request: u32,
    touches: BTreeMap<u32, u32>,
    version: (u64, u64, u64),
    view: BTreeMap<u32, String>,
    awaited_ts: Option<u64>,
    // the server around the state machine
    running: Option<(u32, Option<u64>)>,
    round: Option<(u64, u32)>,
    reported: BTreeMap<u32, (u64, u32)>,
    retry: bool,
    waiting: usize,
    held: bool,
}

impl Model {
    fn latest(&self) -> u64 {
        self.commits.last().map_or(10, |(ts, _)| *ts)
    }

    fn commit(&mut self, touches: u32) -> u64 {
        let ts = self.latest() + 10;
        self.commits.push((ts, touches));
        ts
    }

    fn value(&self, query: u32, ts: u64) -> String {
        let count = self
            .commits
            .iter()
            .filter(|(at, group)| *at <= ts && *group == query % 4)
            .count();
        count.to_string()
    }
}

struct World {
    state: State,
    model: Model,
}

impl World {
    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        let moment = Moment {
            latest: Timestamp(self.model.latest()),
            server_ns: 0,
        };
        self.state.apply(event, moment, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Authenticate(_) => self.step(Event::Authenticated(Ok(Identity::Anonymous))),
            Effect::RunMutation(request, ..) => {
                assert!(self.model.running.is_none(), "one mutation at a time");
                self.model.running = Some((request, None));
                self.model.held = true;
            }
            Effect::Compute(ts) => {
                assert!(self.model.round.is_none(), "one round at a time");
                assert!(self.model.waiting < TRANSITIONS_WAITING_MAX);
                self.model.round = Some((ts.0, self.model.identity));
            }
            Effect::RetryAfter(_) => self.model.retry = true,
            Effect::Send(text) => self.response(&serde_json::from_str(&text).unwrap()),
            Effect::SendTransition(text) => {
                self.model.waiting += 1;
                self.transition(&serde_json::from_str(&text).unwrap());
            }
            Effect::Advance(_) | Effect::RunAction(..) | Effect::Close(_) => {
                panic!("unexpected {effect:?}")
            }
        }
    }

    fn response(&mut self, json: &Json) {
        assert_eq!(json["type"], "MutationResponse");
        if let Some(ts) = json["ts"].as_str() {
            let ts = timestamp(ts);
            if self.model.held {
                assert!(
                    self.model.version.2 < ts,
                    "the effect was shown before the response"
                );
            }
            self.model.awaited_ts = Some(ts);
        } else {
            self.model.awaited_ts = Some(0);
        }
    }

    fn transition(&mut self, json: &Json) {
        let numbers = |json: &Json| {
            let number = |name: &str| json[name].as_u64().unwrap();
            (
                number("querySet"),
                number("identity"),
                timestamp(json["ts"].as_str().unwrap()),
            )
        };
        let (start, end) = (numbers(&json["startVersion"]), numbers(&json["endVersion"]));
        assert_eq!(start, self.model.version, "the chain is contiguous");
        assert!(end.2 >= start.2, "time does not go back");
        self.model.version = end;
        if self.model.awaited_ts.is_some_and(|ts| end.2 >= ts) {
            self.model.awaited_ts = None;
        }
        for modification in json["modifications"].as_array().unwrap() {
            let query = u32::try_from(modification["queryId"].as_u64().unwrap()).unwrap();
            if modification["type"] == "QueryRemoved" {
                self.model.view.remove(&query);
            } else {
                let value = modification["value"].to_string();
                let before = self.model.view.insert(query, value.clone());
                assert_ne!(
                    before.as_ref(),
                    Some(&value),
                    "unchanged results are not repeated"
                );
            }
        }
        // Consistency: everything shown is of one timestamp. A query whose removal is on its way
        // is no longer shown by the client and may lag.
        for (query, value) in self
            .model
            .view
            .iter()
            .filter(|it| self.model.live.contains(it.0))
        {
            assert_eq!(
                value,
                &self.model.value(*query, end.2),
                "query {query} at {}",
                end.2
            );
        }
    }

    fn finish_round(&mut self, fails: bool) {
        let Some((ts, identity)) = self.model.round.take() else {
            return;
        };
        if fails {
            self.step(Event::ComputeFailed(failure(FailureClass::Internal, "x")));
            return;
        }
        let mut answers = Vec::new();
        let mut touched_later = false;
        for (query, live) in self.state.queries().iter() {
            // As the driver: keep a result that holds at `ts`.
            let holds = self.model.reported.get(&query).is_some_and(|(at, who)| {
                *who == identity
                    && *at <= ts
                    && self.model.value(query, *at) == self.model.value(query, ts)
            });
            if !holds {
                let value = self.model.value(query, ts);
                answers.push(Answer {
                    query,
                    addition: live.addition,
                    outcome: outcome(&value),
                    journal: None,
                });
                self.model.reported.insert(query, (ts, identity));
            }
            touched_later |=
                self.model.value(query, ts) != self.model.value(query, self.model.latest());
        }
        self.step(Event::Computed(answers));
        if touched_later {
            // The watch of a result that no longer holds fires at once.
            self.step(Event::Invalidated { ready: None });
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Add => {
                let query = self.model.next_query;
                self.model.next_query += 1;
                self.model.live.push(query);
                self.change(vec![add(query)]);
            }
            Act::Remove(at) if !self.model.live.is_empty() => {
                let query = self.model.live.remove(at % self.model.live.len());
                self.change(vec![QuerySetModification::Remove(query)]);
            }
            Act::Mutation { touches } => {
                let number = self.model.next_request;
                self.model.next_request += 1;
                self.model.touches.insert(number, touches);
                self.step(Event::Message(ClientMessage::Mutation(request(number))));
            }
            Act::Authenticate => {
                let base = self.model.identity;
                self.model.identity += 1;
                self.step(Event::Message(ClientMessage::Authenticate {
                    base,
                    token: AuthToken::None,
                }));
            }
            Act::Commit { touches, lag } => {
                self.model.commit(touches);
                let at = self.model.commits.len().checked_sub(lag + 1);
                let ready = at.map(|at| Timestamp(self.model.commits[at].0));
                self.step(Event::Invalidated { ready });
            }
            Act::CommitMutation => {
                if let Some((number, None)) = self.model.running {
                    let ts = self.model.commit(self.model.touches[&number]);
                    self.model.running = Some((number, Some(ts)));
                    self.step(Event::Invalidated { ready: None });
                }
            }
            Act::FinishMutation { fails } => self.finish_mutation(fails),
            Act::FinishRound { fails } => {
                self.finish_round(fails);
                if std::mem::take(&mut self.model.retry) {
                    self.step(Event::RetryDue);
                }
            }
            Act::Left if self.model.waiting > 0 => {
                self.model.waiting -= 1;
                self.step(Event::TransitionLeft);
            }
            Act::Hold if self.state.is_held() => {
                self.model.held = false;
                self.step(Event::HoldExpired);
            }
            Act::Remove(_) | Act::Left | Act::Hold => {}
        }
    }

    fn change(&mut self, modifications: Vec<QuerySetModification>) {
        let base = self.model.query_set;
        self.model.query_set += 1;
        let change = QuerySetChange {
            base,
            new: base + 1,
            modifications,
        };
        self.step(Event::Message(ClientMessage::ModifyQuerySet(change)));
    }

    fn finish_mutation(&mut self, fails: bool) {
        let Some((number, committed)) = self.model.running.take() else {
            return;
        };
        let done = match committed {
            Some(ts) => MutationDone {
                outcome: outcome("null"),
                ts: Some(Timestamp(ts)),
            },
            None if fails => MutationDone {
                outcome: outcome("!boom"),
                ts: None,
            },
            None => {
                let ts = self.model.commit(self.model.touches[&number]);
                self.step(Event::Invalidated { ready: None });
                MutationDone {
                    outcome: outcome("null"),
                    ts: Some(Timestamp(ts)),
                }
            }
        };
        self.step(Event::MutationFinished(number, done));
    }

    /// Lets everything that runs end, and checks what the client is left with.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let is_quiet = self.model.running.is_none()
                && self.model.round.is_none()
                && self.model.waiting == 0;
            if is_quiet {
                break;
            }
            self.act(Act::FinishMutation { fails: false });
            self.act(Act::FinishRound { fails: false });
            self.act(Act::Left);
        }
        let model = &self.model;
        assert!(
            model.round.is_none() && model.running.is_none(),
            "everything ends"
        );
        assert_eq!(
            (model.version.0, model.version.1),
            (u64::from(model.query_set), u64::from(model.identity))
        );
        assert_eq!(
            model.awaited_ts, None,
            "a transition follows every mutation"
        );
        let fresh: BTreeMap<u32, String> = model
            .live
            .iter()
            .map(|query| (*query, model.value(*query, model.latest())))
            .collect();
        assert_eq!(model.view, fresh, "the client has what a fresh query gives");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn random_conversations_hold_the_invariants(acts in prop::collection::vec(act(), 0..120)) {
        let mut world = World { state: State::new(1, false), model: Model::default() };
        world.step(Event::Message(connect(None)));
        for act in acts {
            world.act(act);
        }
        world.settle();
    }
}
