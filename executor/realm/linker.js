  // Links the scripts of modules (see the server's linker): each is a generator function that
  // first yields getters of its exported bindings, then evaluates its body.

  const modules = list();
  /** What a module is: ready to be evaluated, in the middle of it or of its cycle, evaluated or failed. */
  const LINKED = 0;
  const RUNS = 1;
  const DONE = 2;
  const next = uncurry(getPrototypeOf(getPrototypeOf((function* () {})())).next);
  const moduleHelpers = Object.assign(barrier, {
    /** The value of an imported binding that is about to be called: `this` stays undefined. */
    i: (value) => value,
    /** A namespace object that is about to be assigned to: what can be read, and not written. */
    n: (namespace) => freeze({ __proto__: null, get v() { return namespace; } }),
    /** Names an anonymous default export. */
    d(value) {
      defineProperty(value, "name", { __proto__: null, value: "default", configurable: true });
    },
    /** `import()` */
    m: async () => {
      throw new TypeErrorHere("dynamic module import unsupported");
    },
    /** `import.meta` */
    t() {
      throw new TypeErrorHere("import.meta is unsupported");
    },
  });
  preventExtensions(moduleHelpers);

  /** `import()` in an action: the executor defines what is missing, and it is evaluated here. */
  async function importFrom(index, specifier) {
    if (now.phase !== RUNNING) throw new TypeErrorHere("dynamic module import unsupported at import time");
    const text = `${specifier}`;
    // Whoever asks goes on first.
    await undefined;
    const target = guard(host.load, index, text);
    if (typeof target === "string") throw new SyntaxErrorHere(target);
    if (target < 0) throw new TypeErrorHere(`Couldn't find module '${text}' among those that were pushed`);
    const { failure, namespace } = modules[target];
    if (failure !== undefined) throw failure.reason;
    return namespace;
  }

  function helpersOf(index) {
    if (!acting) return moduleHelpers;
    const m = (specifier) => importFrom(index, specifier);
    return freeze({ __proto__: null, ...moduleHelpers, m });
  }

  function define(index, wrapper) {
    modules[index] = { __proto__: null, wrapper, namespace: create(null), getters: undefined, body: undefined, state: LINKED, failure: undefined, place: 0, root: 0 };
  }

  function instantiate(index, requests) {
    const module = modules[index];
    const args = list();
    args[0] = helpersOf(index);
    for (let i = 0; i < requests.length; i++) args[i + 1] = modules[requests[i]].namespace;
    module.body = apply(module.wrapper, undefined, args);
    module.getters = next(module.body).value;
  }

  function getterOf(target, local) {
    if (local >= 0) return modules[target].getters[local];
    const { namespace } = modules[target];
    return () => namespace;
  }

  function fillNamespace(index, exports) {
    const { namespace } = modules[index];
    for (let i = 0; i < exports.length; i++) {
      const entry = exports[i];
      defineProperty(namespace, entry[0], {
        __proto__: null,
        get: getterOf(entry[1], entry[2]),
        set: undefined,
        enumerable: true,
        configurable: false,
      });
    }
    defineProperty(namespace, Symbol.toStringTag, { __proto__: null, value: "Module" });
    preventExtensions(namespace);
  }

  function linkAll(order, table) {
    for (let i = 0; i < order.length; i++) instantiate(order[i], table[order[i]].requests);
    for (let i = 0; i < order.length; i++) fillNamespace(order[i], table[order[i]].exports);
  }

  /** A module and what it imports, dependencies first (InnerModuleEvaluation of ECMAScript). */
  function evaluateMore(index, table, open) {
    const module = modules[index];
    if (module.failure !== undefined) throw module.failure.reason;
    if (module.state !== LINKED) return;
    module.state = RUNS;
    module.place = module.root = open.length;
    open[open.length] = index;
    const { requests } = table[index];
    for (let i = 0; i < requests.length; i++) {
      evaluateMore(requests[i], table, open);
      const other = modules[requests[i]];
      if (other.state === RUNS && other.root < module.root) module.root = other.root;
    }
    next(module.body);
    // Modules of a cycle are done together: if one fails, all have.
    if (module.root !== module.place) return;
    for (let i = module.place; i < open.length; i++) modules[open[i]].state = DONE;
    open.length = module.place;
  }

  /** Links modules that are imported while an action runs, and evaluates one; each keeps why it failed. */
  function linkMore(target, order, table) {
    linkAll(order, table);
    const open = list();
    try {
      evaluateMore(target, table, open);
    } catch (reason) {
      for (let i = 0; i < open.length; i++) {
        modules[open[i]].state = DONE;
        modules[open[i]].failure = { __proto__: null, reason };
      }
    }
  }

  /** Instantiates and evaluates modules, dependencies first; false if one of them threw. */
  function link(order, table) {
    try {
      linkAll(order, table);
      for (let i = 0; i < order.length; i++) {
        next(modules[order[i]].body);
        modules[order[i]].state = DONE;
      }
    } catch (error) {
      fail(error);
    }
    now.importObserved = now.observed & OBSERVED_ENV;
    now.phase = IDLE;
    return !failed;
  }
