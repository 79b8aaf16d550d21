  // Finds all that is old: what can be reached from the globals and from the variables, private
  // fields and other hidden places that user code has shown (see barrier.js). An object that
  // changes in ways nobody can see makes the realm one for a single call.

  const PROXY = 1, MAP = 2, SET = 3, REGEXP = 4, VIEW = 5, SECRETIVE = 6, DATE = 7, FAULT = 8;
  const forEachOfMap = uncurry(Map.prototype.forEach);
  const forEachOfSet = uncurry(Set.prototype.forEach);
  const sourceOf = uncurry(Function.prototype.toString);
  const endsWith = uncurry(String.prototype.endsWith);
  const hasOwn = Object.hasOwn;
  const regexFlags = ["global", "sticky"].map((name) => uncurry(getOwnPropertyDescriptor(RegExp.prototype, name).get));
  const runRegex = uncurry(RegExp.prototype.exec);
  const nothingMatched = /(?:)/;

  /** What existed before user code: its insides are the runtime's business. */
  let builtIn = privateSet();
  /** Prototypes of runtime classes whose instances keep state, and objects of the runtime itself. */
  const stateful = privateSet();
  const ours = privateSet();
  const WITHOUT_STATE = ["TextEncoder", "TextDecoder", "Blob", "File", "AsyncLocalStorage", "AsyncResource", "DOMException",
    "FinalizationRegistry", "CryptoKey"];
  let observedAtSeal = 0;
  /** Regular expressions that remember where they stopped, with where that was. */
  let stopped = list();

  /** Prototypes that no global leads to. */
  function hiddenPrototypes() {
    const samples = [
      function* () {}, async () => {}, async function* () {},
      (function* () {})(), (async function* () {})(),
      [][Symbol.iterator](), new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), ""[Symbol.iterator](),
      "".matchAll(/x/g), [].values().map?.((x) => x), globalThis.Iterator?.from?.({ next() {} }),
    ];
    const found = list();
    for (let i = 0; i < samples.length; i++) {
      if (samples[i] !== undefined) found[found.length] = getPrototypeOf(samples[i]);
    }
    return found;
  }
  const prototypesOfIterators = privateSet();

  /** Walks from what is in `queue`; `look` says whether to go into an object. */
  function walkAll(queue, found, look) {
    const visit = (value) => {
      if ((typeof value === "object" ? value !== null : typeof value === "function") && !found.has(value)) {
        found.add(value);
        queue[queue.length] = value;
      }
    };
    for (let i = 0; i < queue.length; i++) {
      const object = queue[i];
      const kind = look(object, visit);
      if (kind === PROXY) continue;
      visit(getPrototypeOf(object));
      // The elements of typed arrays are numbers, and many.
      if (kind === VIEW) continue;
      const keys = ownKeys(object);
      for (let j = 0; j < keys.length; j++) {
        const descriptor = getOwnPropertyDescriptor(object, keys[j]);
        if (descriptor === undefined) continue;
        if (hasOwn(descriptor, "value")) visit(descriptor.value);
        else {
          visit(descriptor.get);
          visit(descriptor.set);
        }
      }
      if (kind === MAP) {
        forEachOfMap(object, (value, key) => {
          visit(key);
          visit(value);
        });
      }
      if (kind === SET) forEachOfSet(object, visit);
    }
    return found;
  }

  function rootsOfRealm(found) {
    const queue = hiddenPrototypes();
    queue[queue.length] = global;
    for (let i = 0; i < queue.length; i++) found.add(queue[i]);
    return queue;
  }

  /** Before modules are evaluated in a realm that may be kept. */
  function survey() {
    watchBuiltins();
    unkeepable = "";
    hidesStacks = getOwnPropertyDescriptor(new ErrorHere(""), "stack")?.get !== undefined;
    surveying = barrier.p = true;
    const iterators = hiddenPrototypes();
    for (let i = 5; i < iterators.length; i++) prototypesOfIterators.add(iterators[i]);
    iteratorPrototype = getPrototypeOf(iterators[5]);
    builtIn = privateSet();
    walkAll(rootsOfRealm(builtIn), builtIn, (object) => guard(host.kindOf, object));
  }

  const isPrototype = (object) => {
    const constructor = getOwnPropertyDescriptor(object, "constructor")?.value;
    return typeof constructor === "function" && getOwnPropertyDescriptor(constructor, "prototype")?.value === object;
  };

  function isStateful(object) {
    if (ours.has(object)) return false;
    let remaining = 100;
    for (let proto = getPrototypeOf(object); proto !== null; proto = getPrototypeOf(proto)) {
      // A prototype that is a proxy, or a chain without an end.
      if (guard(host.kindOf, proto) === PROXY || --remaining === 0) return true;
      if (stateful.has(proto)) return !isPrototype(object);
      if (prototypesOfIterators.has(proto)) return true;
    }
    return false;
  }

  // What keeps state is known by its prototypes, so nothing may lose or never have had them.
  let iteratorPrototype;
  const functionPrototype = Function.prototype;
  const LOST_STATE = "something that keeps state of its own was given another prototype";
  const MADE_STACK = "an error was made while modules were evaluated";
  const keepsState = (proto) => stateful.has(proto) || prototypesOfIterators.has(proto) || proto === iteratorPrototype;

  /** While modules are evaluated: the object is about to get another prototype. */
  function seeDisguise(object) {
    let remaining = 100;
    for (let at = object; isObject(at); at = getPrototypeOf(at)) {
      if (guard(host.kindOf, at) === PROXY) return;
      if (keepsState(at) || --remaining === 0) return refuseToKeep(LOST_STATE);
    }
  }

  /** The same of what is about to be made for somebody else's prototype. */
  function seeConstruction(target, newTarget) {
    let remaining = 100;
    if (target === newTarget) return;
    for (let at = target; typeof at === "function"; at = getPrototypeOf(at)) {
      const isProxy = guard(host.kindOf, at) === PROXY;
      const proto = isProxy ? undefined : getOwnPropertyDescriptor(at, "prototype")?.value;
      // Bound functions have no prototype; that of functions is one.
      if (isProxy || --remaining === 0 || keepsState(proto)) return refuseToKeep(LOST_STATE);
      if (proto === undefined && at !== functionPrototype) return refuseToKeep(LOST_STATE);
    }
  }

  /** Whether an accessor that all errors share keeps their stacks: who has it can change any of them. */
  let hidesStacks = false;

  function visitPrivate(object, visit) {
    let found;
    for (let i = 0; i < brands.length; i++) {
      const fields = brands[i].read(object);
      if (fields.length === 0) continue;
      for (let j = 0; j < fields.length; j++) visit(fields[j]);
      found ??= list();
      found[found.length] = brands[i];
    }
    if (found !== undefined) setInWeakMap(branded, object, found);
  }

  function lookAtOld(object, visit) {
    const kind = guard(host.kindOf, object);
    if (builtIn.has(object)) return kind;
    if (kind === SECRETIVE) {
      refuseToKeep("a promise, a generator, a buffer or the like was made while modules were evaluated");
      return kind;
    }
    if (kind === FAULT && hidesStacks) {
      refuseToKeep(MADE_STACK);
      return kind;
    }
    if (kind === PROXY) {
      if (!seenInto.has(object)) refuseToKeep("it holds a proxy that cannot be seen into");
      return kind;
    }
    if (typeof object === "function") {
      // Made by a built-in: it may keep anything to itself.
      if (!seenInto.has(object) && endsWith(sourceOf(object), "{ [native code] }")) {
        refuseToKeep("it holds a function made by a built-in");
      }
    } else if (kind !== MAP && kind !== SET && isStateful(object)) {
      refuseToKeep("an object that keeps state of its own was made while modules were evaluated");
    }
    if (kind === REGEXP && (regexFlags[0](object) || regexFlags[1](object))) {
      stopped[stopped.length] = { __proto__: null, regex: object, at: object.lastIndex };
    }
    visitPrivate(object, visit);
    return kind;
  }

  /** After modules were evaluated: from here on all there is is old. False if it cannot be known. */
  function seal() {
    if (!surveying) return false;
    surveying = barrier.p = false;
    const found = privateSet();
    const queue = rootsOfRealm(found);
    const enqueue = (value) => {
      if (isObject(value) && !found.has(value)) {
        found.add(value);
        queue[queue.length] = value;
      }
    };
    for (let i = 0; i < shown.length; i++) showInto(shown[i], enqueue);
    for (let i = 0; i < modules.length; i++) if (modules[i] !== undefined) showInto(modules[i].getters, enqueue);
    for (let i = 0; i < hidden.length; i++) enqueue(hidden[i]);
    if (unkeepable === "") {
      try {
        walkAll(queue, found, lookAtOld);
      } catch {
        refuseToKeep("what it holds could not be looked at");
      }
    }
    if (!mayLookInto()) refuseToKeep("a module changed what every object inherits");
    shown = list();
    brands = list();
    hidden = list();
    stained = false;
    observedAtSeal = now.observed;
    barrier.e += 1;
    watching = unkeepable === "";
    old = watching ? found : privateSet();
    return watching;
  }

  function showInto(getters, add) {
    for (let i = 0; i < getters.length; i++) {
      let value;
      try {
        value = getters[i]();
      } catch {
        // Not initialised, and nobody can do that any more.
        continue;
      }
      add(value);
    }
  }

  /** What the runtime makes when it is first asked for is as old as the realm. */
  function admit(values) {
    if (unkeepable !== "") return;
    if (watching) checkGlobals();
    const known = surveying ? builtIn : old;
    const queue = list();
    for (let i = 0; i < values.length; i++) {
      if (isObject(values[i]) && !known.has(values[i])) {
        known.add(values[i]);
        queue[queue.length] = values[i];
      }
    }
    walkAll(queue, known, (object) => {
      builtIn.add(object);
      return guard(host.kindOf, object);
    });
  }

  /** Whether the realm is as it was before the call. */
  const isClean = () => unkeepable === "" && !stained;

  /** Whether nothing has happened in an evaluated realm. */
  const isQuiet = () =>
    !stained && journal.length === 0 && logs.length === 0 && !failed && queued === 0 && now.outstanding === 0 &&
    now.observed === observedAtSeal;

  /** Undoes what even a clean call may have changed. */
  function restore() {
    barrier.e += 1;
    // Of a realm that is used again whatever its calls do.
    if (journal.length > 0) stained = true;
    forgetNotes();
    for (let i = 0; i < stopped.length; i++) stopped[i].regex.lastIndex = stopped[i].at;
  }
