  // Frames for one call at a time: whoever waits for a frame blocks on the descriptor. They come on
  // 3 and leave on 4.
  const fs = require("fs");
  let have = 0;
  let end = 0;

  /** Makes `count` bytes available from `at`. */
  function fill(count) {
    if (at + count > input.length) {
      const room = Math.max(ROOM, count);
      const next = room > input.length ? Buffer.allocUnsafeSlow(room) : input;
      input.copy(next, 0, at, have);
      input = next;
      have -= at;
      at = 0;
    }
    while (have - at < count) {
      const got = fs.readSync(3, input, have, input.length - have, null);
      // The server is gone.
      if (got === 0) process.exit(0);
      have += got;
    }
  }

  /** Waits for the next frame; returns its kind. */
  function readFrame() {
    at = end;
    if (at === have) {
      at = have = 0;
      if (input.length > ROOM_KEPT) input = Buffer.allocUnsafeSlow(ROOM);
    }
    fill(4);
    const length = input.readUInt32LE(at);
    fill(4 + length);
    end = at + 4 + length;
    at += 5;
    return input[at - 1];
  }

  function send() {
    output.writeUInt32LE(out - 4, 0);
    for (let sent = 0; sent < out; ) sent += fs.writeSync(4, output, sent, out - sent);
    if (output.length > ROOM_KEPT) output = Buffer.allocUnsafeSlow(ROOM);
  }

  /** What the server expects to be asked next, with its answers, and where that begins. */
  let foreseen = [];
  let next = 0;
  /** How much of it was used since the server was last told. */
  let used = 0;

  function readForeseen() {
    const count = readU32();
    foreseen = [];
    next = used = 0;
    for (let i = 0; i < count; i++) foreseen.push({ op: readString(), args: readString(), answer: readString() });
  }

  /** Answers everything that is queued, if it is just what is expected next. */
  function foresaw(realm) {
    const count = realm.queued();
    if (count > foreseen.length - next) return false;
    for (let i = 0; i < count; i++) {
      const { op, args } = foreseen[next + i];
      if (realm.ops[i] !== op || realm.texts[i] !== args) return false;
    }
    realm.sent();
    for (let i = 0; i < count; i++) realm.deliver(i, 0, foreseen[next + i].answer);
    next += count;
    used += count;
    return true;
  }

  //#include posting.js

  /** Begins a frame of a call. */
  function tell(kind) {
    frame(kind);
    writeU8(used);
    used = 0;
    writePosted();
  }

  /** A wide frame, so that a few of them are room enough for anything a host function does. */
  function headroom(depth, a, b, c, d, e, f, g, h) {
    return depth === 0 ? 0 : 1 + headroom(depth - 1, a, b, c, d, e, f, g, h);
  }

  let failure = "";

  /** Crosses to the server at once; false if the server says no (then see `failure`). */
  function sync(op, text) {
    // Nothing may throw between writing and reading, or the two sides lose step.
    headroom(64);
    try {
      tell(OUT_SYNC);
      writeString(op);
      writeString(text);
      send();
      if (readFrame() !== IN_SYNC) process.exit(71);
      const ok = readU8() === 0;
      const reply = readString();
      if (ok) return reply;
      failure = reply;
      return false;
    } catch {
      process.exit(72);
    }
  }
