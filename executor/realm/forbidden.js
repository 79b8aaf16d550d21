  // What a query or mutation may not do, small globals, and patched intrinsics.

  const where = () => (now.phase === RUNNING ? "in queries and mutations" : "at import time");
  const cannot = (what) => new ErrorHere(`Can't use ${what} ${where()}. ${ADVICE}`);

  /** The id comes back as the Web has it; the failure is a rejection that nobody can catch. */
  function refuseTimer(name) {
    return { [name](callback) {
      if (typeof callback !== "function") {
        refuse(`${name} with a string handler is not supported: pass a function`);
        throw new TypeErrorHere(`${name}: the handler must be a function`);
      }
      if (now.phase !== RUNNING) throw cannot(name);
      PromiseHere.reject(cannot(name));
      return ++now.timer;
    } }[name];
  }
  expose("setTimeout", refuseTimer("setTimeout"));
  expose("setInterval", refuseTimer("setInterval"));
  expose("clearTimeout", { clearTimeout() {} }.clearTimeout);
  expose("clearInterval", { clearInterval() {} }.clearInterval);
  expose("fetch", { fetch: async () => {
    throw cannot("fetch()");
  } }.fetch);
  const then = uncurry(Promise.prototype.then);
  const settledPromise = PromiseHere.resolve();
  expose("queueMicrotask", { queueMicrotask(callback) {
    if (typeof callback !== "function") throw new TypeErrorHere("queueMicrotask: the callback must be a function");
    then(settledPromise, () => void callback());
  } }.queueMicrotask);

  defineProperty(global, "self", { __proto__: null, value: global, writable: true, enumerable: false, configurable: true });

  // Garbage collection must not be observable.
  expose("WeakRef", class WeakRef {
    #target;
    constructor(target) {
      if (!isObject(target)) throw new TypeErrorHere("WeakRef: target must be an object");
      this.#target = target;
    }
    deref() {
      return this.#target;
    }
    get [Symbol.toStringTag]() {
      return "WeakRef";
    }
  });
  expose("FinalizationRegistry", class FinalizationRegistry {
    constructor(cleanup) {
      if (typeof cleanup !== "function") throw new TypeErrorHere("FinalizationRegistry: cleanup must be callable");
    }
    register() {}
    unregister() {
      return false;
    }
    get [Symbol.toStringTag]() {
      return "FinalizationRegistry";
    }
  });

  // Waiting would block the executor, or settle outside the order of the execution.
  delete Atomics.waitAsync;
  Atomics.wait = { wait() {
    throw new TypeErrorHere("Atomics.wait cannot be called in this context");
  } }.wait;

  // Compilation on other threads would settle outside the order of the execution, too.
  const Wasm = WebAssembly;
  const { Module: WasmModule, Instance: WasmInstance } = Wasm;
  // Accessors and methods of theirs change them.
  for (const name of ["Instance", "Memory", "Table", "Global"]) stateful.add(Wasm[name].prototype);
  delete Wasm.compileStreaming;
  delete Wasm.instantiateStreaming;
  Wasm.compile = { compile: async (bytes) => new WasmModule(bytes) }.compile;
  Wasm.instantiate = { instantiate: async (source, imports) => {
    if (source instanceof WasmModule) return new WasmInstance(source, imports);
    const module = new WasmModule(source);
    return { module, instance: new WasmInstance(module, imports) };
  } }.instantiate;

  const AUTH = 3, SCHEMA = 2, MODE_ANALYSIS = 1, DEFINITION = 4;

  /** `process.env` while auth.config.js is evaluated: an unset variable is an error with a known text. */
  function strictEnv(env) {
    return new Proxy(env, {
      __proto__: null,
      get(target, name) {
        if (typeof name !== "string" || Object.hasOwn(target, name)) return target[name];
        const text = `Environment variable ${name} is used in auth config file but its value was not set`;
        refuse(text);
        throw new ErrorHere(text);
      },
    });
  }

  function noEnv() {
    return new Proxy({}, {
      __proto__: null,
      get(target, name) {
        if (typeof name !== "string") return undefined;
        throw new ErrorHere(`Environment variables are unsupported when evaluating schema (\`${name}\` was read)`);
      },
    });
  }

  function readEnv() {
    now.observed |= OBSERVED_ENV;
    if (now.env === undefined) {
      now.env = now.mode === SCHEMA ? noEnv() : parse(now.envText);
      if (now.mode === AUTH) now.env = strictEnv(now.env);
      admit([now.env]);
    }
    return now.env;
  }
  expose("process", {
    get env() {
      return readEnv();
    },
    set env(value) {
      stain();
      now.env = value;
    },
  });
