  // What the realms of actions may call besides `createHost`: requests to the server that many
  // calls make at a time, and timers. Each realm has its own, bound to whoever owns it.

  /** Hands over requests in the order in which they were made, so many at a time. */
  function sendWaiting(owner) {
    while (owner.waiting.length > 0 && owner.sent < options.concurrent) {
      const { id, op, args, kind, view } = owner.waiting.shift();
      owner.sent += 1;
      frame(kind);
      writeU32(owner.call);
      writeU32(id);
      writeString(op);
      writeString(args);
      if (view !== undefined) writeBytes(view);
      send();
    }
  }

  function request(owner, kind, id, op, args, view) {
    if (owner.call === 0) return;
    owner.ops.set(id, op);
    owner.waiting.push({ id, op, args, kind, view });
    sendWaiting(owner);
  }

  /** The longest delay that timers of Node know. */
  const DELAY_MAX = 0x7fffffff;

  /** The path that a specifier names in a module. */
  function pathOf(from, specifier) {
    const parts = specifier.startsWith(".") ? from.split("/").slice(0, -1) : [];
    for (const part of specifier.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    return parts.join("/");
  }

  /** The script of a module in a realm; a text if V8 refuses it, which the server's parser did not. */
  function wrapperOf(bundle, index, realm) {
    try {
      return bundle.script(index).runInContext(realm.context, { displayErrors: false });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return `${error.message} (in ${bundle.modules[index].path})`;
    }
  }

  /**
   * Evaluates a module, and what it imports, in a realm that runs; -1 if there is no such module, a
   * text if one of them is none that V8 knows how to read.
   */
  function load(owner, from, specifier) {
    const { bundle, realm } = owner;
    const path = pathOf(bundle.modules[from].path, specifier);
    const target = bundle.modules.findIndex((module) => module.path === path || module.path === `${path}.js`);
    // What runs in Node is not part of this runtime.
    if (target < 0 || bundle.modules[target].node) return -1;
    const missing = bundle.order(target).filter((index) => !realm.defined(index));
    const wrappers = missing.map((index) => wrapperOf(bundle, index, realm));
    const refused = wrappers.find((wrapper) => typeof wrapper === "string");
    if (refused !== undefined) return refused;
    missing.forEach((index, i) => realm.define(index, wrappers[i]));
    realm.linkMore(target, missing, bundle.modules);
    return target;
  }

  function actionHost(owner) {
    return Object.freeze({
      __proto__: null,
      ...createHost(() => touch(owner)),
      ...fetchHost(owner),
      ...httpHost(owner),
      load: (from, specifier) => load(owner, from, specifier),
      streams,
      startCall: (id, op, args) => request(owner, OUT_CALLS, id, op, args),
      /** With bytes of the realm, which nobody changes. */
      startGiving: (id, op, args, view) => request(owner, OUT_GIVE, id, op, args, view),
      /** Answered with bytes. */
      startTaking: (id, op, args) => request(owner, OUT_TAKE, id, op, args),
      startTimer(id, delay, repeats) {
        if (owner.call === 0) return;
        const fire = () => {
          if (!repeats) owner.timers.delete(id);
          run(owner, () => owner.realm.fire(id));
        };
        const start = repeats ? setInterval : setTimeout;
        owner.timers.set(id, start(fire, Math.min(delay, DELAY_MAX)));
      },
      stopTimer(id) {
        clearTimeout(owner.timers.get(id));
        if (owner.timers.delete(id)) touch(owner);
      },
    });
  }
