  // Realms: fresh contexts, the modules evaluated in them, and what is told of a call that ended.
  const realmScript = new vm.Script(realmSource, { filename: "lentil:realm" });
  /** Beside what a call observed: its realm had served another before. */
  const REUSED = 8;
  const contextOptions = { codeGeneration: { strings: false, wasm: true } };

  let streamsScript;
  /** A function of the realm that makes its classes of streams. */
  function streams(context) {
    streamsScript ??= new vm.Script(`(() => {
      // Realms refuse transfers; without the function the library copies.
      const exports = {}, module = { exports }, structuredClone = undefined;
      ${options.streams}
      return exports;
    })`, { filename: "lentil:streams" });
    return streamsScript.runInContext(context, { displayErrors: false });
  }

  function newRealm(host) {
    const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, contextOptions);
    const realm = realmScript.runInContext(context, { displayErrors: false })(host);
    realm.context = context;
    if (options.planted) plant(context, options.planted);
    return realm;
  }

  /** Evaluates a module and what it imports; false if that failed (the realm holds the report). */
  function evaluate(realm, bundle, entry, env, mode) {
    realm.prepare(bundle.seed, bundle.time, env, mode);
    const order = bundle.order(entry);
    for (let i = 0; i < order.length; i++) {
      let wrapper;
      try {
        wrapper = bundle.script(order[i]).runInContext(realm.context, { displayErrors: false });
      } catch (error) {
        realm.refuse(`${error.name}: ${error.message} (in ${bundle.modules[order[i]].path})`);
        return false;
      }
      realm.define(order[i], wrapper);
    }
    return realm.link(order, bundle.modules);
  }

  /** What a call has logged, from a line on. */
  function writeLines(logs, from) {
    writeU32(logs.length - from);
    for (let i = from; i < logs.length; i++) {
      const line = logs[i];
      writeU8(line.level);
      writeU8(line.truncated ? 1 : 0);
      writeF64(line.time);
      writeU32(line.messages.length);
      for (let j = 0; j < line.messages.length; j++) writeString(line.messages[j]);
    }
  }

  /** How a call ended: its result and what it has logged since `told` lines were sent. */
  function writeOutcome(realm, told = 0) {
    const report = realm.outcome;
    writeU8(report.status);
    writeString(report.text);
    writeString(report.stack);
    writeU8(report.data === undefined ? 0 : 1);
    writeString(report.data ?? "");
    writeU8(report.observed | (realm.reused ? REUSED : 0));
    writeString(realm.verdict);
    realm.verdict = "";
    writeLines(realm.logs, told);
  }
