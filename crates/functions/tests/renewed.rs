//! What takes the place of a result that many hold, and for whom it does not.

mod support;

use std::sync::Arc;

use lentil_functions::{QueryResult, Signal};
use serde_json::json;
use support::{App, call, call_as, user};

/// Two who watch a result, a commit that changes it, and the moment when both are woken.
async fn changed(app: &App, result: &Arc<QueryResult>) {
    let signals = [(); 2].map(|()| Arc::new(Signal::default()));
    let watches = signals.each_ref().map(|signal| result.watch(signal));
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    for signal in &signals {
        signal.taken().await;
    }
    drop(watches);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_held_a_result_find_the_next_one_on_it() {
    let app = App::start().await;
    let old = app.result(call("misc:plain", json!({}))).await;
    assert!(old.renewed(None).is_none(), "nothing has changed");
    changed(&app, &old).await;
    let latest = app.latest();
    assert!(!old.is_valid_at(latest) && old.holds_until(latest) < latest);
    let next = old.renewed(None).expect("it was asked again for both");
    assert!(next.is_valid_at(latest));
    assert_eq!(next.holds_until(latest), latest);
    let fresh = app.result(call("misc:plain", json!({}))).await;
    assert_eq!(next.outcome.result, fresh.outcome.result);
    assert_ne!(next.outcome.result, old.outcome.result);
    // Whoever would ask with another journal asks another question.
    assert!(old.renewed(Some(&Arc::from("a page's end"))).is_none());
}

/// A run that looked at who asks is that asker's, although the one before did not look.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_turns_out_to_be_somebodys_is_nobody_elses() {
    let app = App::start().await;
    let ask = |who: &str| call_as(user(who), "misc:lateLook", json!({}));
    let old = app.result(ask("ann")).await;
    changed(&app, &old).await;
    assert!(
        old.renewed(None).is_none(),
        "it names whoever was asked for"
    );
    for who in ["ann", "ben"] {
        let result = app.result(ask(who)).await;
        let value = result.outcome.result.clone().expect("the query works");
        assert!(value.contains(who), "{value}");
    }
}
