  // What a call changes of what is older than it (see the server's link/barrier.rs): a realm in
  // which nothing old was changed, or all of it was put back, cannot be told from a fresh one, and
  // is kept.
  //
  // The linker makes user code report its stores; here the built-ins that change what they are
  // given report theirs, before they do. What is old is found by `census.js` once modules are
  // evaluated; `undo.js` puts it back.

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
  /** While modules of a realm that may be kept are evaluated. */
  let surveying = false;

  function stain() {
    stained = true;
  }
  /** Properties, entries or elements of the object are about to change. */
  function touch(object) {
    if (old.has(object)) note(object);
    return object;
  }
  /** So is, or has, what cannot be put back. */
  function touchInside(object) {
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
  /** One that changes what nobody can put back. */
  const changesInside = (original) => ({ method() {
    touchInside(this);
    return apply(original, this, arguments);
  } }).method;
  /** One that changes at most the entry of its first argument. */
  const changesEntry = (original) => ({ method(key) {
    if (old.has(this)) noteEntry(this, key);
    return apply(original, this, arguments);
  } }).method;
  /** A function that changes its first argument. */
  const changesFirst = (original) => ({ method(target) {
    touch(target);
    return apply(original, this, arguments);
  } }).method;

  const replaceAll = (holder, keys, make) => keys.forEach((key) => replace(holder, key, make));
  /** All methods but those known to leave what they are called on alone: new ones are not trusted. */
  function replaceOthers(holder, harmless, make) {
    for (const key of ownKeys(holder)) {
      const { value } = getOwnPropertyDescriptor(holder, key);
      if (key !== "constructor" && typeof key === "string" && typeof value === "function" && !harmless.includes(key)) {
        replace(holder, key, make);
      }
    }
  }
  function replaceGetter(holder, key) {
    const descriptor = getOwnPropertyDescriptor(holder, key);
    if (descriptor?.get === undefined) return;
    const { get } = getOwnPropertyDescriptor({ get [key]() {
      touchInside(this);
      return apply(descriptor.get, this, []);
    } }, key);
    defineProperty(holder, key, { __proto__: null, ...descriptor, get: disguise(get, descriptor.get) });
  }

  function watchCollections() {
    replaceOthers(Array.prototype, ["at", "concat", "entries", "every", "filter", "find", "findIndex", "findLast",
      "findLastIndex", "flat", "flatMap", "forEach", "includes", "indexOf", "join", "keys", "lastIndexOf", "map", "reduce",
      "reduceRight", "slice", "some", "toLocaleString", "toReversed", "toSorted", "toSpliced", "toString", "values", "with"],
      changesThis);
    // Filled before it is known what their constructors return.
    const fills = (original) => ({ method() {
      return touchInside(apply(original, this, arguments));
    } }).method;
    replaceAll(Array, ["from", "of"], fills);
    replaceAll(TypedArray, ["from", "of"], fills);
    replace(Array, "fromAsync", (original) => {
      const ArrayHere = Array;
      return ({ method() {
        if (this !== ArrayHere) stain();
        return apply(original, this, arguments);
      } }).method;
    });
    replaceOthers(Map.prototype, ["get", "has", "forEach", "entries", "keys", "values"], changesThis);
    replaceOthers(Set.prototype, ["has", "forEach", "entries", "keys", "values", "difference", "intersection",
      "isDisjointFrom", "isSubsetOf", "isSupersetOf", "symmetricDifference", "union"], changesThis);
    watchWeakCollections();
    watchBytes();
    if (globalThis.DisposableStack) replaceOthers(DisposableStack.prototype, [], changesInside);
    if (globalThis.AsyncDisposableStack) replaceOthers(AsyncDisposableStack.prototype, [], changesInside);
    const dateKeys = ownKeys(RealDate.prototype).filter((key) => typeof key === "string" && key.startsWith("set"));
    replaceAll(RealDate.prototype, dateKeys, changesThis);
    replace(RegExp.prototype, "compile", changesInside);
  }

  function watchWeakCollections() {
    replaceOthers(WeakSet.prototype, ["add", "delete", "has"], changesInside);
    replaceAll(WeakSet.prototype, ["add", "delete"], changesEntry);
    const ofKey = ["delete", "getOrInsert", "getOrInsertComputed"];
    replaceOthers(WeakMap.prototype, ["get", "has", "set", ...ofKey], changesInside);
    replaceAll(WeakMap.prototype, ofKey, changesEntry);
    replace(WeakMap.prototype, "set", (original) => ({ set(key, value) {
      if (old.has(this)) noteEntry(this, key);
      if (surveying) hide(value);
      return apply(original, this, [key, value]);
    } }).set);
  }

  function watchBytes() {
    const inPlace = ["copyWithin", "fill", "reverse", "set", "sort"];
    replaceOthers(TypedArray.prototype, ["at", "entries", "every", "filter", "find", "findIndex", "findLast",
      "findLastIndex", "forEach", "includes", "indexOf", "join", "keys", "lastIndexOf", "map", "reduce", "reduceRight",
      "slice", "some", "toLocaleString", "toReversed", "toSorted", "toString", "values", "with", ...inPlace], changesInside);
    replaceAll(TypedArray.prototype, inPlace, changesThis);
    replaceOthers(Uint8Array.prototype, ["toBase64", "toHex"], changesThis);
    // Who has the buffer can change it behind the backs of its views.
    replaceGetter(TypedArray.prototype, "buffer");
    replaceGetter(DataView.prototype, "buffer");
    const keys = ownKeys(DataView.prototype);
    const startingWith = (start) => keys.filter((key) => `${String(key)}`.startsWith(start));
    replaceOthers(DataView.prototype, [...startingWith("get"), ...startingWith("set")], changesInside);
    replaceAll(DataView.prototype, startingWith("set"), changesThis);
    replaceOthers(ArrayBuffer.prototype, ["slice"], changesInside);
    replaceAll(Atomics, ["add", "and", "compareExchange", "exchange", "or", "store", "sub", "xor"], changesFirst);
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
      if (surveying) seeDisguise(object);
      if (typeof object === "function" && typeof proto === "function") stain();
      return apply(original, this, arguments);
    } }).setPrototypeOf;
    replace(Object, "setPrototypeOf", adopts);
    replace(Reflect, "setPrototypeOf", adopts);
    replaceAll(Object.prototype, ["__defineGetter__", "__defineSetter__"], changesThis);
    const proto = getOwnPropertyDescriptor(Object.prototype, "__proto__");
    const { set } = getOwnPropertyDescriptor({ set __proto__x(value) {
      touch(this);
      if (surveying) seeDisguise(this);
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
    replace(Reflect, "construct", (original) => ({ construct(target, args, newTarget) {
      if (surveying && arguments.length > 2) seeConstruction(target, newTarget);
      return apply(original, this, arguments);
    } }).construct);
    replace(Error, "captureStackTrace", (original) => ({ captureStackTrace(object) {
      touchInside(object);
      if (surveying && hidesStacks) refuseToKeep(MADE_STACK);
      return apply(original, this, arguments);
    } }).captureStackTrace);
    // A reviver may put anything where values come from, which is then changed by its results.
    replace(JSON, "parse", (original) => ({ parse(text, reviver) {
      if (typeof reviver !== "function") return original(text);
      return original(text, function () {
        touch(this);
        return apply(reviver, this, arguments);
      });
    } }).parse);
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
    /** The epoch: it ends with the evaluation of modules, and with every call. */
    e: 1,
    /** Something old is about to change, or has, that cannot be put back. */
    a(value) {
      if (!surveying) stained = true;
      return value;
    },
    /** A variable of an earlier epoch is about to be assigned. */
    b(read, assign) {
      if (watching) noteVariable(read, assign);
      return barrier.e;
    },
    w(object) {
      if (old.has(object)) note(object);
      return object;
    },
    /** An object is about to get private fields, or to be filled by a built-in. */
    f(object) {
      if (old.has(object) || isTemplate(object)) stained = true;
      return object;
    },
    s(getters) {
      if (surveying) shown[shown.length] = getters;
    },
    c(read, put) {
      if (surveying) brands[brands.length] = { __proto__: null, read, put };
    },
    g: () => refuseToKeep("an async function ran while modules were evaluated"),
    o: () => refuseToKeep("it holds variables that cannot be seen"),
  };
  /** Getters of variables that closures have captured; readers and writers of private fields. */
  let shown = list();
  let brands = list();

  /** The strings of a tagged template outlive the call that made them. */
  const isTemplate = (object) =>
    watching && isArray(object) && guard(host.kindOf, object) !== PROXY && hasOwn(object, "raw");
