  // How console arguments are written down: the format of the `object-inspect` library with
  // `{indent: 2, maxStringLength: 32768, customInspect: true}`.

  const INSPECT_DEPTH = 5;
  const INSPECT_STRING_MAX = 32768;
  /** A console line is cut at 32,768 bytes: nothing past this budget would be seen. */
  const INSPECT_BUDGET = 200000;
  const ESCAPES = { __proto__: null, 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r" };

  const { isArray } = Array;
  const isArrayBuffer = (value) => value instanceof ArrayBuffer;
  const classOf = (value) => sliceText(apply(Object.prototype.toString, value, []), 8, -1);

  function quoteText(text) {
    const shown = text.length > INSPECT_STRING_MAX ? sliceText(text, 0, INSPECT_STRING_MAX) : text;
    let out = "'";
    let from = 0;
    for (let i = 0; i < shown.length; i++) {
      const code = codeAt(shown, i);
      if (code >= 32 && code !== 39 && code !== 92) continue;
      out += sliceText(shown, from, i);
      from = i + 1;
      if (code === 39 || code === 92) out += `\\${shown[i]}`;
      else out += ESCAPES[code] ?? `\\x${code < 16 ? "0" : ""}${code.toString(16).toUpperCase()}`;
    }
    out += `${sliceText(shown, from)}'`;
    const left = text.length - shown.length;
    return left === 0 ? out : `${out}... ${left} more character${left > 1 ? "s" : ""}`;
  }

  function createInspector() {
    let budget = INSPECT_BUDGET;
    const pad = (depth) => "  ".repeat(depth);
    const indented = (parts, depth) => {
      if (parts.length === 0) return "";
      const joiner = `\n${pad(depth + 1)}`;
      return `${joiner}${parts.join(`,${joiner}`)}\n${pad(depth)}`;
    };

    function keysOf(value, depth, seen) {
      const parts = [];
      if (isArray(value)) {
        for (let i = 0; i < value.length && budget > 0; i++) {
          parts[i] = i in value ? inspect(value[i], depth + 1, seen) : "";
        }
      }
      for (const key in value) {
        if (budget <= 0) break;
        if (!Object.hasOwn(value, key)) continue;
        if (isArray(value) && String(Number(key)) === key && key < value.length) continue;
        const name = /[^\w$]/.test(key) ? quoteText(key) : key;
        parts.push(`${name}: ${inspect(value[key], depth + 1, seen)}`);
      }
      for (const key of Object.getOwnPropertySymbols(value)) {
        if (!getOwnPropertyDescriptor(value, key)?.enumerable) continue;
        parts.push(`[${String(key)}]: ${inspect(value[key], depth + 1, seen)}`);
      }
      return parts;
    }

    function inspectFunction(value, depth, seen) {
      const name = typeof value.name === "string" && value.name !== "" ? `: ${value.name}` : " (anonymous)";
      const parts = keysOf(value, depth, seen);
      return `[Function${name}]${parts.length > 0 ? ` { ${parts.join(", ")} }` : ""}`;
    }

    function inspectError(value, depth, seen) {
      const parts = keysOf(value, depth, seen);
      const text = textOf(value);
      if (Object.hasOwn(value, "cause") && !getOwnPropertyDescriptor(value, "cause").enumerable) {
        parts.unshift(`[cause]: ${inspect(value.cause, depth + 1, seen)}`);
      }
      return parts.length === 0 ? `[${text}]` : `{ [${text}] ${parts.join(", ")} }`;
    }

    function inspectCollection(value, depth, seen) {
      const parts = [];
      if (value instanceof Map) {
        for (const [key, item] of value) {
          if (budget <= 0) break;
          parts.push(`${inspect(key, depth + 1, seen)} => ${inspect(item, depth + 1, seen)}`);
        }
      } else {
        for (const item of value) {
          if (budget <= 0) break;
          parts.push(inspect(item, depth + 1, seen));
        }
      }
      const name = value instanceof Map ? "Map" : "Set";
      return `${name} (${value.size}) {${indented(parts, depth)}}`;
    }

    function inspectPlain(value, depth, seen) {
      const parts = keysOf(value, depth, seen);
      const proto = getPrototypeOf(value);
      const plain = proto === Object.prototype;
      const nullish = value instanceof Object ? "" : "null prototype";
      const stringTag = !plain && Symbol.toStringTag in value ? classOf(value) : nullish ? "Object" : "";
      const maker = plain || typeof value.constructor !== "function" ? "" : value.constructor.name;
      const tags = [stringTag, nullish].filter((part) => part !== "").join(": ");
      const prefix = `${maker ? `${maker} ` : ""}${tags ? `[${tags}] ` : ""}`;
      return parts.length === 0 ? `${prefix}{}` : `${prefix}{${indented(parts, depth)}}`;
    }

    function inspectObject(value, depth, seen) {
      if (depth >= INSPECT_DEPTH) return isArray(value) ? "[Array]" : "[Object]";
      if (seen.includes(value)) return "[Circular]";
      const inside = [...seen, value];
      if (typeof value === "function") return inspectFunction(value, depth, inside);
      if (value === global) return "{ [object globalThis] }";
      if (isArray(value)) {
        const parts = keysOf(value, depth, inside);
        if (parts.length === 0) return "[]";
        const single = parts.every((part) => !part.includes("\n"));
        return single ? `[ ${parts.join(", ")} ]` : `[${indented(parts, depth)}]`;
      }
      if (isError(value)) return inspectError(value, depth, inside);
      if (typeof value.inspect === "function") return String(value.inspect());
      if (value instanceof Map || value instanceof Set) return inspectCollection(value, depth, inside);
      switch (classOf(value)) {
        case "WeakMap": return "WeakMap { ? }";
        case "WeakSet": return "WeakSet { ? }";
        case "WeakRef": return "WeakRef { ? }";
        case "Number": return `Object(${inspect(Number(value), depth, inside)})`;
        case "BigInt": return `Object(${BigInt(value)}n)`;
        case "Boolean": return `Object(${Boolean.prototype.valueOf.call(value)})`;
        case "String": return `Object(${quoteText(String(value))})`;
        case "Date":
        case "RegExp": return String(value);
        default: return inspectPlain(value, depth, inside);
      }
    }

    function inspect(value, depth, seen) {
      if (budget <= 0) return "...";
      let text;
      switch (typeof value) {
        case "string": text = quoteText(value); break;
        case "number": text = Object.is(value, -0) ? "-0" : String(value); break;
        case "bigint": text = `${value}n`; break;
        case "symbol": text = String(value); break;
        case "function": text = inspectObject(value, depth, seen); break;
        case "object": text = value === null ? "null" : inspectObject(value, depth, seen); break;
        default: text = String(value);
      }
      budget -= text.length + 1;
      return text;
    }
    return (value) => inspect(value, 0, []);
  }

  /** The inspector's text; what a getter or a proxy throws is shown instead of thrown. */
  function inspectSafely(value) {
    try {
      return createInspector()(value);
    } catch (error) {
      return `[${textOf(error)}]`;
    }
  }
