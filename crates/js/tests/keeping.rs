//! Realms that are watched cannot be told from fresh ones: each case of `keeping/carry.js` tries
//! to carry something from one call to the next. And they are kept where nothing is carried: each
//! case of `keeping/everyday.js` runs in a realm that earlier calls have used. Those of
//! `keeping/undone.js` do both: what they change is put back.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

mod support;

use std::sync::OnceLock;

use lentil_js::{CallOutcome, FunctionKind, Host, HostOptions, Realms};
use support::*;

/// Calls of each case: enough for a realm to be watched and kept.
const CALLS: u64 = 7;

fn watching() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Host::start(HostOptions {
            realms: Realms::Watched,
            shadow_every: 1,
            ..options()
        })
        .unwrap()
    })
}

/// Name and source of each case.
fn cases(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let each = text.split("//# ").skip(1);
    each.map(|case| case.split_once('\n').unwrap()).collect()
}

/// What a caller can see of a call: times of log lines differ in any two.
fn seen(outcome: &CallOutcome) -> String {
    let logs: Vec<_> = outcome
        .logs
        .iter()
        .map(|line| (line.level, &line.messages))
        .collect();
    format!("{:?} {logs:?}", outcome.result)
}

/// Runs a case again and again; says how often a realm was used again, and what differed.
fn run(source: &str) -> (usize, Vec<String>) {
    let bundle = app(source);
    let (mut reused, mut wrong) = (0, Vec::new());
    for turn in 0..CALLS {
        let mut call = invocation(&bundle, "f", FunctionKind::Query);
        call.args = format!("[{{\"n\":{turn}}}]");
        call.seed = [u8::try_from(turn).unwrap(); 32];
        let (fresh, _) = run_on(host(), call.clone(), World::echo());
        let (kept, _) = run_on(watching(), call, World::echo());
        reused += usize::from(kept.usage.realm_reused);
        assert!(!fresh.usage.realm_reused);
        if seen(&fresh) != seen(&kept) {
            wrong.push(format!(
                "call {turn}: {} instead of {}",
                seen(&kept),
                seen(&fresh)
            ));
        }
    }
    (reused, wrong)
}

#[test]
fn nothing_is_carried_from_call_to_call() {
    let all = cases(include_str!("keeping/carry.js"));
    assert!(all.len() >= 80, "only {} cases", all.len());
    let mut wrong = Vec::new();
    for (name, source) in all {
        let (_, differences) = run(source);
        wrong.extend(differences.first().map(|first| format!("{name}: {first}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everyday_modules_are_kept() {
    are_kept("", include_str!("keeping/everyday.js"));
}

/// What a case shows of an object: its keys in their order, and what is known of each.
const SEE: &str = "const see = (o) => Reflect.ownKeys(o).map((key) => { \
    const { get, set, value, ...flags } = Object.getOwnPropertyDescriptor(o, key); \
    const shown = typeof value === 'object' || typeof value === 'function' ? typeof value : String(value); \
    return [String(key), typeof get, typeof set, shown, flags]; });";

#[test]
fn what_a_call_changes_is_put_back() {
    are_kept(SEE, include_str!("keeping/undone.js"));
}

fn are_kept(prelude: &str, text: &'static str) {
    let mut wrong = Vec::new();
    for (name, source) in cases(text) {
        let (reused, differences) = run(&format!("{prelude}{source}"));
        wrong.extend(differences.first().map(|first| format!("{name}: {first}")));
        // Two calls before it is worth it, and one that makes the realm.
        if reused < usize::try_from(CALLS).unwrap() - 3 {
            let report = watching().realms();
            let why = report.findings.last().map(|finding| finding.what.clone());
            wrong.push(format!(
                "{name}: {reused} calls had a realm that was kept ({why:?})"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With realms that are kept whatever happens the corpus finds a good part of what it plants.
#[test]
fn the_corpus_can_fail() {
    let careless = Host::start(HostOptions {
        realms: Realms::Kept,
        ..options()
    })
    .unwrap();
    let mut noticed = 0;
    for (_, source) in cases(include_str!("keeping/carry.js")) {
        let bundle = app(source);
        let outcomes = (0..3).map(|turn| {
            let mut call = invocation(&bundle, "f", FunctionKind::Query);
            call.args = format!("[{{\"n\":{turn}}}]");
            let fresh = run_on(host(), call.clone(), World::echo()).0;
            seen(&fresh) != seen(&run_on(&careless, call, World::echo()).0)
        });
        noticed += usize::from(outcomes.filter(|differs| *differs).count() > 0);
    }
    assert!(noticed >= 80, "only {noticed} cases are noticed");
}

/// Shadow checks run in fresh realms: with realms that are kept whatever happens they would find
/// what the corpus plants, and with watched ones they find nothing and demote nobody.
#[test]
fn a_shadow_check_leaves_the_kept_realm_alone() {
    let host = Host::start(HostOptions {
        realms: Realms::Watched,
        shadow_every: 1,
        ..options()
    })
    .unwrap();
    let bundle = app("export const f = query(({ n }) => n);");
    let reused = (0..10).filter(|turn| {
        let mut call = invocation(&bundle, "f", FunctionKind::Query);
        call.args = format!("[{{\"n\":{turn}}}]");
        run_on(&host, call, World::echo()).0.usage.realm_reused
    });
    // Two calls before it is worth it, and one that makes the realm.
    assert_eq!(reused.count(), 7);
    let report = host.realms();
    assert_eq!((report.reused, report.differences), (7, 0));
}

/// What the barrier knowingly does not see (ADR 0010) is what shadow checks are for.
#[test]
fn a_shadow_check_that_finds_a_difference_ends_the_keeping() {
    let host = Host::start(HostOptions {
        realms: Realms::Watched,
        shadow_every: 1,
        ..options()
    })
    .unwrap();
    // Whether a global was asked for before: the runtime builds it then.
    let bundle = app(
        "export const f = query(() => { const { get } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); \
         URL; return typeof get; });",
    );
    let mut said = Vec::new();
    for _ in 0..8 {
        let call = invocation(&bundle, "f", FunctionKind::Query);
        let (outcome, _) = run_on(&host, call, World::echo());
        said.push((outcome.usage.realm_reused, value(&outcome)));
    }
    let noticed: Vec<_> = said.iter().filter(|(reused, _)| *reused).collect();
    assert_eq!(noticed.len(), 1, "{said:?}");
    assert_eq!(noticed[0].1, "undefined");
    let report = host.realms();
    assert_eq!(report.differences, 1);
    let finding = report
        .findings
        .iter()
        .find(|one| one.is_difference)
        .unwrap();
    assert_eq!(
        (finding.module.as_str(), finding.function.as_str()),
        ("a.js", "f")
    );
    assert!(finding.what.contains("the result was"), "{}", finding.what);
}
