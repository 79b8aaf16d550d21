//! Handlers in stock executors, through the pool that servers use.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use futures::future::try_join_all;
use lentil_js::{
    Bundle, CallResult, FunctionKind, Host, HostOptions, Invocation, ModuleEnvironment,
    ModuleSource, Realms,
};

use super::answers::{Answers, World};
use super::{App, Engine, Handler, arguments, cores};

/// An executor host, and the function it runs.
struct Executors {
    host: Host,
    bundle: Arc<Bundle>,
    handler: Handler,
    answers: Arc<Answers>,
    counter: AtomicU64,
    runtime: tokio::runtime::Runtime,
}

/// Calls ask for their rows when they run.
pub(crate) struct Asks(Executors);

/// Calls are sent with their rows, because they were asked before.
pub(crate) struct Foresees(Executors, Arc<str>);

impl Executors {
    fn start(app: &App, handler: Handler, answers: &Arc<Answers>) -> anyhow::Result<Executors> {
        let modules = app.modules.iter().map(|module| ModuleSource {
            path: module.path.clone(),
            source: module.source.as_str().into(),
            source_map: module.source_map.as_deref().map(Into::into),
            environment: ModuleEnvironment::Isolate,
        });
        let bundle = Bundle::link(modules.collect(), [7; 32], 1_700_000_000_000.0)?;
        let host = Host::start(HostOptions {
            node: std::env::var_os("LENTIL_NODE").map(Into::into),
            executors: cores(),
            realms: Realms::Watched,
            ..HostOptions::default()
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores())
            .enable_all()
            .build()?;
        Ok(Executors {
            host,
            bundle: Arc::new(bundle),
            handler,
            answers: Arc::clone(answers),
            counter: AtomicU64::new(0),
            runtime,
        })
    }

    /// One call; its result, and what it asked first.
    async fn call(&self, known: Option<Arc<str>>) -> anyhow::Result<(String, Option<Arc<str>>)> {
        let invocation = Invocation {
            bundle: Arc::clone(&self.bundle),
            module: format!("{}.js", self.handler.module),
            function: self.handler.function.to_owned(),
            kind: FunctionKind::Query,
            args: arguments(&self.counter),
            env: Arc::default(),
            seed: [1; 32],
            now_ms: 1_700_000_000_000.0,
        };
        let world = World::new(&self.answers, known);
        let called = self.host.call(invocation, world).await;
        let (outcome, world) = called.map_err(|(_, refused)| anyhow!("{refused}"))?;
        match outcome.result {
            CallResult::Value(text) => Ok((text, world.asked)),
            other => bail!("{other:?}"),
        }
    }

    fn run(
        &self,
        callers: usize,
        length: Duration,
        known: Option<&Arc<str>>,
    ) -> anyhow::Result<u64> {
        let end = Instant::now() + length;
        let caller = async || -> anyhow::Result<u64> {
            let mut calls = 0;
            while Instant::now() < end {
                self.call(known.cloned()).await?;
                calls += 1;
            }
            Ok(calls)
        };
        let callers = (0..callers).map(|_| caller());
        let calls = self.runtime.block_on(try_join_all(callers))?;
        Ok(calls.iter().sum())
    }
}

impl Asks {
    pub(crate) fn start(
        app: &App,
        handler: Handler,
        answers: &Arc<Answers>,
    ) -> anyhow::Result<Asks> {
        Executors::start(app, handler, answers).map(Asks)
    }

    pub(crate) fn once(&self) -> anyhow::Result<String> {
        Ok(self.0.runtime.block_on(self.0.call(None))?.0)
    }
}

impl Engine for Asks {
    const NAME: &'static str = "V8 in an executor, pages asked for";

    fn run(&mut self, callers: usize, length: Duration) -> anyhow::Result<u64> {
        self.0.run(callers, length, None)
    }
}

impl Foresees {
    pub(crate) fn start(
        app: &App,
        handler: Handler,
        answers: &Arc<Answers>,
    ) -> anyhow::Result<Foresees> {
        let executors = Executors::start(app, handler, answers)?;
        let (_, asked) = executors.runtime.block_on(executors.call(None))?;
        let known = asked.ok_or_else(|| anyhow!("{} asks for nothing", handler.title))?;
        Ok(Foresees(executors, known))
    }

    pub(crate) fn once(&self) -> anyhow::Result<String> {
        let called = self.0.runtime.block_on(self.0.call(Some(self.1.clone())));
        let (text, asked) = called?;
        anyhow::ensure!(
            asked.is_none(),
            "what was foreseen was asked for: {asked:?}"
        );
        Ok(text)
    }
}

impl Engine for Foresees {
    const NAME: &'static str = "V8 in an executor, pages foreseen";

    fn run(&mut self, callers: usize, length: Duration) -> anyhow::Result<u64> {
        self.0.run(callers, length, Some(&self.1))
    }
}
