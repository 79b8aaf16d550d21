  // `ctx.storage.store` and `get`: the bytes move in parts, of which one of a file is on its way at
  // a time, so that a file costs the server and the socket no more than a part, and this process no
  // more than the Blob.

  const PART_MAX = 1 << 18;
  /** Files of one call that move at a time; others wait for their turn. */
  const MOVING_MAX = 4;

  async function inTurn(call, work) {
    if (call.moving < MOVING_MAX) call.moving += 1;
    else await new Promise((resolve) => void call.turns.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to who has waited longest.
      const next = call.turns.shift();
      if (next === undefined) call.moving -= 1;
      else next();
    }
  }

  async function storeBlob({ requestId, version, blob, options: wanted }) {
    if (!(blob instanceof Blob)) {
      throw new Error(`store() expects a Blob, e.g. \`new Blob(["text"])\` or \`await response.blob()\``);
    }
    const about = stringify({ requestId, version, contentType: blob.type, sha256: wanted?.sha256 });
    const call = callOf(about);
    return inTurn(call, async () => {
      const storing = await ask(call, OUT_CALLS, "storage/begin", about);
      for (let at = 0; at < blob.size; at += PART_MAX) {
        const part = await blob.slice(at, at + PART_MAX).arrayBuffer();
        await ask(call, OUT_GIVE, "storage/write", storing, new Uint8Array(part));
      }
      return parse(await ask(call, OUT_CALLS, "storage/end", storing));
    });
  }

  /** Memory that is not there is found out before the first part: native code that lacks it aborts. */
  function checkRoom(size) {
    try {
      const room = new ArrayBuffer(size);
      // Given back at once where that can be done (Node 22 and later), else with the next collection.
      room.transfer?.(0);
    } catch {
      throw new RangeError(`get(): a file of ${size} bytes does not fit into memory. Read it from its URL, as a stream`);
    }
  }

  async function getBlob({ requestId, version, storageId }) {
    if (typeof storageId !== "string") throw new Error("get() expects the id of a file");
    const about = stringify({ requestId, version, storageId });
    const call = callOf(about);
    return inTurn(call, async () => {
      const found = parse(await ask(call, OUT_CALLS, "storage/open", about));
      if (found === null) return null;
      const { reading, size, contentType } = found;
      checkRoom(size);
      const wanted = stringify({ reading });
      const parts = [];
      for (let at = 0; at < size; ) {
        const part = await ask(call, OUT_TAKE, "storage/read", wanted);
        at += part.size;
        parts.push(part);
      }
      // Made of Blobs, it refers to their bytes and copies none.
      return new Blob(parts, { type: contentType ?? "" });
    });
  }

  function jsSyscall(op, args) {
    if (op === "storage/storeBlob") return storeBlob(args);
    if (op === "storage/getBlob") return getBlob(args);
    throw new Error(`Unknown JS syscall: ${op}`);
  }
