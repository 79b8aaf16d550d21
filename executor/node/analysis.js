  // What a module exports, as JSON for the server; function-runtime 2.2 without routes and crons,
  // which belong to modules that cannot be Node's.

  const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const FLAGS = [["isQuery", "invokeQuery", "Query"], ["isMutation", "invokeMutation", "Mutation"],
    ["isAction", "invokeAction", "Action"], ["isHttp", "invokeHttpAction", "HttpAction"]];

  function kindOf(value) {
    if (!isObject(value)) return undefined;
    const found = FLAGS.filter(([flag, invoke]) => flag in value && invoke in value);
    return found.length === 1 ? found[0][2] : undefined;
  }

  function validatorText(value, member, name) {
    if (value[member] === undefined) return null;
    const text = value[member]();
    const problem = (what) => new Refusal(`${member} of \`${name}\` ${what}`);
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
      throw new Refusal(`InvalidFunctionName: \`${name}\` is not an identifier of at most 64 characters`);
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

  function describe(namespace) {
    const functions = Object.keys(namespace).map((name) => describeFunction(name, namespace[name]));
    return stringify({ functions: functions.filter((found) => found !== undefined), routes: null, crons: null });
  }
