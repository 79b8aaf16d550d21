  // Links the scripts of modules (see the server's linker): each is a generator function that
  // first yields getters of its exported bindings, then evaluates its body.

  const modules = list();
  const next = uncurry(getPrototypeOf(getPrototypeOf((function* () {})())).next);
  const moduleHelpers = freeze({
    __proto__: null,
    /** The value of an imported binding that is about to be called: `this` stays undefined. */
    i: (value) => value,
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

  function define(index, wrapper) {
    modules[index] = { __proto__: null, wrapper, namespace: create(null), getters: undefined, body: undefined };
  }

  function instantiate(index, requests) {
    const module = modules[index];
    const args = list();
    args[0] = moduleHelpers;
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

  /** Instantiates and evaluates modules, dependencies first; false if one of them threw. */
  function link(order, table) {
    try {
      for (let i = 0; i < order.length; i++) instantiate(order[i], table[order[i]].requests);
      for (let i = 0; i < order.length; i++) fillNamespace(order[i], table[order[i]].exports);
      for (let i = 0; i < order.length; i++) next(modules[order[i]].body);
    } catch (error) {
      fail(error);
    }
    now.importObserved = now.observed & OBSERVED_ENV;
    now.phase = IDLE;
    return !failed;
  }
