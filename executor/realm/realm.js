// What is evaluated in every fresh context, before user code: it installs the globals of the
// Convex runtime and returns the object through which the executor drives the realm.
//
// Everything here is made of the realm's own intrinsics. Functions of the executor (`host`) are
// reached only from closures in this script, always through `guard`, and no object of the main
// context is ever handed to user code: its constructor would lead out of the realm.
(function (host) {
  "use strict";

  const global = globalThis;
  const IDLE = 0, IMPORTING = 1, RUNNING = 2;
  const OBSERVED_TIME = 1, OBSERVED_RANDOM = 2, OBSERVED_ENV = 4;
  const KINDS = { __proto__: null, 0: "Query", 1: "Mutation", 2: "Action", 3: "HttpAction" };
  const ADVICE =
    "Please consider using an action. See https://docs.convex.dev/functions/actions for more details.";

  /** State of the call (or import) in progress. */
  const now = {
    __proto__: null,
    phase: IDLE,
    mode: 0,
    kind: 0,
    time: 0,
    started: 0,
    observed: 0,
    importTime: 0,
    importObserved: 0,
    envText: "{}",
    env: undefined,
    timer: 0,
    outstanding: 0,
    /** Whether clocks go and randomness is allowed, as in actions. */
    live: false,
  };
  /** Whether this is a realm of actions. */
  const acting = host.startCall !== undefined;

  const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
  const { create, freeze, preventExtensions } = Object;
  const { parse, stringify } = JSON;
  const PromiseHere = Promise;
  const ErrorHere = Error;
  const TypeErrorHere = TypeError;
  const RangeErrorHere = RangeError;
  const SyntaxErrorHere = SyntaxError;
  const Bytes = Uint8Array;
  const uncurry = (fn) => (self, ...rest) => apply(fn, self, rest);
  const errorToString = uncurry(Error.prototype.toString);
  const sliceText = uncurry(String.prototype.slice);
  const codeAt = uncurry(String.prototype.charCodeAt);
  const TypedArray = getPrototypeOf(Uint8Array);
  const bytesLength = uncurry(getOwnPropertyDescriptor(TypedArray.prototype, "length").get);
  const subarray = uncurry(TypedArray.prototype.subarray);
  const setBytes = uncurry(TypedArray.prototype.set);

  /** An array that a patched Array.prototype cannot see into. */
  const list = () => Object.setPrototypeOf([], null);

  /** Calls into the executor. What it throws (its stack ran out) must not reach user code. */
  function guard(fn, a, b, c, d) {
    try {
      return fn(a, b, c, d);
    } catch {
      throw new RangeErrorHere("Maximum call stack size exceeded");
    }
  }

  /** A global as the Web has it: replaceable, not enumerable. */
  function expose(name, value) {
    own(name, value);
    defineProperty(global, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  }

  /** Notes what is the runtime's, and of which classes instances keep state. */
  function own(name, value) {
    if (!isObject(value)) return;
    ours.add(value);
    const prototype = typeof value === "function" ? getOwnPropertyDescriptor(value, "prototype")?.value : undefined;
    if (isObject(prototype) && name !== "Date" && !WITHOUT_STATE.includes(name)) stateful.add(prototype);
    admit([value]);
  }

  const lazies = create(null);
  /** A global that is built when it is first touched. */
  function exposeLazily(name, build) {
    const lazy = { __proto__: null, isBuilt: false, value: undefined, get() {
      if (lazy.isBuilt) return lazy.value;
      const value = build();
      expose(name, value);
      lazy.isBuilt = true;
      return (lazy.value = value);
    } };
    lazies[name] = lazy;
    defineProperty(global, name, {
      __proto__: null,
      get: lazy.get,
      set: (value) => {
        stain();
        expose(name, value);
      },
      enumerable: false,
      configurable: true,
    });
  }

  /** Several globals that are built together. */
  function exposeGroup(names, build) {
    let built;
    const all = () => {
      if (built === undefined) {
        built = build();
        for (const name in built) own(name, built[name]);
      }
      return built;
    };
    for (let i = 0; i < names.length; i++) exposeLazily(names[i], () => all()[names[i]]);
    return all;
  }

  //#include barrier.js
  //#include census.js
  //#include report.js
  //#include inspect.js
  //#include console.js
  //#include random.js
  //#include clock.js
  //#include undo.js
  //#include streams.js
  //#include syscalls.js
  //#include forbidden.js
  //#include acting.js
  //#include events.js
  //#include encoding.js
  //#include url.js
  //#include crypto.js
  //#include clone.js
  //#include storage.js
  //#include headers.js
  //#include blob.js
  //#include files.js
  //#include webstreams.js
  //#include body.js
  //#include fetch.js
  //#include outgoing.js
  //#include http.js
  //#include linker.js
  //#include analysis.js
  //#include call.js

  return realm;
});
