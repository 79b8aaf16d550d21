  // The global `Convex`: requests to the server. Asynchronous ones are collected here until the
  // executor fetches them (`ops`, `texts`), and answered in the order in which they were issued.

  const ops = list();
  const texts = list();
  const resolvers = list();
  const rejecters = list();
  let waitingResolvers = list();
  let waitingRejecters = list();
  let queued = 0;

  function importError(op) {
    const db = /^1\.0\/(get|query|count|insert|shallowMerge|replace|remove|db)/.test(op);
    const what = db ? "the database" : "this operation";
    return new ErrorHere(`Can't use ${what} at import time (\`${op}\`): call it inside a query, mutation or action.`);
  }

  function enqueue(op, args, resolve, reject) {
    if (ended.length > 0) sayEnded();
    ops[queued] = op;
    texts[queued] = args;
    resolvers[queued] = resolve;
    rejecters[queued] = reject;
    queued += 1;
  }

  function sayEnded() {
    const closed = ended;
    ended = list();
    for (let i = 0; i < closed.length; i++) enqueue("1.0/queryCleanup", closed[i], ignore, ignore);
  }

  function asyncSyscall(op, args) {
    return new PromiseHere((resolve, reject) => {
      if (typeof op !== "string" || typeof args !== "string") {
        reject(new TypeErrorHere("Received invalid json"));
      } else if (now.phase !== RUNNING) {
        reject(importError(op));
      } else if (acting) {
        startCall(op, args, resolve, reject);
      } else if (op === "1.0/queryStreamNext") {
        nextRow(args, resolve, reject);
      } else {
        if (paging > 0 && !HARMLESS[op]) takeBackAll();
        enqueue(op, args, resolve, reject);
      }
    });
  }

  /** Actions have no operations that are answered at once: the socket is everybody's. */
  const noSyncCall = (op) =>
    op === "1.0/componentArgument" ? "The root app has no component arguments (NoComponentArgs)." : `Unknown operation ${op}`;

  function syscall(op, args) {
    if (typeof op !== "string" || typeof args !== "string") throw new TypeErrorHere("Received invalid json");
    if (now.phase !== RUNNING) throw importError(op);
    if (acting) throw new ErrorHere(noSyncCall(op));
    if (op === "1.0/queryStream") return openStream(args);
    if (op === "1.0/queryCleanup") return closeStream(args);
    const reply = guard(host.sync, op, args);
    if (reply === false) throw new ErrorHere(guard(host.failure));
    return reply;
  }

  function jsSyscall(op, arg) {
    if (acting && now.phase === RUNNING) {
      if (OF_FILES[op] !== undefined) return OF_FILES[op](arg);
      const result = httpSyscall(op, arg);
      if (result !== undefined) return result;
    }
    const message = `Unknown JS syscall: ${typeof op === "string" ? op : typeof op}`;
    refuse(message);
    throw new ErrorHere(message);
  }

  /** The executor has sent what was queued. */
  function sent() {
    waitingResolvers = list();
    waitingRejecters = list();
    for (let i = 0; i < queued; i++) {
      waitingResolvers[i] = resolvers[i];
      waitingRejecters[i] = rejecters[i];
      resolvers[i] = rejecters[i] = undefined;
    }
    queued = 0;
  }

  /** The reply to the i-th request of what was sent last. */
  const deliver = (i, status, text, data) => settleCall(waitingResolvers[i], waitingRejecters[i], status, text, data);

  function settleCall(resolve, reject, status, text, data) {
    if (status === 0) {
      resolve(text);
      return;
    }
    const error = new ErrorHere(text);
    if (status === 2) {
      try {
        error.data = parse(data);
      } catch {
        error.message = `ConvexError with invalid data: ${text}`;
      }
    }
    reject(error);
  }

  defineProperty(global, "Convex", {
    __proto__: null,
    value: freeze({ syscall, asyncSyscall, jsSyscall }),
    writable: false,
    enumerable: false,
    configurable: false,
  });
