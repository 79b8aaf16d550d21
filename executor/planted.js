  // Mistakes of the bridge, made on purpose: what the corpus of escapes has to notice. Builds for
  // release have none of this.
  const inside = (context, text, made) => vm.runInContext(text, context)(made);
  const leaks = {
    __proto__: null,
    /** A global is a function of the main context. */
    function(context) {
      context.atob = (text) => {
        if (text === "$") throw new TypeError("this is no base64");
        return text;
      };
    },
    /** So is a method of an object of the realm. */
    method(context) {
      Object.defineProperty(context.console, "log", { value: () => {} });
    },
    /** A function of the realm passes on what the main context has made. */
    result(context) {
      context.structuredClone = inside(context, "(made) => () => made()", () => ({ a: 1 }));
    },
    /** The same of a promise. */
    promise(context) {
      const digest = inside(context, "(made) => () => made()", async () => 1);
      Object.defineProperty(context.crypto.subtle, "digest", { value: digest });
    },
    /** A function of the realm lets an error of the main context through. */
    error(context) {
      const text = "(made) => class URL { constructor(text) { made(text); } }";
      context.URL = inside(context, text, (url) => void new URL(url));
    },
    /** The way to everything. */
    require(context) {
      context.require = require;
    },
  };

  function plant(context, name) {
    leaks[name](context);
  }
