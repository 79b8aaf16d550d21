  // One call, and what the executor needs to drive it.

  const INVOKE = [["isQuery", "invokeQuery"], ["isMutation", "invokeMutation"], ["isAction", "invokeAction"],
    ["isHttp", "invokeHttpAction"]];
  const HTTP = 3;
  let settled = false;

  /** Import phase: seed and time are those of the push, in every execution. */
  function prepare(seed, time, envText, mode) {
    now.phase = IMPORTING;
    now.mode = mode;
    now.time = now.importTime = time;
    now.envText = envText;
    now.env = undefined;
    now.observed = 0;
    seedRandom(seed);
  }

  function functionOf(index, path, name, kind) {
    const { namespace } = modules[index];
    if (!Object.hasOwn(namespace, name)) {
      refuse(`Couldn't find "${name}" in module "${path}". Was it renamed or removed since the last push?`);
      return undefined;
    }
    const value = namespace[name];
    if (isObject(value) && value[INVOKE[kind][0]] === true && typeof value[INVOKE[kind][1]] === "function") {
      return value;
    }
    for (let i = 0; i < INVOKE.length; i++) {
      if (isObject(value) && value[INVOKE[i][0]] === true) {
        refuse(`Trying to execute ${path}:${name} as ${KINDS[kind]}, but it is defined as ${KINDS[i]}.`);
        return undefined;
      }
    }
    refuse(`\`${name}\` of module "${path}" is not a Convex function: wrap it in query(), mutation() or action().`);
    return undefined;
  }

  function start(fn, kind, args) {
    if (kind === 0) return fn.invokeQuery(args);
    // The text marks requests of this call; nothing looks at it.
    return kind === 1 ? fn.invokeMutation(args) : fn.invokeAction("", args);
  }

  async function run(index, path, name, kind, args) {
    try {
      const fn = functionOf(index, path, name, kind);
      if (fn === undefined) return;
      const value = await start(fn, kind, args);
      if (typeof value !== "string") {
        refuse(`${path}:${name} did not return JSON text. Is its \`convex\` package damaged?`);
      } else if (!failed) {
        outcome.text = value;
      }
      settled = true;
    } catch (error) {
      fail(error);
    }
  }

  function invoke(index, path, name, kind, args, seed, time) {
    now.phase = RUNNING;
    now.mode = 0;
    now.kind = kind;
    now.live = acting;
    now.time = time;
    // In a query the clock stands still.
    if (kind !== 0) now.started = host.elapsed();
    now.observed = now.importObserved;
    seedRandom(seed);
    // `RegExp.$1` and its like speak of the last match, whoever made it.
    runRegex(nothingMatched, "");
    if (kind === HTTP) {
      openExchange();
      void runHttp(index, args);
    } else {
      void run(index, path, name, kind, args);
    }
  }

  /** The end of a call: a promise that nothing will ever settle is the developer's mistake. */
  function conclude() {
    if (!failed && !settled) refuse("Returned promise will never resolve");
    outcome.observed = now.observed;
    now.phase = IDLE;
  }

  /** Makes an evaluated realm ready for its next call. */
  function renew() {
    settled = false;
    outcome.status = VALUE;
    outcome.text = "null";
    logs = list();
    realm.logs = logs;
    restore();
    timers.clear();
    exchange = undefined;
    forgetStreams();
    forgetActing();
  }

  const realm = {
    __proto__: null,
    context: undefined,
    reused: false,
    /** Why calls like this one get fresh realms from now on. */
    verdict: "",
    promisePrototype: PromiseHere.prototype,
    ops,
    texts,
    outcome,
    logs,
    prepare,
    define,
    defined: (index) => modules[index] !== undefined,
    link,
    linkMore,
    invoke,
    report,
    sent,
    deliver,
    answer,
    bytesCame,
    fire,
    bodyArrived,
    chunkTaken,
    clientGone,
    refuse,
    renew,
    conclude,
    unhandled: fail,
    failed: () => failed,
    settled: () => settled,
    queued: () => queued,
    outstanding: () => now.outstanding,
    survey,
    seal,
    undo,
    isQuiet,
    isClean,
    whyNot: () => unkeepable,
    reusable: () => !failed && now.outstanding === 0 && queued === 0,
    wantsReuse: (index) => attempt(() => String(modules[index].namespace.experimental_reuseContext === true), "") === "true",
  };
