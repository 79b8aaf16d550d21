//! Clients that follow no rule: whatever they send, the state machine answers, refuses or closes,
//! breaks no invariant of its own, and the chain of what it has sent holds to the end.

use proptest::prelude::*;

use super::*;

fn message() -> impl Strategy<Value = ClientMessage> {
    let number = 0u32..4;
    prop_oneof![
        prop::option::of(0u64..40).prop_map(connect),
        (
            number.clone(),
            number.clone(),
            prop::collection::vec((any::<bool>(), 0u32..4), 0..4)
        )
            .prop_map(|(base, new, changes)| {
                let modifications = changes
                    .into_iter()
                    .map(|(adds, query)| {
                        if adds {
                            add(query)
                        } else {
                            QuerySetModification::Remove(query)
                        }
                    })
                    .collect();
                ClientMessage::ModifyQuerySet(QuerySetChange {
                    base,
                    new,
                    modifications,
                })
            }),
        number.clone().prop_map(|base| ClientMessage::Authenticate {
            base,
            token: AuthToken::None
        }),
        number
            .clone()
            .prop_map(|number| ClientMessage::Mutation(request(number))),
        number.prop_map(|number| ClientMessage::Action(request(number))),
        Just(ClientMessage::Event),
    ]
}

/// Performs effects at once, with outcomes drawn beforehand.
struct Server {
    state: State,
    latest: u64,
    luck: Vec<bool>,
    sent: Json,
    closed: bool,
}

impl Server {
    fn is_lucky(&mut self) -> bool {
        self.luck.pop().unwrap_or(true)
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        let moment = Moment {
            latest: Timestamp(self.latest),
            server_ns: 1,
        };
        self.state.apply(event, moment, &mut effects);
        for effect in effects {
            assert!(!self.closed, "nothing follows a close: {effect:?}");
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let event = match effect {
            Effect::Advance(ts) => {
                self.latest = self.latest.max(ts.0);
                Event::Advanced(Ok(()))
            }
            Effect::Authenticate(_) if self.is_lucky() => {
                Event::Authenticated(Ok(Identity::Anonymous))
            }
            Effect::Authenticate(_) => Event::Authenticated(Err(Refusal::Token("no".to_owned()))),
            Effect::RunMutation(number, ..) => {
                self.latest += 1;
                let ts = self.is_lucky().then_some(Timestamp(self.latest));
                let outcome = outcome(if ts.is_some() { "1" } else { "!no" });
                Event::MutationFinished(number, MutationDone { outcome, ts })
            }
            Effect::RunAction(number, _) => Event::ActionFinished(number, outcome("1")),
            Effect::Compute(_) if self.is_lucky() => {
                let answer = |(query, live): (u32, &crate::query_set::LiveQuery)| Answer {
                    query,
                    addition: live.addition,
                    outcome: outcome("1"),
                    journal: None,
                };
                Event::Computed(self.state.queries().iter().map(answer).collect())
            }
            Effect::Compute(_) => Event::ComputeFailed(failure(FailureClass::Internal, "no")),
            Effect::RetryAfter(_) => Event::RetryDue,
            Effect::Send(text) => {
                let _: Json = serde_json::from_str(&text).expect("every message is JSON");
                return;
            }
            Effect::SendTransition(text) => {
                let json: Json = serde_json::from_str(&text).expect("every message is JSON");
                assert_eq!(json["startVersion"], self.sent);
                self.sent = json["endVersion"].clone();
                Event::TransitionLeft
            }
            Effect::Close(_) => {
                self.closed = true;
                return;
            }
        };
        self.step(event);
    }
}

proptest! {
    #[test]
    fn hostile_clients_break_nothing(
        messages in prop::collection::vec(message(), 0..40),
        luck in prop::collection::vec(any::<bool>(), 0..40),
    ) {
        let sent = serde_json::json!({"querySet": 0, "identity": 0, "ts": Timestamp::ZERO.to_base64()});
        let mut server = Server { state: State::new(1, false), latest: 10, luck, sent, closed: false };
        for message in messages {
            if !server.closed {
                server.step(Event::Message(message));
            }
        }
        prop_assert_eq!(server.closed, server.state.is_closed());
    }
}
