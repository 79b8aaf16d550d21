  // Calls from their invocation to their end.

  const VALUE = 0, ERROR = 1, PLAIN = 2;
  /** Calls that run: by number, and by the id that the SDK hands back with every request. */
  const active = new Map();
  const byId = new Map();
  /** The call that runs, wherever it was continued. */
  const running = new AsyncLocalStorage();
  let entered = 0;

  /** Tells the server whose code runs from now on. */
  function announce(call) {
    if (entered === call.number) return;
    entered = call.number;
    frame(OUT_ENTER);
    writeU32(entered);
    send();
  }

  function newCall(number) {
    const call = {
      number,
      id: `${number}-${randomUUID()}`,
      done: false,
      /** While modules are evaluated nothing can be asked of the server. */
      importing: true,
      /** Requests that are not answered, and those of them that were not sent yet. */
      ops: new Map(),
      waiting: [],
      sent: 0,
      asked: 0,
      /** Files that it stores and reads, and those that wait to. */
      moving: 0,
      turns: [],
      lines: [],
      characters: 0,
      full: false,
    };
    active.set(number, call);
    byId.set(call.id, call);
    return call;
  }

  function beginCall() {
    const call = newCall(readU32());
    const module = readString(), name = readString(), args = readString();
    announce(call);
    running.run(call, () => void perform(call, module, name, args));
  }

  /** Runs an export of a module; without a name, tells what the module exports. */
  async function perform(call, module, name, args) {
    try {
      const namespace = await load(pathToFileURL(path.join(options.root, module)).href);
      if (call.done) return;
      call.importing = false;
      finish(call, VALUE, name === "" ? describe(namespace) : await invoke(call, namespace, module, name, args));
    } catch (error) {
      fail(call, error);
    }
  }

  async function invoke(call, namespace, module, name, args) {
    if (!Object.hasOwn(namespace, name)) {
      throw new Refusal(`Couldn't find "${name}" in module "${module}". Was it renamed or removed since the last push?`);
    }
    const value = namespace[name];
    const kind = kindOf(value);
    if (kind === undefined) {
      throw new Refusal(`\`${name}\` of module "${module}" is not a Convex function: wrap it in action().`);
    }
    if (kind !== "Action") {
      throw new Refusal(`Trying to execute ${module}:${name} as Action, but it is defined as ${kind}.`);
    }
    const text = await value.invokeAction(call.id, args);
    if (typeof text !== "string") {
      throw new Refusal(`${module}:${name} did not return JSON text. Is its \`convex\` package damaged?`);
    }
    return text;
  }

  /** Ends a call with what was thrown. */
  function fail(call, thrown) {
    if (thrown instanceof Refusal) return finish(call, PLAIN, clean(thrown.message));
    return finish(call, ERROR, clean(textOf(thrown)), clean(stackOf(thrown)), dataOf(thrown));
  }

  function finish(call, status, text, stack = "", data = undefined) {
    if (call.done) return;
    warnOfOutstanding(call);
    forget(call);
    frame(OUT_DONE);
    writeU32(call.number);
    writeU8(status);
    writeString(text);
    writeString(stack);
    writeU8(data === undefined ? 0 : 1);
    writeString(data ?? "");
    // Neither observations nor a verdict: there are no realms.
    writeU8(0);
    writeString("");
    writeLines(call.lines);
    // What nobody awaited is said in lines of the call.
    writeU32(0);
    send();
  }

  function writeLines(lines) {
    writeU32(lines.length);
    for (const line of lines) {
      writeU8(line.level);
      writeU8(line.truncated ? 1 : 0);
      writeF64(line.time);
      writeU32(line.messages.length);
      for (const message of line.messages) writeString(message);
    }
  }

  /** A call that is over asks for nothing and hears of nothing; its promises never settle. */
  function forget(call) {
    if (call === undefined) return;
    call.done = true;
    call.ops.clear();
    call.waiting.length = 0;
    call.turns.length = 0;
    active.delete(call.number);
    byId.delete(call.id);
  }
