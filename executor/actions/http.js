  // The body of a request that comes in, and the response to it that goes out: one chunk at a
  // time, each when the other side has asked for it.

  function httpHost(owner) {
    /** Begins a frame of the owner's, unless nobody listens to it any more. */
    const begin = (kind) => {
      if (owner.call === 0) return false;
      frame(kind);
      writeU32(owner.call);
      return true;
    };
    const sendText = (kind) => (text) => {
      if (!begin(kind)) return;
      writeString(text);
      send();
    };
    return {
      pullBody() {
        if (begin(OUT_PULL)) send();
      },
      sendRoute: sendText(OUT_ROUTE),
      sendHead: sendText(OUT_HEAD),
      sendChunk(view) {
        if (!begin(OUT_CHUNK)) return;
        writeBytes(view);
        send();
      },
    };
  }

  const BODY_CHUNK = 0, BODY_END = 1;

  function bodyArrived() {
    const owner = active.get(readU32());
    if (owner === undefined) return;
    const status = readU8();
    const rest = input.subarray(at);
    const { set } = Uint8Array.prototype;
    run(owner, () => {
      if (status === BODY_CHUNK) owner.realm.bodyArrived(rest.length, (view) => void set.call(view, rest));
      else owner.realm.bodyArrived(undefined, undefined, status === BODY_END ? undefined : rest.utf8Slice());
    });
  }

  /** The server has taken a chunk of the response, or will take none any more. */
  function responseMoves(kind) {
    const owner = active.get(readU32());
    if (owner === undefined) return;
    run(owner, () => (kind === IN_TAKEN ? owner.realm.chunkTaken() : owner.realm.clientGone()));
  }
