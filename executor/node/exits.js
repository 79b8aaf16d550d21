  // Errors that nobody catches, and attempts to end the process: the call that they are of fails,
  // the others run to their end, and the process gets no more of them.

  /** Where Node 20 to 24 keep the store of a promise (24 with `--no-async-context-frame`). */
  const STORE_OF_PROMISE = running.kResourceStore;

  function wear() {
    frame(OUT_WORN);
    send();
  }

  /** The call that something is of; a process with one call leaves no doubt. */
  function blame(promise) {
    const store = promise === undefined || STORE_OF_PROMISE === undefined ? undefined : promise[STORE_OF_PROMISE];
    const call = store ?? running.getStore();
    if (call !== undefined) return call.done ? undefined : call;
    return active.size === 1 ? active.values().next().value : undefined;
  }

  /** Fails a call with an error that reached nobody; its name says how. */
  function uncaught(how, thrown, promise) {
    wear();
    const call = blame(promise);
    if (call === undefined) {
      // Descriptor 2 is the server's log.
      nodeProcess._rawDebug(`${how} of no running action: ${clean(stackOf(thrown) || textOf(thrown))}`);
      return;
    }
    const message = isError(thrown) ? attempt(() => thrown.message, "") : textOf(thrown);
    finish(call, ERROR, clean(cut(`${how}: ${message}`)), clean(stackOf(thrown)), dataOf(thrown));
  }

  /** Ends the call that wants to end the process. Nothing after this is heard of. */
  function leave(what) {
    wear();
    const call = blame(undefined);
    const error = new Error(`${what} was called: an action ends by returning or throwing`);
    if (call !== undefined) fail(call, error);
    throw error;
  }

  function catchExits() {
    nodeProcess.on("unhandledRejection", (reason, promise) => uncaught("unhandledRejection", reason, promise));
    nodeProcess.on("uncaughtException", (error) => uncaught("uncaughtException", error, undefined));
    nodeProcess.exit = (code) => leave(`process.exit(${code ?? ""})`);
    nodeProcess.abort = () => leave("process.abort()");
  }
