  // What a module exports, as JSON for the server (function-runtime 2.2 to 2.7).

  /** A mistake in what is exported: reported without frames, which would be the executor's. */
  function mistake(text) {
    refuse(text);
    return new ErrorHere(text);
  }

  const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const FLAGS = [["isQuery", "invokeQuery", "Query"], ["isMutation", "invokeMutation", "Mutation"],
    ["isAction", "invokeAction", "Action"]];

  function kindOf(value) {
    if (!isObject(value)) return undefined;
    const found = FLAGS.filter(([flag, invoke]) => flag in value && invoke in value);
    return found.length === 1 ? found[0][2] : undefined;
  }

  function validatorText(value, member, name) {
    if (value[member] === undefined) return null;
    const text = value[member]();
    const problem = (what) => mistake(`${member} of \`${name}\` ${what}`);
    if (typeof text !== "string") throw problem("did not return a string");
    let validator;
    try {
      validator = parse(text);
    } catch {
      throw problem("did not return JSON");
    }
    if (member === "exportArgs" && validator?.type !== "object" && validator?.type !== "any") {
      throw problem("must describe an object or anything: arguments are named");
    }
    return text;
  }

  function describeFunction(name, value) {
    const kind = kindOf(value);
    if (kind === undefined) return undefined;
    const isPublic = value.isPublic === true, isInternal = value.isInternal === true;
    if (isPublic && isInternal) return undefined;
    if (!NAME.test(name) || name.length > 64) {
      throw mistake(`InvalidFunctionName: \`${name}\` is not an identifier of at most 64 characters`);
    }
    const handler = typeof value._handler === "function" ? value._handler : value;
    return {
      name,
      kind,
      public: isPublic ? true : isInternal ? false : null,
      args: validatorText(value, "exportArgs", name),
      returns: validatorText(value, "exportReturns", name),
      source: typeof handler === "function" ? Function.prototype.toString.call(handler) : "",
    };
  }

  /** What the modules that are not functions must export. */
  const WRITE = {
    http: "Write `const http = httpRouter(); ... export default http;` with httpRouter of \"convex/server\".",
    crons: "Write `const crons = cronJobs(); ... export default crons;` with cronJobs of \"convex/server\".",
    schema: "Write `export default defineSchema({ ... });` with defineSchema of \"convex/server\".",
    definition: "Write `const app = defineApp(); ... export default app;` with defineApp of \"convex/server\".",
    auth: "Write `export default { providers: [ ... ] };`.",
  };

  function describeRoutes(namespace) {
    const router = namespace.default;
    if (router === undefined) throw mistake(`\`convex/http.js\` must default-export a Router. ${WRITE.http}`);
    if (router?.isRouter !== true) throw mistake(`The default export of \`convex/http.js\` is not a Router. ${WRITE.http}`);
    return router.getRoutes().map(([path, method]) => ({ path: `${path}`, method: `${method}` }));
  }

  function describeCrons(namespace) {
    const crons = namespace.default;
    if (crons === undefined) throw mistake(`\`convex/crons.js\` must default-export a Crons object. ${WRITE.crons}`);
    if (crons?.isCrons !== true) throw mistake(`The default export of \`convex/crons.js\` is not a Crons object. ${WRITE.crons}`);
    return `${crons.export()}`;
  }

  function describeModule(namespace, path) {
    const functions = [];
    for (const name of Object.keys(namespace)) {
      const found = describeFunction(name, namespace[name]);
      if (found !== undefined) functions.push(found);
    }
    return {
      functions,
      routes: path === "http.js" ? describeRoutes(namespace) : null,
      crons: path === "crons.js" ? describeCrons(namespace) : null,
    };
  }

  function exported(namespace, code, write) {
    const value = namespace.default;
    if (value === undefined) throw mistake(`${code}: there is no default export. ${write}`);
    return value;
  }

  function analysed(namespace, path, mode) {
    if (mode === MODE_ANALYSIS) return stringify(describeModule(namespace, path));
    if (mode === AUTH) {
      const text = stringify(exported(namespace, "AuthConfigMissingExportError", WRITE.auth));
      if (text === undefined) throw mistake(`AuthConfigNotMatchingSchemaError: the default export is no object. ${WRITE.auth}`);
      return text;
    }
    const missing = mode === SCHEMA ? "MissingSchemaExportError" : "MissingDefinitionExportError";
    const write = mode === SCHEMA ? WRITE.schema : WRITE.definition;
    const value = exported(namespace, missing, write);
    const code = mode === SCHEMA ? "InvalidSchemaExport" : "InvalidDefinitionExport";
    if (!isObject(value) || typeof value.export !== "function") {
      throw mistake(`${code}: the default export has no method export(). ${write}`);
    }
    const text = value.export();
    if (mode === DEFINITION) return stringify(text);
    if (typeof text !== "string") throw mistake(`${code}: export() did not return a string`);
    return text;
  }

  /** Evaluates the exports of an evaluated module; the outcome is their JSON text. */
  function report(index, path, mode) {
    try {
      const text = analysed(modules[index].namespace, path, mode);
      if (failed) return;
      outcome.status = VALUE;
      outcome.text = text;
      settled = true;
    } catch (error) {
      fail(error);
    }
  }
