  // Which functions are worth a realm that is watched: finding out what is old costs milliseconds,
  // which pay when many calls follow that leave the realm as it was.
  const NEVER = 0, ALWAYS = 1, WATCHED = 2;
  /** Calls of a module before a realm is watched for it. */
  const CALLS_BEFORE = 2;
  /** Calls in a row that changed something old, after which a function gets fresh realms only. */
  const STAINS_MAX = 3;

  function historyOf(bundle, module) {
    bundle.history ??= new Map();
    let history = bundle.history.get(module);
    if (history === undefined) bundle.history.set(module, (history = { calls: 0, never: false, stains: new Map() }));
    return history;
  }

  function mayKeep(bundle, module, name) {
    const history = historyOf(bundle, module);
    history.calls += 1;
    if (history.calls <= CALLS_BEFORE || history.never) return false;
    return (history.stains.get(name) ?? 0) < STAINS_MAX;
  }

  function neverKeep(bundle, module) {
    historyOf(bundle, module).never = true;
  }

  /** A call ended; `clean` if it left what is old as it was. True if that was the last straw. */
  function noteEnd(bundle, module, name, clean) {
    const { calls, never, stains } = historyOf(bundle, module);
    const count = stains.get(name) ?? 0;
    if (calls <= CALLS_BEFORE || never || count === STAINS_MAX) return false;
    if (clean) stains.delete(name);
    else stains.set(name, count + 1);
    return !clean && count + 1 === STAINS_MAX;
  }
