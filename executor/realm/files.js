  // `ctx.storage.store` and `get` of actions: the SDK hands over a Blob, and wants one back. The
  // bytes move in parts, of which one is on its way at a time, so that a file costs the server and
  // the socket no more than a part, and the realm no more than the Blob.

  const PART_MAX = 1 << 18;
  /** Files that move at a time; others wait for their turn. */
  const MOVING_MAX = 4;

  let moving = 0;
  let turns = list();
  let firstTurn = 0;

  function forgetFiles() {
    moving = 0;
    turns = list();
    firstTurn = 0;
  }

  async function inTurn(work) {
    if (moving < MOVING_MAX) moving += 1;
    else await new PromiseHere((resolve) => void (turns[turns.length] = resolve));
    try {
      return await work();
    } finally {
      // The place goes to who has waited longest.
      if (firstTurn < turns.length) turns[firstTurn++]();
      else moving -= 1;
    }
  }

  async function storeBlob({ requestId, version, blob, options }) {
    const bytes = blobGroup().bytesOf(blob);
    if (bytes === undefined) {
      throw new ErrorHere(`store() expects a Blob, e.g. \`new Blob(["text"])\` or \`await response.blob()\``);
    }
    const { type } = blob;
    return inTurn(async () => {
      const about = { requestId, version, contentType: type, sha256: options?.sha256 };
      const storing = await asyncSyscall("storage/begin", stringify(about));
      const length = bytesLength(bytes);
      for (let at = 0; at < length; at += PART_MAX) {
        await giveBytes("storage/write", storing, subarray(bytes, at, at + PART_MAX));
      }
      return parse(await asyncSyscall("storage/end", storing));
    });
  }

  function roomFor(size) {
    try {
      return new Bytes(size);
    } catch {
      throw new RangeErrorHere(`get(): a file of ${size} bytes does not fit into memory. Read it from its URL, as a stream`);
    }
  }

  async function getBlob({ requestId, version, storageId }) {
    if (typeof storageId !== "string") throw new ErrorHere("get() expects the id of a file");
    return inTurn(async () => {
      const found = parse(await asyncSyscall("storage/open", stringify({ requestId, version, storageId })));
      if (found === null) return null;
      const { reading, size, contentType } = found;
      const bytes = roomFor(size);
      const about = stringify({ reading });
      for (let at = 0; at < size; ) {
        at += await takeBytes("storage/read", about, (length, copy) => copy(subarray(bytes, at, at + length)));
      }
      return blobGroup().blobOf(bytes, contentType ?? "");
    });
  }

  const OF_FILES = { __proto__: null, "storage/storeBlob": storeBlob, "storage/getBlob": getBlob };
