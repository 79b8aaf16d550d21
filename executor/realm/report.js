  // How a call ended, as primitives. Whatever was thrown, looking at it must not throw.

  const MESSAGE_MAX = 65536;
  const VALUE = 0, ERROR = 1, PLAIN = 2;

  const outcome = {
    __proto__: null,
    /** 0: `text` is the value. 1: `text` is the message of what was thrown. 2: of the host's own error. */
    status: VALUE,
    text: "null",
    stack: "",
    data: undefined,
    observed: 0,
  };
  let failed = false;

  const cut = (text) => (text.length > MESSAGE_MAX ? sliceText(text, 0, MESSAGE_MAX) : text);

  function attempt(fn, otherwise) {
    try {
      const value = fn();
      return typeof value === "string" ? value : otherwise;
    } catch {
      return otherwise;
    }
  }

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  function isError(value) {
    try {
      return value instanceof ErrorHere;
    } catch {
      return false;
    }
  }

  /** The text of anything, as `Uncaught <text>` shows it. */
  function textOf(thrown) {
    if (isError(thrown)) return cut(attempt(() => errorToString(thrown), "Error"));
    if (typeof thrown === "function") return "#<Function>";
    return cut(attempt(() => `${typeof thrown === "symbol" ? String(thrown) : thrown}`, "#<Object>"));
  }

  function dataOf(thrown) {
    if (!isObject(thrown)) return undefined;
    try {
      const mark = thrown.ConvexErrorSymbol;
      if (typeof mark !== "symbol" || thrown[mark] !== true) return undefined;
      const data = thrown.data;
      return typeof data === "string" ? data : undefined;
    } catch {
      return undefined;
    }
  }

  /** Ends the call with what user code threw; the first failure counts. */
  function fail(thrown) {
    if (failed) return;
    failed = true;
    outcome.status = ERROR;
    outcome.text = textOf(thrown);
    outcome.stack = isError(thrown) ? cut(attempt(() => thrown.stack, "")) : "";
    outcome.data = dataOf(thrown);
  }

  /** Ends the call with an error of the host itself, which has no frames. */
  function refuse(message) {
    if (failed) return;
    failed = true;
    outcome.status = PLAIN;
    outcome.text = cut(message);
    outcome.stack = "";
    outcome.data = undefined;
  }
