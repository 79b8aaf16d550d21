  // Whether a call has changed anything that is older than it (see the server's link/barrier.rs):
  // a realm in which nothing old was changed cannot be told from a fresh one, and is kept.
  //
  // The linker makes user code report its stores; here the built-ins that change what they are
  // given report theirs. What is old is found by `census.js` once modules are evaluated.

  const { add, has } = WeakSet.prototype;
  /** A set whose methods no patched prototype can change. */
  function privateSet() {
    const set = new WeakSet();
    defineProperty(set, "add", { __proto__: null, value: add });
    defineProperty(set, "has", { __proto__: null, value: has });
    return set;
  }

  /** Everything that existed when the modules had been evaluated; empty until then. */
  let old = privateSet();
  let stained = false;
  /** Why this realm serves one call only. */
  let unkeepable = "not surveyed";
  let epoch = 0;
  /** While modules of a realm that may be kept are evaluated. */
  let surveying = false;

  function stain() {
    stained = true;
  }
  function touch(object) {
    if (old.has(object)) stained = true;
    return object;
  }
  function refuseToKeep(why) {
    if (unkeepable === "") unkeepable = why;
  }

  /** Objects that built-ins hide, found by what made them: `[holder, value, ...]`. */
  let hidden = list();
  const hide = (value) => void (hidden[hidden.length] = value);
  /** Bound functions and proxies whose insides are in `hidden`. */
  const seenInto = privateSet();

  const nameOf = (fn, name, length) => {
    defineProperty(fn, "name", { __proto__: null, value: name, configurable: true });
    defineProperty(fn, "length", { __proto__: null, value: length, configurable: true });
    return fn;
  };
  const natives = new WeakMap();
  const getNative = uncurry(WeakMap.prototype.get);
  const setNative = uncurry(WeakMap.prototype.set);
  /** Gives a function the looks of the built-in that it stands for. */
  function disguise(fn, original) {
    setNative(natives, fn, original);
    return nameOf(fn, original.name, original.length);
  }

  function replace(holder, key, make) {
    const descriptor = getOwnPropertyDescriptor(holder, key);
    if (descriptor === undefined) return;
    defineProperty(holder, key, { __proto__: null, ...descriptor, value: disguise(make(descriptor.value), descriptor.value) });
  }
  /** A method that changes what it is called on. */
  const changesThis = (original) => ({ method() {
    touch(this);
    return apply(original, this, arguments);
  } }).method;
  /** A function that changes its first argument. */
  const changesFirst = (original) => ({ method(target) {
    touch(target);
    return apply(original, this, arguments);
  } }).method;

  const replaceAll = (holder, keys, make) => keys.forEach((key) => replace(holder, key, make));
  /** All methods but those known to leave what they are called on alone: new ones are not trusted. */
  function replaceOthers(holder, harmless) {
    for (const key of ownKeys(holder)) {
      const { value } = getOwnPropertyDescriptor(holder, key);
      if (key !== "constructor" && typeof key === "string" && typeof value === "function" && !harmless.includes(key)) {
        replace(holder, key, changesThis);
      }
    }
  }
  function replaceGetter(holder, key) {
    const descriptor = getOwnPropertyDescriptor(holder, key);
    if (descriptor?.get === undefined) return;
    const { get } = getOwnPropertyDescriptor({ get [key]() {
      touch(this);
      return apply(descriptor.get, this, []);
    } }, key);
    defineProperty(holder, key, { __proto__: null, ...descriptor, get: disguise(get, descriptor.get) });
  }

  function watchCollections() {
    replaceOthers(Array.prototype, ["at", "concat", "entries", "every", "filter", "find", "findIndex", "findLast",
      "findLastIndex", "flat", "flatMap", "forEach", "includes", "indexOf", "join", "keys", "lastIndexOf", "map", "reduce",
      "reduceRight", "slice", "some", "toLocaleString", "toReversed", "toSorted", "toSpliced", "toString", "values", "with"]);
    for (const key of ["from", "of"]) {
      replace(Array, key, (original) => ({ method() {
        return touch(apply(original, this, arguments));
      } }).method);
      replace(TypedArray, key, (original) => ({ method() {
        return touch(apply(original, this, arguments));
      } }).method);
    }
    replace(Array, "fromAsync", (original) => {
      const ArrayHere = Array;
      return ({ method() {
        if (this !== ArrayHere) stain();
        return apply(original, this, arguments);
      } }).method;
    });
    replaceOthers(Map.prototype, ["get", "has", "forEach", "entries", "keys", "values"]);
    replaceOthers(Set.prototype, ["has", "forEach", "entries", "keys", "values", "difference", "intersection",
      "isDisjointFrom", "isSubsetOf", "isSupersetOf", "symmetricDifference", "union"]);
    replaceOthers(WeakSet.prototype, ["has"]);
    replaceOthers(WeakMap.prototype, ["get", "has", "set"]);
    replace(WeakMap.prototype, "set", (original) => ({ set(key, value) {
      touch(this);
      if (surveying) hide(value);
      return apply(original, this, [key, value]);
    } }).set);
    replaceOthers(TypedArray.prototype, ["at", "entries", "every", "filter", "find", "findIndex", "findLast",
      "findLastIndex", "forEach", "includes", "indexOf", "join", "keys", "lastIndexOf", "map", "reduce", "reduceRight",
      "slice", "some", "toLocaleString", "toReversed", "toSorted", "toString", "values", "with"]);
    replaceOthers(Uint8Array.prototype, ["toBase64", "toHex"]);
    replaceGetter(TypedArray.prototype, "buffer");
    replaceGetter(DataView.prototype, "buffer");
    replaceOthers(DataView.prototype, ownKeys(DataView.prototype).filter((key) => `${String(key)}`.startsWith("get")));
    replaceOthers(ArrayBuffer.prototype, ["slice"]);
    if (globalThis.DisposableStack) replaceOthers(DisposableStack.prototype, []);
    if (globalThis.AsyncDisposableStack) replaceOthers(AsyncDisposableStack.prototype, []);
    replaceAll(Atomics, ["add", "and", "compareExchange", "exchange", "or", "store", "sub", "xor"], changesFirst);
    const dateKeys = ownKeys(RealDate.prototype).filter((key) => typeof key === "string" && key.startsWith("set"));
    replaceAll(RealDate.prototype, dateKeys, changesThis);
    replace(RegExp.prototype, "compile", changesThis);
  }

  function watchReflection() {
    replaceAll(Object, ["assign", "defineProperty", "defineProperties", "freeze", "seal", "preventExtensions"], changesFirst);
    replaceAll(Reflect, ["defineProperty", "deleteProperty", "preventExtensions"], changesFirst);
    replace(Reflect, "set", (original) => ({ set(target, key, value, receiver) {
      touch(target);
      touch(receiver);
      return apply(original, Reflect, arguments);
    } }).set);
    // A function whose prototype is a constructor of lists may become their species.
    const adopts = (original) => ({ setPrototypeOf(object, proto) {
      touch(object);
      if (typeof object === "function" && typeof proto === "function") stain();
      return apply(original, this, arguments);
    } }).setPrototypeOf;
    replace(Object, "setPrototypeOf", adopts);
    replace(Reflect, "setPrototypeOf", adopts);
    replaceAll(Object.prototype, ["__defineGetter__", "__defineSetter__"], changesThis);
    const proto = getOwnPropertyDescriptor(Object.prototype, "__proto__");
    const { set } = getOwnPropertyDescriptor({ set __proto__x(value) {
      touch(this);
      if (typeof this === "function" && typeof value === "function") stain();
      apply(proto.set, this, [value]);
    } }, "__proto__x");
    defineProperty(Object.prototype, "__proto__", { __proto__: null, ...proto, set: disguise(set, proto.set) });
    // So that `Symbol.species`, which the linker looks for, is not found by another way.
    const lists = (original) => ({ method(target) {
      if (typeof target === "function" && old.has(target)) stain();
      return apply(original, this, arguments);
    } }).method;
    replaceAll(Object, ["getOwnPropertySymbols", "getOwnPropertyDescriptors"], lists);
    replace(Reflect, "ownKeys", lists);
    replace(Error, "captureStackTrace", changesFirst);
  }

  function watchFunctions() {
    replace(Function.prototype, "bind", (original) => ({ bind() {
      const bound = apply(original, this, arguments);
      if (surveying) {
        seenInto.add(bound);
        hide(this);
        for (let i = 0; i < arguments.length; i++) hide(arguments[i]);
      }
      return bound;
    } }).bind);
    replace(Function.prototype, "toString", (original) => ({ toString() {
      return apply(original, getNative(natives, this) ?? this, []);
    } }).toString);

    const RealProxy = Proxy;
    function makeProxy(target, handler) {
      if (new.target === undefined) throw new TypeErrorHere("Constructor Proxy requires 'new'");
      touch(target);
      const proxy = new RealProxy(target, handler);
      if (surveying) {
        seenInto.add(proxy);
        hide(target);
        hide(handler);
      }
      return proxy;
    }
    // A bound function is a constructor without a prototype, as `Proxy` is.
    const ProxyHere = disguise(makeProxy.bind(undefined), RealProxy);
    const { revocable } = RealProxy;
    defineProperty(ProxyHere, "revocable", { __proto__: null, writable: true, enumerable: false, configurable: true,
      value: disguise(changesFirst(revocable), revocable) });
    defineProperty(global, "Proxy", { __proto__: null, value: ProxyHere });
  }

  /** For realms that may be kept; before user code, and after the realm's own, which has taken what it needs. */
  function watchBuiltins() {
    watchCollections();
    watchReflection();
    watchFunctions();
  }

  /** What modules call; see the linker. `p` is looked at before what only a survey needs. */
  const barrier = {
    __proto__: null,
    p: false,
    a(value) {
      if (!surveying) stained = true;
      return value;
    },
    b(entered, value) {
      if (entered !== epoch) stained = true;
      return value;
    },
    /** Several variables are about to be assigned. */
    k() {
      stained = true;
      return epoch;
    },
    n: () => epoch,
    w(object) {
      if (old.has(object)) stained = true;
      return object;
    },
    s(getters) {
      if (surveying) shown[shown.length] = getters;
    },
    c(read) {
      if (surveying) brands[brands.length] = read;
    },
    g: () => refuseToKeep("an async function ran while modules were evaluated"),
    o: () => refuseToKeep("it holds variables that cannot be seen"),
  };
  /** Getters of variables that closures have captured, and readers of private fields. */
  let shown = list();
  let brands = list();
