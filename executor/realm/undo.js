  // What a call changes of what is older than it is noted before the first change and put back
  // after the call, so that the realm can serve another. What cannot be put back exactly stains
  // the realm: it then serves no other call. ADR 0010 says why that is enough.
  //
  // Nothing here runs user code: proxies are never looked into, getters never called.

  /** Properties, entries and variables that are noted in one call; noting them all takes about a millisecond. */
  const NOTES_MAX = 2048;
  /** Bytes of a view. */
  const BYTES_MAX = 4096;
  const { isExtensible, deleteProperty, setPrototypeOf } = Reflect;
  const objectPrototype = Object.prototype;
  const MapHere = Map;
  const is = Object.is;
  const referenceErrors = ReferenceError.prototype;
  const mapSize = uncurry(getOwnPropertyDescriptor(Map.prototype, "size").get);
  const setSize = uncurry(getOwnPropertyDescriptor(Set.prototype, "size").get);
  const setInMap = uncurry(Map.prototype.set);
  const hasInMap = uncurry(Map.prototype.has);
  const deleteFromMap = uncurry(Map.prototype.delete);
  const addToSet = uncurry(Set.prototype.add);
  const deleteFromSet = uncurry(Set.prototype.delete);
  const getFromWeakMap = uncurry(WeakMap.prototype.get);
  const hasInWeakMap = uncurry(WeakMap.prototype.has);
  const setInWeakMap = uncurry(WeakMap.prototype.set);
  const deleteFromWeakMap = uncurry(WeakMap.prototype.delete);
  const hasInWeakSet = uncurry(has);
  const addToWeakSet = uncurry(add);
  const deleteFromWeakSet = uncurry(WeakSet.prototype.delete);
  const timeOf = uncurry(RealDate.prototype.getTime);
  const setTimeOf = uncurry(RealDate.prototype.setTime);
  const readerOf = (proto, name) => uncurry(getOwnPropertyDescriptor(proto, name).get);
  const viewParts = ["buffer", "byteOffset", "byteLength"].map((name) => readerOf(TypedArray.prototype, name));
  const dataViewParts = ["buffer", "byteOffset", "byteLength"].map((name) => readerOf(DataView.prototype, name));
  const bufferOf = viewParts[0];
  const isResizable = getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable") && readerOf(ArrayBuffer.prototype, "resizable");

  /** Steps that put something back; each says whether it is now as it was. */
  let journal = list();
  let room = NOTES_MAX;
  /** Objects of which the journal knows all. */
  let noted = privateSet();
  /** What the global object had, while the journal knows it. */
  let globalWas;
  /** Readers and writers of the private fields of old objects. */
  let branded = new WeakMap();
  /** Whether modules are evaluated and what is old is known. */
  let watching = false;

  /** Before an old object is changed. */
  function note(object) {
    if (stained || noted.has(object)) return;
    try {
      if (noteAll(object)) noted.add(object);
      else stained = true;
    } catch {
      // The stack ran out, or there is something nobody thought of.
      stained = true;
    }
  }

  function take(count) {
    room -= count;
    return room >= 0;
  }
  function write(step) {
    journal[journal.length] = step;
    return true;
  }

  /** Of the runtime's objects those that everyday code changes: global names, `Error.stackTraceLimit`. */
  const isOpen = (object) => object === global || object === ErrorHere;

  function noteAll(object) {
    if (builtIn.has(object) && !isOpen(object)) return false;
    const kind = guard(host.kindOf, object);
    if (kind === PROXY || kind === SECRETIVE || kind === FAULT) return false;
    if (kind === MAP && !noteMap(object)) return false;
    if (kind === SET && !noteSet(object)) return false;
    if (kind === VIEW && !noteBytes(object)) return false;
    if (kind === DATE) noteTime(object);
    const brands = getFromWeakMap(branded, object);
    if (brands !== undefined && !notePrivate(object, brands)) return false;
    // A `DataView` has no elements.
    return noteProperties(object, kind === VIEW && isOfBytes(object, viewParts));
  }

  function isIndex(key) {
    if (typeof key !== "string") return false;
    const number = +key >>> 0;
    return number !== 4294967295 && `${number}` === key;
  }

  function namesIn(keys) {
    const names = list();
    for (let i = 0; i < keys.length; i++) if (!isIndex(keys[i])) names[names.length] = keys[i];
    return names;
  }
  /** The elements of typed arrays are noted as bytes. */
  const keysOf = (object, isView) => (isView ? namesIn(ownKeys(object)) : ownKeys(object));
  const redefine = (object, key, descriptor) => defineProperty(object, key, { __proto__: null, ...descriptor });

  function noteProperties(object, isView) {
    const keys = keysOf(object, isView);
    if (!take(keys.length + 1)) return false;
    const descriptors = list();
    for (let i = 0; i < keys.length; i++) {
      const descriptor = getOwnPropertyDescriptor(object, keys[i]);
      // The accessor that engines give to whatever has a stack trace: what it stores is not seen.
      if (keys[i] === "stack" && descriptor.value === undefined) return false;
      descriptors[i] = descriptor;
    }
    if (object === global) globalWas = { __proto__: null, keys, descriptors };
    const proto = getPrototypeOf(object);
    const extensible = isExtensible(object);
    return write(() => {
      if (isExtensible(object) !== extensible) return false;
      if (getPrototypeOf(object) !== proto && !setPrototypeOf(object, proto)) return false;
      const moved = !areEqual(keysOf(object, isView), keys);
      if (moved) takeAway(object, isView, keys, descriptors);
      if (object === global) admitBuilt(keys, descriptors);
      for (let i = 0; i < keys.length; i++) {
        if (isSame(getOwnPropertyDescriptor(object, keys[i]), descriptors[i])) continue;
        if (!redefine(object, keys[i], descriptors[i])) return false;
      }
      return !moved || areEqual(keysOf(object, isView), keys);
    });
  }

  /** Globals that the runtime has built since, when they were first asked for, are to stay. */
  function admitBuilt(keys, descriptors) {
    for (let i = 0; i < keys.length; i++) {
      const lazy = lazies[keys[i]];
      if (lazy?.isBuilt && descriptors[i].get === lazy.get) {
        descriptors[i] = { __proto__: null, value: lazy.value, writable: true, enumerable: false, configurable: true };
      }
    }
  }

  /** The runtime is about to keep something that it has made of globals. */
  function checkGlobals() {
    if (stained || globalWas === undefined) return;
    const { keys, descriptors } = globalWas;
    admitBuilt(keys, descriptors);
    for (let i = 0; i < keys.length; i++) {
      if (!isSame(getOwnPropertyDescriptor(global, keys[i]), descriptors[i])) stained = true;
    }
  }

  function areEqual(some, others) {
    if (some.length !== others.length) return false;
    for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
    return true;
  }

  /** Of ordinary descriptors: `mayLookInto` has made sure that they inherit nothing. */
  const isSame = (one, other) =>
    one !== undefined && is(one.value, other.value) && one.writable === other.writable && one.get === other.get &&
    one.set === other.set && one.enumerable === other.enumerable && one.configurable === other.configurable;
  const ofDescriptors = ["value", "writable", "get", "set", "enumerable", "configurable"];
  function mayLookInto() {
    for (let i = 0; i < ofDescriptors.length; i++) if (ofDescriptors[i] in objectPrototype) return false;
    return true;
  }

  /** Takes away the keys that were not there, and those that stand behind another one than before. */
  function takeAway(object, isView, keys, descriptors) {
    // At once what was appended to an array.
    if (isArray(object)) redefine(object, "length", descriptors[placeOf(keys, "length")]);
    const known = new MapHere();
    for (let i = 0; i < keys.length; i++) setInMap(known, keys[i], true);
    const present = keysOf(object, isView);
    for (let i = 0; i < present.length; i++) if (!hasInMap(known, present[i])) deleteProperty(object, present[i]);
    // Keys other than indices stand in the order in which they were made.
    const before = namesIn(keys);
    const after = namesIn(ownKeys(object));
    let inPlace = 0;
    while (inPlace < after.length && after[inPlace] === before[inPlace]) inPlace += 1;
    for (let i = inPlace; i < after.length; i++) deleteProperty(object, after[i]);
  }

  function placeOf(keys, key) {
    let at = keys.length - 1;
    while (keys[at] !== key) at -= 1;
    return at;
  }

  function noteMap(map) {
    if (!take(mapSize(map))) return false;
    const read = () => {
      const entries = list();
      forEachOfMap(map, (value, key) => {
        entries[entries.length] = key;
        entries[entries.length] = value;
      });
      return entries;
    };
    const was = read();
    return write(() => {
      const present = read();
      let at = 0;
      for (; at < present.length && at < was.length && is(present[at], was[at]); at += 2) {
        if (!is(present[at + 1], was[at + 1])) setInMap(map, was[at], was[at + 1]);
      }
      for (let i = at; i < present.length; i += 2) deleteFromMap(map, present[i]);
      for (; at < was.length; at += 2) setInMap(map, was[at], was[at + 1]);
      return mapSize(map) * 2 === was.length;
    });
  }

  function noteSet(set) {
    if (!take(setSize(set))) return false;
    const read = () => {
      const values = list();
      forEachOfSet(set, (value) => {
        values[values.length] = value;
      });
      return values;
    };
    const was = read();
    return write(() => {
      const present = read();
      let at = 0;
      while (at < present.length && at < was.length && is(present[at], was[at])) at += 1;
      for (let i = at; i < present.length; i++) deleteFromSet(set, present[i]);
      for (; at < was.length; at++) addToSet(set, was[at]);
      return setSize(set) === was.length;
    });
  }

  const isOfBytes = (view, parts) => {
    try {
      parts[0](view);
      return true;
    } catch {
      return false;
    }
  };
  /** All bytes that a typed array or a view shows, in its own buffer. */
  function bytesShown(view) {
    const parts = isOfBytes(view, viewParts) ? viewParts : dataViewParts;
    return new Bytes(parts[0](view), parts[1](view), parts[2](view));
  }

  function noteBytes(view) {
    const bytes = bytesShown(view);
    // One that can be resized may show other bytes by then.
    if (isResizable?.(bufferOf(bytes)) || bytesLength(bytes) > BYTES_MAX || !take(bytesLength(bytes) >> 3)) return false;
    const was = new Bytes(bytesLength(bytes));
    setBytes(was, bytes);
    return write(() => {
      setBytes(bytes, was);
      return true;
    });
  }

  function noteTime(date) {
    const was = timeOf(date);
    write(() => is(setTimeOf(date, was), was));
  }

  function notePrivate(object, brands) {
    for (let i = 0; i < brands.length; i++) {
      const { read, put } = brands[i];
      const was = read(object);
      if (!take(was.length)) return false;
      write(() => {
        put(object, was);
        return true;
      });
    }
    return true;
  }

  /** Before the entry of an old weak collection is changed: nobody could list them all. */
  function noteEntry(collection, key) {
    if (stained || !isObject(key)) {
      // Symbols are keys, too.
      if (typeof key === "symbol") stained = true;
      return;
    }
    let isMap = true, had;
    try {
      had = hasInWeakMap(collection, key);
    } catch {
      isMap = false;
    }
    try {
      if (!take(1)) stained = true;
      else if (isMap) {
        const was = getFromWeakMap(collection, key);
        write(() => (had ? setInWeakMap(collection, key, was) : deleteFromWeakMap(collection, key), true));
      } else {
        had = hasInWeakSet(collection, key);
        write(() => (had ? addToWeakSet(collection, key) : deleteFromWeakSet(collection, key), true));
      }
    } catch {
      stained = true;
    }
  }

  /** Before a variable that is older than the call is assigned. */
  function noteVariable(read, assign) {
    if (stained) return;
    try {
      const was = read();
      if (take(1)) write(() => (assign(was), true));
      else stained = true;
    } catch (error) {
      // One that is not initialised cannot be assigned either.
      if (!isObject(error) || getPrototypeOf(error) !== referenceErrors) stained = true;
    }
  }

  /** After a call, when no code of it can run any more: puts everything back, the latest first. */
  function undo() {
    const steps = journal;
    forgetNotes();
    try {
      for (let i = steps.length - 1; i >= 0 && !stained; i--) if (!steps[i]()) stained = true;
    } catch {
      stained = true;
    }
  }

  function forgetNotes() {
    if (journal.length === 0) return;
    journal = list();
    noted = privateSet();
    globalWas = undefined;
    room = NOTES_MAX;
  }
