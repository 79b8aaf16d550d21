//! Handlers in QuickJS in this process: the alternative to executors, as a measured prototype.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rquickjs::{CatchResultExt, Context, Function, Object, Promise, Runtime};

use super::answers::Answers;
use super::{App, Engine, Handler, arguments, cores};

/// What a call may have, as in executors.
const HEAP: usize = 64 << 20;
const USER_TIME: Duration = Duration::from_secs(1);

/// What a realm gets: the requests of the npm package, answered by one host function at once.
const GLUE: &str = r#"
globalThis.Convex = Object.freeze({
  syscall: (op, args) => host(op, args),
  asyncSyscall: (op, args) => Promise.resolve(host(op, args)),
});
"#;

/// What every thread's engine is made of.
pub(crate) struct Inside {
    script: String,
    handler: Handler,
    answers: Arc<Answers>,
    counter: AtomicU64,
}

/// One thread's engine, warm.
struct Realm {
    context: Context,
    /// When the call at hand has had its time.
    deadline: Arc<Deadline>,
}

/// Nanoseconds since it was made, at which a call is stopped.
struct Deadline(Instant, AtomicU64);

impl Deadline {
    fn begin(&self) {
        let at = self.0.elapsed() + USER_TIME;
        self.1.store(at.as_nanos() as u64, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.0.elapsed().as_nanos() as u64 > self.1.load(Ordering::Relaxed)
    }
}

impl Realm {
    fn new(script: &str, answers: &Arc<Answers>) -> anyhow::Result<Realm> {
        let deadline = Arc::new(Deadline(Instant::now(), AtomicU64::new(0)));
        deadline.begin();
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(HEAP);
        let watched = Arc::clone(&deadline);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let context = Context::full(&runtime)?;
        let answers = Arc::clone(answers);
        context.with(|ctx| {
            let at = Cell::new(0);
            let host = move |op: String, _args: String| -> String {
                let mut row = at.get();
                let answer = match &*op {
                    "1.0/queryStream" => {
                        row = 0;
                        r#"{"queryId":0}"#.to_owned()
                    }
                    "1.0/queryStreamNext" => answers.next(&mut row),
                    _ => "null".to_owned(),
                };
                at.set(row);
                answer
            };
            let made = Function::new(ctx.clone(), host)
                .and_then(|host| ctx.globals().set("host", host))
                .and_then(|()| ctx.eval::<(), _>(GLUE))
                .and_then(|()| ctx.eval::<(), _>(script));
            made.catch(&ctx)
                .map_err(|error| anyhow!("QuickJS: {error}"))
        })?;
        Ok(Realm { context, deadline })
    }

    fn call(&self, handler: Handler, arguments: &str) -> anyhow::Result<String> {
        self.deadline.begin();
        self.context.with(|ctx| {
            let called = || -> rquickjs::Result<String> {
                let app: Object = ctx.globals().get("app")?;
                let module: Object = app.get(handler.module)?;
                let function: Object = module.get(handler.function)?;
                let invoke: Function = function.get("invokeQuery")?;
                let promise: Promise = invoke.call((arguments,))?;
                promise.finish()
            };
            called()
                .catch(&ctx)
                .map_err(|error| anyhow!("QuickJS: {error}"))
        })
    }
}

impl Inside {
    pub(crate) fn new(
        app: &App,
        handler: Handler,
        answers: &Arc<Answers>,
    ) -> anyhow::Result<Inside> {
        Ok(Inside {
            script: app.script.clone(),
            handler,
            answers: Arc::clone(answers),
            counter: AtomicU64::new(0),
        })
    }

    pub(crate) fn once(&self) -> anyhow::Result<String> {
        Realm::new(&self.script, &self.answers)?.call(self.handler, &arguments(&self.counter))
    }

    /// Calls one after the other, until the time is over.
    fn calls(&self, length: Duration) -> anyhow::Result<u64> {
        let realm = Realm::new(&self.script, &self.answers)?;
        let (begun, mut calls) = (Instant::now(), 0);
        while begun.elapsed() < length {
            realm.call(self.handler, &arguments(&self.counter))?;
            calls += 1;
        }
        Ok(calls)
    }
}

impl Engine for Inside {
    const NAME: &'static str = "QuickJS in this process";

    fn run(&mut self, callers: usize, length: Duration) -> anyhow::Result<u64> {
        // An engine is used by one thread at a time: more threads than cores would only wait.
        let threads = callers.min(cores());
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.calls(length)))
                .collect();
            let joined = running.into_iter().map(|thread| {
                let calls = thread.join();
                calls.unwrap_or_else(|_| Err(anyhow!("a thread with QuickJS panicked")))
            });
            joined.sum()
        })
    }
}
