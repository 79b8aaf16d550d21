  // What is said of errors: primitives only. Whatever was thrown, looking at it must not throw.

  const TEXT_MAX = 65536;
  const cut = (text) => (text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text);

  /** A mistake that is reported as it is, without frames. */
  class Refusal extends Error {}

  function attempt(fn, otherwise) {
    try {
      const value = fn();
      return typeof value === "string" ? value : otherwise;
    } catch {
      return otherwise;
    }
  }

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  const isError = (value) => {
    try {
      return types.isNativeError(value) || value instanceof Error;
    } catch {
      return false;
    }
  };

  /** Folders of the server's machine, and how developers know them. */
  const FOLDERS = [[options.root, "convex:/"], ...(options.packages ? [[options.packages, ""]] : [])].flatMap(
    ([folder, name]) => [[pathToFileURL(`${folder}${path.sep}`).href, name], [`${folder}${path.sep}`, name]],
  );

  /** Text without the folders of this machine. */
  function clean(text) {
    for (const [folder, name] of FOLDERS) {
      if (text.includes(folder)) text = text.replaceAll(folder, name);
    }
    return text;
  }

  /** Stacks name the modules, whatever folder they are in; user code gets to see them so. */
  function nameFrames() {
    Error.prepareStackTrace = (error, frames) => {
      const head = attempt(() => Error.prototype.toString.call(error), "Error");
      return clean(frames.reduce((text, each) => `${text}\n    at ${attempt(() => each.toString(), "?")}`, head));
    };
  }

  /** The text of anything, as `Uncaught <text>` shows it. */
  function textOf(thrown) {
    if (isError(thrown)) return cut(attempt(() => Error.prototype.toString.call(thrown), "Error"));
    if (typeof thrown === "function") return "#<Function>";
    return cut(attempt(() => String(thrown), "#<Object>"));
  }

  const stackOf = (thrown) => (isError(thrown) ? cut(attempt(() => thrown.stack, "")) : "");

  /** The data of a ConvexError, as the JSON text that the SDK has made of it. */
  function dataOf(thrown) {
    if (!isObject(thrown)) return undefined;
    try {
      const mark = thrown.ConvexErrorSymbol;
      if (typeof mark !== "symbol" || thrown[mark] !== true) return undefined;
      return typeof thrown.data === "string" ? thrown.data : undefined;
    } catch {
      return undefined;
    }
  }
