// The executor of actions: many calls at a time, each in a realm of its own. Everything here runs
// in the main context, which user code never sees (see `host.js`).
//
// Realms are entered only from `run`, once a turn of the event loop, so that the microtasks of one
// action run before another is entered; the server is told who is entered, and can tell who it was
// when the loop stands still.
(function (require, process, realmSource, options) {
  "use strict";
  const vm = require("vm");

  //#include /wire.js
  //#include socket.js
  //#include /bundles.js
  //#include /host.js
  //#include /realms.js
  //#include proxy.js
  //#include network.js
  //#include fetch.js
  //#include forms.js
  //#include http.js
  //#include host.js

  /** Who runs, by the number of the call. */
  const active = new Map();
  /** Idle realms that may be used again, by module. */
  const kept = new Map();
  let keptCount = 0;
  let entered = 0;

  /** Runs work of a call, and looks at the call when its microtasks are done. */
  function run(owner, work) {
    if (owner.call === 0) return;
    announce(owner);
    try {
      work();
    } catch (error) {
      // User code may have patched what the realm's own code is made of.
      owner.realm.unhandled(error);
    }
    touch(owner);
  }

  function announce(owner) {
    if (entered === owner.call) return;
    entered = owner.call;
    frame(OUT_ENTER);
    writeU32(entered);
    send();
  }

  /** The microtasks of the present turn run before an immediate does. */
  function touch(owner) {
    if (owner.looking) return;
    owner.looking = true;
    setImmediate(look, owner);
  }

  function look(owner) {
    owner.looking = false;
    if (owner.call === 0) return;
    const { realm } = owner;
    if (realm.failed() || realm.settled() || isIdle(owner)) finish(owner);
    else tellLines(owner);
  }

  /** Lines of an action that goes on are sent when they are there. */
  function tellLines(owner) {
    const { logs } = owner.realm;
    if (logs.length === owner.told) return;
    frame(OUT_LINES);
    writeU32(owner.call);
    writeLines(logs, owner.told);
    owner.told = logs.length;
    send();
  }

  const isIdle = (owner) =>
    owner.ops.size === 0 && owner.busy === 0 && owner.timers.size === 0 && owner.realm.outstanding() === 0;

  function newOwner() {
    const owner = {
      call: 0,
      key: "",
      bundle: undefined,
      realm: undefined,
      looking: false,
      /** Lines of the log that were sent. */
      told: 0,
      /** Requests to the server that are not answered: what they are, and those not sent yet. */
      ops: new Map(),
      waiting: [],
      sent: 0,
      timers: new Map(),
      fetches: new Map(),
      fetched: 0,
      /** Work of the host that will settle something. */
      busy: 0,
    };
    owner.realm = newRealm(actionHost(owner));
    return owner;
  }

  /** A realm in which the module is evaluated, or one whose report says why not. */
  function ownerFor(call, bundle, module, env) {
    const key = `${bundle.number}/${module}/${env}`;
    const known = kept.get(key)?.pop();
    const owner = known ?? newOwner();
    owner.key = key;
    owner.bundle = bundle;
    owner.call = call;
    active.set(call, owner);
    announce(owner);
    if (known !== undefined) {
      keptCount -= 1;
      known.realm.renew();
      return owner;
    }
    return evaluate(owner.realm, bundle, module, envs.get(env) ?? "{}", 0) ? owner : undefined;
  }

  function beginInvoke() {
    const call = readU32();
    const bundle = bundles.get(readU32());
    const env = readU32(), keep = readU8() === 1, kind = readU8(), module = readU32();
    const name = readString(), args = readString(), seed = readString(), now = readF64();
    const owner = ownerFor(call, bundle, module, env);
    if (owner !== undefined) {
      owner.keep = keep || owner.realm.wantsReuse(module);
      owner.realm.invoke(module, bundle.modules[module].path, name, kind, args, seed, now);
    }
    touch(active.get(call));
  }

  function deliver() {
    const owner = active.get(readU32());
    const id = readU32(), status = readU8();
    // Nobody waits for the answers to calls that have ended.
    if (owner === undefined) return;
    owner.ops.delete(id);
    owner.sent -= 1;
    if (status === REPLY_BYTES) {
      const rest = input.subarray(at);
      const { set } = Uint8Array.prototype;
      run(owner, () => owner.realm.bytesCame(id, rest.length, (view) => void set.call(view, rest)));
    } else {
      const text = readString(), data = status === REPLY_DATA ? readString() : undefined;
      run(owner, () => owner.realm.answer(id, status, text, data));
    }
    sendWaiting(owner);
  }

  /** What was begun and not awaited, by name. */
  function leftovers(owner) {
    const left = [...owner.ops.values()];
    for (let i = 0; i < owner.busy; i++) left.push("fetch");
    return left;
  }

  /** Ends everything that could enter the realm again. */
  function release(owner) {
    active.delete(owner.call);
    owner.call = 0;
    for (const timer of owner.timers.values()) clearTimeout(timer);
    for (const flow of owner.fetches.values()) flow.controller.abort();
    owner.timers.clear();
    owner.fetches.clear();
    owner.ops.clear();
    owner.waiting.length = 0;
    owner.sent = owner.busy = owner.told = 0;
  }

  function finish(owner) {
    const { call, realm, told } = owner;
    const left = leftovers(owner);
    const clean = left.length === 0 && owner.timers.size === 0 && owner.fetches.size === 0;
    realm.conclude();
    release(owner);
    frame(OUT_DONE);
    writeU32(call);
    writeOutcome(realm, told);
    writeU32(left.length);
    for (const op of left) writeString(op);
    send();
    if (owner.keep && clean && realm.reusable()) remember(owner);
  }

  function remember(owner) {
    if (keptCount >= options.kept) return;
    const idle = kept.get(owner.key);
    if (idle === undefined) kept.set(owner.key, [owner]);
    else idle.push(owner);
    keptCount += 1;
  }

  function dropBundle(number) {
    bundles.delete(number);
    for (const [key, idle] of kept) {
      if (!key.startsWith(`${number}/`)) continue;
      keptCount -= idle.length;
      kept.delete(key);
    }
  }

  /** Obeys the frame that is in `input`. */
  function obey(kind) {
    switch (kind) {
      case IN_LOAD:
        return loadBundle();
      case IN_DROP:
        return dropBundle(readU32());
      case IN_ENV:
        return setEnv(readU32(), readString());
      case IN_INVOKE:
        return beginInvoke();
      case IN_REPLIES:
        return deliver();
      case IN_BODY:
        return bodyArrived();
      case IN_TAKEN:
      case IN_GONE:
        return responseMoves(kind);
      case IN_ABORT: {
        const owner = active.get(readU32());
        if (owner !== undefined) release(owner);
        return undefined;
      }
      default:
        return process.exit(71);
    }
  }

  process.on("unhandledRejection", (reason, promise) => {
    const proto = Object.getPrototypeOf(promise);
    for (const owner of active.values()) {
      if (owner.realm.promisePrototype !== proto) continue;
      owner.realm.unhandled(reason);
      touch(owner);
    }
  });
  process.on("uncaughtException", (error) => {
    process._rawDebug?.(`executor of actions: ${error?.name}`);
    process.exit(70);
  });

  listen();
  frame(OUT_READY);
  send();
});
