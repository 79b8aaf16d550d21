// The executor: owns the socket to the server, the bundles and the realms, and drives calls.
// Everything here runs in the main context, which user code never sees: what crosses into a realm
// is primitives and the functions of `createHost`, and those only into closures of the realm script.
//
// A call is driven by `step`, a tick that runs whenever the microtask queue is empty: it sends the
// syscalls issued since the last one as one frame, blocks for the replies, and settles the promises
// in order. With nothing queued and nothing settled, the call ends.
(function (require, process, realmSource, options) {
  "use strict";
  const v8 = require("v8");
  const vm = require("vm");

  //#include wire.js
  //#include blocking.js
  //#include bundles.js
  //#include host.js
  //#include realms.js
  //#include keeping.js
  //#include planted.js

  const host = Object.freeze({ __proto__: null, ...createHost(wake), streams, sync, failure: () => failure });
  /** Calls in progress; the last one is running, the others wait for it. */
  const stack = [];
  const kept = new Map();
  const spare = [];
  const resolved = Promise.resolve();

  const takeRealm = () => spare.pop() ?? newRealm(host);

  const tick = () => process.nextTick(step);
  /** Runs `step` once the microtasks that are now being queued have all run. */
  const schedule = () => void resolved.then(tick);

  const keptKey = (bundle, module, env) => `${bundle.number}/${module}/${env}`;

  /** A realm in which the module is evaluated, or one whose report says why not. */
  function realmFor(call) {
    const key = keptKey(call.bundle, call.module, call.env);
    const watched = call.keep === WATCHED && mayKeep(call.bundle, call.module, call.name);
    const known = kept.get(key);
    // Whoever asks for its context to be reused expects to be told from a fresh one.
    const asked = known?.wantsReuse(call.module) === true;
    if (known !== undefined && (asked || watched || call.keep === ALWAYS)) {
      kept.delete(key);
      known.renew();
      known.reused = !asked;
      call.evaluated = true;
      return known;
    }
    const realm = takeRealm();
    if (watched) realm.survey();
    call.evaluated = evaluate(realm, call.bundle, call.module, envs.get(call.env) ?? "{}", 0);
    if (watched && call.evaluated) {
      call.sealed = realm.seal();
      if (!call.sealed) giveUp(call, realm, realm.whyNot());
    }
    return realm;
  }

  function giveUp(call, realm, why) {
    realm.verdict = why;
    neverKeep(call.bundle, call.module);
  }

  /** Modules may leave work behind, which belongs to the call that follows and so to none that comes later. */
  function awaitQuiet(call) {
    if (!call.realm.isQuiet()) {
      call.realm = takeRealm();
      call.evaluated = evaluate(call.realm, call.bundle, call.module, envs.get(call.env) ?? "{}", 0);
      giveUp(call, call.realm, "work that modules left behind went on after they were evaluated");
    }
    begin(call);
  }

  /** Whether the realm of a call that has ended serves another. */
  function isKept(call) {
    const { realm } = call;
    if (!call.evaluated || !realm.reusable()) return false;
    if (call.keep === ALWAYS || realm.wantsReuse(call.module)) return true;
    if (call.keep !== WATCHED) return false;
    realm.undo();
    return realm.isClean();
  }

  function beginInvoke() {
    const call = {
      bundle: bundles.get(readU32()),
      env: readU32(),
      keep: readU8(),
      kind: readU8(),
      module: readU32(),
      name: readString(),
      args: readString(),
      seed: readString(),
      now: readF64(),
      realm: null,
      evaluated: false,
      sealed: false,
      waiting: false,
      posting: null,
    };
    readForeseen();
    call.posting = readPosting();
    call.realm = realmFor(call);
    stack.push(call);
    if (call.sealed) void resolved.then(() => process.nextTick(awaitQuiet, call));
    else begin(call);
  }

  function begin(call) {
    if (call.evaluated) {
      const path = call.bundle.modules[call.module].path;
      call.realm.invoke(call.module, path, call.name, call.kind, call.args, call.seed, call.now);
    }
    schedule();
  }

  /** Evaluates a module for its exports only: no call follows. */
  function beginAnalysis() {
    const bundle = bundles.get(readU32());
    const env = readU32();
    const mode = readU8();
    const module = readU32();
    const realm = takeRealm();
    stack.push({ bundle, env, keep: NEVER, module, realm, evaluated: false, waiting: false, posting: null });
    if (evaluate(realm, bundle, module, envs.get(env) ?? "{}", mode)) {
      realm.report(module, bundle.modules[module].path, mode);
    }
    schedule();
  }

  function step() {
    const call = stack[stack.length - 1];
    if (call === undefined) return;
    call.waiting = false;
    const realm = call.realm;
    if (realm.failed()) {
      setImmediate(finish, call);
    } else if (realm.queued() > 0) {
      if (foresaw(realm) || post(call)) return schedule();
      // Whatever else was expected is not asked in that order.
      foreseen = [];
      sendCalls(realm);
      receive();
    } else if (!realm.settled() && realm.outstanding() > 0) {
      call.waiting = true;
    } else {
      // Rejections that nobody handles are reported before the next immediate.
      setImmediate(finish, call);
    }
  }

  /** Work outside the microtask queue ended in some realm; its promise is about to settle. */
  function wake() {
    const call = stack[stack.length - 1];
    if (call !== undefined && call.waiting) schedule();
  }

  function sendCalls(realm) {
    const count = realm.queued();
    tell(OUT_CALLS);
    writeU32(count);
    for (let i = 0; i < count; i++) {
      writeString(realm.ops[i]);
      writeString(realm.texts[i]);
    }
    send();
    realm.sent();
  }

  function deliver() {
    const { realm, posting } = stack[stack.length - 1];
    const count = readU32();
    for (let i = 0; i < count; i++) {
      const status = readU8();
      const text = readString();
      realm.deliver(i, status, text, status === 2 ? readString() : undefined);
    }
    if (posting !== null) readReserved(posting);
    schedule();
  }

  function finish(call) {
    if (stack[stack.length - 1] !== call) return;
    const realm = call.realm;
    if (!realm.failed() && realm.queued() > 0) {
      schedule();
      return;
    }
    stack.pop();
    realm.conclude();
    const keep = isKept(call);
    if (call.keep === WATCHED && noteEnd(call.bundle, call.module, call.name, realm.isClean())) {
      realm.verdict = "its calls change what is older than they are";
    }
    sendDone(realm);
    if (keep) {
      remember(call);
    } else if (stack.length === 0 && spare.length < options.spare) {
      spare.push(newRealm(host));
    }
    receive();
  }

  function remember(call) {
    kept.set(keptKey(call.bundle, call.module, call.env), call.realm);
    if (kept.size > options.kept) kept.delete(kept.keys().next().value);
  }

  function sendDone(realm) {
    tell(OUT_DONE);
    writeOutcome(realm);
    send();
  }

  /** Reads and obeys frames until one of them makes user code run. */
  function receive() {
    for (;;) {
      switch (readFrame()) {
        case IN_LOAD:
          loadBundle();
          break;
        case IN_DROP:
          dropBundle(readU32());
          break;
        case IN_TRIM:
          collectGarbage();
          frame(OUT_READY);
          send();
          break;
        case IN_ENV:
          setEnv(readU32(), readString());
          break;
        case IN_INVOKE:
          return beginInvoke();
        case IN_ANALYZE:
          return beginAnalysis();
        case IN_REPLIES:
          return deliver();
        case IN_ABORT:
          // The execution ended elsewhere; its promises will never settle.
          stack.length = 0;
          break;
        default:
          process.exit(71);
      }
    }
  }

  /** Gives memory back; only contexts that are made meanwhile would have a global for it. */
  function collectGarbage() {
    v8.setFlagsFromString("--expose-gc");
    const collect = vm.runInNewContext("gc");
    v8.setFlagsFromString("--no-expose-gc");
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  }

  function dropBundle(number) {
    bundles.delete(number);
    for (const key of kept.keys()) if (key.startsWith(`${number}/`)) kept.delete(key);
  }

  process.on("unhandledRejection", (reason, promise) => {
    const proto = Object.getPrototypeOf(promise);
    const call = stack.find((each) => each.realm.promisePrototype === proto) ?? stack[stack.length - 1];
    if (call !== undefined) call.realm.unhandled(reason);
  });
  process.on("uncaughtException", (error) => {
    process._rawDebug?.(`executor: ${error?.name}`);
    process.exit(70);
  });

  for (let i = 0; i < options.spare; i++) spare.push(newRealm(host));
  frame(OUT_READY);
  send();
  receive();
});
