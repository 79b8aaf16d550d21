  // What a call changes of what is older than it is noted before the first change and put back
  // after the call, so that the realm can serve another. What cannot be put back exactly stains
  // the realm: it then serves no other call. ADR 0010 says why that is enough.
  //
  // Nothing here runs user code: proxies are never looked into, getters never called.

  /** Properties, entries and variables that are noted in one call; noting them all takes about a millisecond. */
  const NOTES_MAX = 4096;
  /** Bytes of a view. */
  const BYTES_MAX = 4096;
  const { isExtensible, deleteProperty, setPrototypeOf } = Reflect;
  const is = Object.is;
  const referenceErrors = ReferenceError.prototype;
  const mapSize = uncurry(getOwnPropertyDescriptor(Map.prototype, "size").get);
  const setSize = uncurry(getOwnPropertyDescriptor(Set.prototype, "size").get);
  const setInMap = uncurry(Map.prototype.set);
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
  const isResizable = getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable") && readerOf(ArrayBuffer.prototype, "resizable");

  /** Steps that put something back; each says whether it is now as it was. */
  let journal = list();
  let room = NOTES_MAX;
  /** Objects of which the journal knows all. */
  let noted = privateSet();
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

  function noteAll(object) {
    if (builtIn.has(object)) return false;
    const kind = guard(host.kindOf, object);
    if (kind === PROXY || kind === SECRETIVE || kind === FAULT) return false;
    if (kind === MAP && !noteMap(object)) return false;
    if (kind === SET && !noteSet(object)) return false;
    if (kind === VIEW && !noteBytes(object)) return false;
    if (kind === DATE) noteTime(object);
    const brands = getFromWeakMap(branded, object);
    if (brands !== undefined && !notePrivate(object, brands)) return false;
    return noteProperties(object, kind === VIEW);
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
    const own = create(null);
    for (let i = 0; i < keys.length; i++) {
      const descriptor = getOwnPropertyDescriptor(object, keys[i]);
      // The accessor that engines give to whatever has a stack trace: what it stores is not seen.
      if (keys[i] === "stack" && !hasOwn(descriptor, "value")) return false;
      own[keys[i]] = descriptor;
    }
    const was = { __proto__: null, object, isView, keys, own, proto: getPrototypeOf(object), extensible: isExtensible(object) };
    return write(() => isAsNoted(was) || (repair(was), isAsNoted(was)));
  }

  function isSame(one, other) {
    if (one === undefined || one.configurable !== other.configurable || one.enumerable !== other.enumerable) return false;
    if (!hasOwn(one, "value")) return !hasOwn(other, "value") && one.get === other.get && one.set === other.set;
    return hasOwn(other, "value") && one.writable === other.writable && is(one.value, other.value);
  }

  function isAsNoted({ object, isView, keys, own, proto, extensible }) {
    if (isExtensible(object) !== extensible || getPrototypeOf(object) !== proto) return false;
    const present = keysOf(object, isView);
    if (present.length !== keys.length) return false;
    for (let i = 0; i < keys.length; i++) if (present[i] !== keys[i]) return false;
    for (let i = 0; i < keys.length; i++) {
      if (!isSame(getOwnPropertyDescriptor(object, keys[i]), own[keys[i]])) return false;
    }
    return true;
  }

  /** Does what it can; whether that was enough is looked at afterwards. */
  function repair({ object, isView, keys, own, proto }) {
    if (getPrototypeOf(object) !== proto) setPrototypeOf(object, proto);
    // At once what was appended to an array.
    if (isArray(object)) redefine(object, "length", own.length);
    const present = keysOf(object, isView);
    for (let i = 0; i < present.length; i++) if (own[present[i]] === undefined) deleteProperty(object, present[i]);
    // Keys other than indices stand in the order in which they were made: from the first that is
    // out of place they are made anew.
    const before = namesIn(keys);
    const after = namesIn(ownKeys(object));
    let inPlace = 0;
    while (inPlace < after.length && after[inPlace] === before[inPlace]) inPlace += 1;
    for (let i = inPlace; i < after.length; i++) deleteProperty(object, after[i]);
    for (let i = 0; i < keys.length; i++) {
      if (!isSame(getOwnPropertyDescriptor(object, keys[i]), own[keys[i]])) redefine(object, keys[i], own[keys[i]]);
    }
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

  /** All bytes that a typed array or a view shows. */
  function bytesOf(view) {
    let parts = viewParts;
    try {
      parts[0](view);
    } catch {
      parts = dataViewParts;
    }
    const buffer = parts[0](view);
    if (isResizable?.(buffer)) return undefined;
    return new Bytes(buffer, parts[1](view), parts[2](view));
  }

  function noteBytes(view) {
    const bytes = bytesOf(view);
    if (bytes === undefined || bytesLength(bytes) > BYTES_MAX || !take(bytesLength(bytes) >> 3)) return false;
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
    room = NOTES_MAX;
  }
