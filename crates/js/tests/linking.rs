//! Linked scripts against V8's own modules: random graphs are evaluated by both, and what they
//! export, in which order they run and how they fail must be the same. V8's side is
//! `linking/reference.mjs`.
//!
//! `LENTIL_LONG=1` tries many more; `LENTIL_SEED=n` only that one, and shows it; `LENTIL_SEED=n,m,p-q`
//! only those.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_js::{
    ActionSyscalls, Answer, Bundle, CallResult, FunctionKind, Host, HostOptions, LinkError,
    ModuleSource,
};
use serde::Deserialize;
use serde_json::Value;

#[path = "linking/named.rs"]
mod named;
mod support;
use support::{IMPORT_TIME, SDK, World, invocation, module, node, options, runtime};

/// A line of the reference.
#[derive(Deserialize)]
struct Case {
    seed: u64,
    /// Whether an action imports the modules while it runs.
    dynamic: bool,
    modules: Vec<(String, String)>,
    expected: Expected,
}

/// What V8 makes of it; one of the three.
#[derive(Deserialize)]
struct Expected {
    /// The kind of an error of linking.
    link: Option<String>,
    /// `!`, and the kind of an error of evaluation.
    error: Option<String>,
    value: Option<Value>,
}

/// Actions of these graphs ask for nothing.
struct Nothing;

impl ActionSyscalls for Nothing {
    fn call(self: Arc<Self>, op: String, _: String) -> Answer {
        panic!("nobody asks for {op}")
    }
}

impl Case {
    fn link(&self) -> Result<Arc<Bundle>, LinkError> {
        let entry = if self.dynamic {
            "import { action } from './_deps/sdk.js'; import { run } from './entry.js'; \
             export const f = action(async () => await run());"
        } else {
            "import { query } from './_deps/sdk.js'; import { observe } from './entry.js'; \
             export const f = query(async () => observe());"
        };
        let own = [("a.js", entry), ("_deps/sdk.js", SDK)];
        let sources = self
            .modules
            .iter()
            .map(|(path, source)| (path.as_str(), source.as_str()));
        let modules: Vec<ModuleSource> = sources
            .chain(own)
            .map(|(path, source)| module(path, source))
            .collect();
        Bundle::link(modules, [7; 32], IMPORT_TIME).map(Arc::new)
    }

    fn run(&self, host: &Host, bundle: &Arc<Bundle>) -> CallResult {
        if !self.dynamic {
            let call = host.call(invocation(bundle, "f", FunctionKind::Query), World::echo());
            let (outcome, _) = runtime()
                .block_on(call)
                .unwrap_or_else(|_| panic!("refused"));
            return outcome.result;
        }
        let invocation = invocation(bundle, "f", FunctionKind::Action);
        let outcome = runtime().block_on(host.action(&invocation, Arc::new(Nothing)));
        outcome.unwrap().result
    }

    /// What differs.
    fn objection(&self, host: &Host) -> Option<String> {
        let bundle = match (self.link(), &self.expected.link) {
            (Err(error), Some(kind)) if error.message.contains(kind.as_str()) => return None,
            (Err(error), expected) => {
                return Some(format!("linking says {error}, V8 {expected:?}"));
            }
            (Ok(_), Some(kind)) => return Some(format!("it was linked; V8 says {kind}")),
            (Ok(bundle), None) => bundle,
        };
        match (self.run(host, &bundle), &self.expected) {
            (
                CallResult::Value(text),
                Expected {
                    value: Some(expected),
                    ..
                },
            ) => difference(&serde_json::from_str(&text).unwrap(), expected),
            (
                CallResult::Error(error),
                Expected {
                    error: Some(kind), ..
                },
            ) => {
                let said = kind.trim_start_matches('!').replacen(' ', ": ", 1);
                let same = error.rendered.starts_with(&format!("Uncaught {said}"));
                (!same).then(|| format!("failed with {}\n instead of {said}", error.rendered))
            }
            (result, Expected { value, error, .. }) => {
                let said = format!("ended in {result:?} instead of {error:?} {value:?}");
                Some(said.chars().take(600).collect())
            }
        }
    }
}

/// The first lines that differ.
fn difference(got: &Value, expected: &Value) -> Option<String> {
    let none = Vec::new();
    let (got, expected) = (
        got.as_array().unwrap_or(&none),
        expected.as_array().unwrap_or(&none),
    );
    let at = (0..got.len().max(expected.len())).find(|at| got.get(*at) != expected.get(*at))?;
    Some(format!(
        "line {at} is {:?} instead of {:?}",
        got.get(at),
        expected.get(at)
    ))
}

/// What V8 makes of the graphs that are asked for: those of `count` seeds, or one as JSON.
fn reference(asked: [&str; 2]) -> impl Iterator<Item = Case> + use<> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/linking");
    let mut child = Command::new(node())
        .args([
            "--experimental-vm-modules",
            "--no-warnings",
            "reference.mjs",
        ])
        .args(asked)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ended = std::iter::once_with(move || assert!(child.wait().unwrap().success()));
    lines
        .map(|line| Some(serde_json::from_str(&line.unwrap()).unwrap()))
        .chain(ended.map(|()| None))
        .flatten()
}

/// The seeds that are to be tried (the first, how many), and whether they were asked for by number.
fn seeds() -> (Vec<(u64, u64)>, bool) {
    let Ok(asked) = std::env::var("LENTIL_SEED") else {
        let long = std::env::var_os("LENTIL_LONG").is_some_and(|it| !it.is_empty());
        return (vec![(0, if long { 20_000 } else { 300 })], false);
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
        (first, last + 1 - first)
    };
    (asked.split(',').map(range).collect(), true)
}

#[test]
fn random_graphs_do_what_modules_of_v8_do() {
    let (ranges, asked) = seeds();
    let count: u64 = ranges.iter().map(|(_, count)| count).sum();
    let host = Host::start(options()).unwrap();
    let (mut wrong, mut kinds) = (Vec::new(), BTreeMap::new());
    let cases = ranges
        .iter()
        .flat_map(|(first, count)| reference([&first.to_string(), &count.to_string()]));
    for case in cases {
        let Expected { link, error, .. } = &case.expected;
        let kind = if link.is_some() {
            "link"
        } else if error.is_some() {
            "error"
        } else {
            "value"
        };
        *kinds.entry((kind, case.dynamic)).or_insert(0_u64) += 1;
        let said = case.objection(&host);
        if (said.is_some() && wrong.is_empty()) || (asked && count == 1) {
            for (path, source) in &case.modules {
                println!("===== {path}\n{source}");
            }
        }
        wrong.extend(said.map(|said| format!("seed {}: {said}", case.seed)));
    }
    println!("{kinds:?}");
    let tried: u64 = kinds.values().sum();
    assert_eq!(tried, count, "the reference came to an early end");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ; LENTIL_SEED=n shows one:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        asked || kinds.len() >= 5,
        "all kinds of ends occur: {kinds:?}"
    );
}

/// Modules that import one another, each with so many bytes of functions.
fn large(modules: usize, bytes: usize) -> Vec<ModuleSource> {
    let one = |index: usize| {
        let mut text = String::with_capacity(bytes + 200);
        // A tree of imports, and each looks back at the first.
        text.push_str(&format!("import {{ seen as first }} from './m0.js';\nexport const of = {index};\nexport let seen = 0;\n"));
        for child in [index * 2 + 1, index * 2 + 2] {
            if child < modules {
                text.push_str(&format!(
                    "import {{ total as t{child}, f0 as g{child} }} from './m{child}.js';\n"
                ));
            }
        }
        let children = [index * 2 + 1, index * 2 + 2]
            .into_iter()
            .filter(|child| *child < modules);
        let sum: String = children
            .map(|child| format!(" + t{child}() + g{child}.length"))
            .collect();
        text.push_str(&format!(
            "export const total = () => 1{sum};\nconst table = new Map();\n"
        ));
        let mut at = 0;
        while text.len() < bytes {
            text.push_str(&format!(
                "export function f{at}(o) {{ const x = {{ a: o?.a ?? {at}, b: [1, 2] }}; x.b.push(x.a); seen += 1; o.p = first; \
                 table.set('k', x); for (const y of x.b) {{ if (y > 1) continue; }} return () => table.get('k')?.a; }}\n"
            ));
            at += 1;
        }
        module(&format!("m{index}.js"), &text)
    };
    (0..modules).map(one).collect()
}

/// What this thread has had of the processors; the time on the wall where the system does not tell.
fn cpu_time(since: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = text.split(' ').next().and_then(|ran| ran.parse().ok());
    ran.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// 20 MB in 2,000 modules with `LENTIL_LONG=1`, a twentieth of it without.
#[test]
fn large_bundles_are_linked_in_under_a_minute() {
    let modules = if std::env::var_os("LENTIL_LONG").is_some_and(|it| !it.is_empty()) {
        2_000
    } else {
        100
    };
    let entry = "import { query } from './_deps/sdk.js'; import { total } from './m0.js'; export const f = query(() => total());";
    let mut sources = large(modules, 10_000);
    sources.extend([module("a.js", entry), module("_deps/sdk.js", SDK)]);
    let bytes: usize = sources.iter().map(|module| module.source.len()).sum();
    let begun = Instant::now();
    let before = cpu_time(begun);
    let bundle = Arc::new(Bundle::link(sources, [7; 32], IMPORT_TIME).unwrap());
    // The machine may have other work.
    let linked = cpu_time(begun) - before;
    let host = Host::start(HostOptions {
        // It is compiled in the call.
        user_time: Duration::from_secs(60),
        heap_mib: 512,
        ..options()
    })
    .unwrap();
    let call = host.call(invocation(&bundle, "f", FunctionKind::Query), World::echo());
    let (outcome, _) = runtime()
        .block_on(call)
        .unwrap_or_else(|_| panic!("refused"));
    println!(
        "{modules} modules, {bytes} bytes: linked in {linked:?}, first call after {:?} by the clock",
        begun.elapsed()
    );
    // One for each module, and the parameter of each function but the first's.
    assert_eq!(
        outcome.result,
        CallResult::Value((modules * 2 - 1).to_string())
    );
    assert!(linked < Duration::from_secs(60), "{linked:?}");
}
