  // The global `Convex`: requests to the server, for the call whose `ctx` makes them.

  const PENDING_MAX = 1000;
  const LEFTOVER =
    "Leftover state detected: an operation was begun on behalf of an action that has ended. Await every promise before " +
    "the action returns, and do not keep `ctx` for later calls.";
  const KINDS = {
    "1.0/actions/query": "query", "1.0/actions/mutation": "mutation", "1.0/actions/action": "action",
    "1.0/actions/schedule": "schedule", "actions/schedule": "schedule",
    "storage/begin": "storageStore", "storage/write": "storageStore", "storage/end": "storageStore",
    "storage/open": "storageGet", "storage/read": "storageGet",
  };
  const kindOfOp = (op) => KINDS[op] ?? op.replace(/^1\.0\/(actions\/)?/, "");

  /** Whose request it is: the SDK says so where it knows, else it is of the call that runs. */
  function callOf(args) {
    let id;
    try {
      id = parse(args)?.requestId;
    } catch {
      throw new TypeError("Received invalid json");
    }
    const call = typeof id === "string" && id !== "" ? byId.get(id) : running.getStore();
    if (call === undefined || call.done) throw new Error(LEFTOVER);
    return call;
  }

  function checkTexts(op, args) {
    if (typeof op !== "string" || typeof args !== "string") throw new TypeError("Received invalid json");
  }

  function refuseImport(call, op) {
    if (call.importing) throw new Error(`Can't use this operation at import time (\`${op}\`): call it inside an action.`);
  }

  async function asyncSyscall(op, args) {
    checkTexts(op, args);
    const call = callOf(args);
    // Lines for the audit log are dropped.
    if (op === "1.0/auditLog" && !call.importing) return "null";
    return await ask(call, OUT_CALLS, op, args);
  }

  /** A request of a call, perhaps with bytes, or with bytes (a Blob) as its answer. */
  async function ask(call, kind, op, args, bytes) {
    if (call.done) throw new Error(LEFTOVER);
    refuseImport(call, op);
    if (call.ops.size >= PENDING_MAX) {
      throw new Error(`Too many concurrent operations: at most ${PENDING_MAX} of an action may wait at a time. Await some first.`);
    }
    return await new Promise((resolve, reject) => {
      const id = ++call.asked;
      call.ops.set(id, { op, resolve, reject });
      call.waiting.push({ id, kind, op, args, bytes });
      sendWaiting(call);
    });
  }

  /** Hands over requests in the order in which they were made, so many at a time. */
  function sendWaiting(call) {
    while (call.waiting.length > 0 && call.sent < options.concurrent) {
      const { id, kind, op, args, bytes } = call.waiting.shift();
      call.sent += 1;
      frame(kind);
      writeU32(call.number);
      writeU32(id);
      writeString(op);
      writeString(args);
      if (bytes !== undefined) writeBytes(bytes);
      send();
    }
  }

  function deliver() {
    const call = active.get(readU32());
    const id = readU32(), status = readU8();
    // Nobody waits for the answers to calls that have ended.
    if (call === undefined) return;
    const asked = call.ops.get(id);
    call.ops.delete(id);
    call.sent -= 1;
    sendWaiting(call);
    announce(call);
    if (status === REPLY_BYTES) return asked.resolve(new Blob([input.subarray(at)]));
    const text = readString();
    const data = status === REPLY_DATA ? readString() : undefined;
    if (status === 0) return asked.resolve(text);
    const error = new Error(text);
    if (data !== undefined) error.data = parse(data);
    return asked.reject(error);
  }

  /** Actions have no operations that are answered at once: the socket is everybody's. */
  function syscall(op, args) {
    checkTexts(op, args);
    refuseImport(callOf(args), op);
    throw new Error(
      op === "1.0/componentArgument" ? "The root app has no component arguments (NoComponentArgs)." : `Unknown operation ${op}`,
    );
  }

  /** One line for each kind of request that was made and not awaited. */
  function warnOfOutstanding(call) {
    const kinds = new Set([...call.ops.values()].map(({ op }) => kindOfOp(op)));
    for (const kind of kinds) {
      const text =
        `You have an outstanding ${kind} call. Operations should be awaited or they might not run. Not awaiting promises ` +
        "might result in unexpected failures. See https://docs.convex.dev/functions/actions#dangling-promises for more information.";
      addLine(WARN, [text], call);
    }
  }
