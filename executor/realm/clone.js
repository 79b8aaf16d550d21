  // `structuredClone`, without a transfer list.

  const cloneRefused = (value) =>
    domException(`${attempt(() => String(value), "The value")} could not be cloned.`, "DataCloneError");

  function cloneArrayBuffer(buffer) {
    const bytes = new Bytes(new Bytes(buffer));
    return bytes.buffer;
  }

  function cloneError(value, seen) {
    const kinds = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
    const Kind = kinds[value.name] ?? ErrorHere;
    const copy = new Kind(value.message);
    seen.set(value, copy);
    if (typeof value.stack === "string") {
      defineProperty(copy, "stack", { __proto__: null, value: value.stack, writable: true, configurable: true });
    }
    if (Object.hasOwn(value, "cause")) {
      const cause = clone(value.cause, seen);
      defineProperty(copy, "cause", { __proto__: null, value: cause, writable: true, configurable: true });
    }
    return copy;
  }

  function cloneView(value, seen) {
    const buffer = clone(value.buffer, seen);
    const Kind = classOf(value) === "DataView" ? DataView : global[classOf(value)];
    return new Kind(buffer, value.byteOffset, classOf(value) === "DataView" ? value.byteLength : value.length);
  }

  function cloneSpecial(value, seen) {
    if (ArrayBuffer.isView(value)) return cloneView(value, seen);
    if (isError(value)) return cloneError(value, seen);
    switch (classOf(value)) {
      case "Date": return new RealDate(apply(RealDate.prototype.getTime, value, []));
      case "RegExp": return new RegExp(value.source, value.flags);
      case "ArrayBuffer": return cloneArrayBuffer(value);
      case "Boolean":
      case "Number":
      case "String":
      case "BigInt": return Object(value.valueOf());
      case "Map": return new Map();
      case "Set": return new Set();
      case "Array": return new Array(value.length);
      case "Object": return {};
      default: throw cloneRefused(value);
    }
  }

  function clone(value, seen) {
    if (typeof value === "symbol" || typeof value === "function") throw cloneRefused(value);
    if (!isObject(value)) return value;
    if (seen.has(value)) return seen.get(value);
    const copy = cloneSpecial(value, seen);
    seen.set(value, copy);
    if (copy instanceof Map) {
      for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
    } else if (copy instanceof Set) {
      for (const item of [...value]) copy.add(clone(item, seen));
    } else if (isArray(copy) || classOf(value) === "Object") {
      for (const key of Object.keys(value)) {
        // Defined, not assigned: `__proto__` is a name like any other.
        const item = clone(value[key], seen);
        defineProperty(copy, key, { __proto__: null, value: item, writable: true, enumerable: true, configurable: true });
      }
    }
    return copy;
  }

  expose("structuredClone", { structuredClone(value, options) {
    if (options?.transfer?.length > 0) {
      refuse("structuredClone with a transfer list is not supported");
      throw new TypeErrorHere("structuredClone with a transfer list is not supported");
    }
    return clone(value, new Map());
  } }.structuredClone);
