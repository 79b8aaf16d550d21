  // Frames on descriptors 3 and 4: length (u32, little endian), kind (u8), fields. A string is a u32
  // whose top bit says that the bytes are ASCII, and the bytes; strings that leave are UTF-8.
  // This file reads and writes fields; how bytes come and go is `blocking.js` or `actions/socket.js`.
  const IN_LOAD = 1, IN_DROP = 2, IN_ENV = 3, IN_INVOKE = 4, IN_REPLIES = 5, IN_SYNC = 6, IN_ANALYZE = 7,
    IN_ABORT = 8, IN_PING = 9, IN_BODY = 10, IN_TAKEN = 11, IN_GONE = 12, IN_TRIM = 13;
  const OUT_CALLS = 1, OUT_SYNC = 2, OUT_DONE = 3, OUT_READY = 4, OUT_PONG = 5, OUT_ENTER = 6,
    OUT_PULL = 7, OUT_ROUTE = 8, OUT_HEAD = 9, OUT_CHUNK = 10, OUT_WORN = 11, OUT_GIVE = 12, OUT_TAKE = 13, OUT_LINES = 14;
  /** What a reply is besides a text (0) or the text of an error (1). */
  const REPLY_DATA = 2, REPLY_BYTES = 3;
  const ROOM = 1 << 16;
  /** Buffers above this are given back after the frame that needed them. */
  const ROOM_KEPT = 1 << 20;

  let input = Buffer.allocUnsafeSlow(ROOM);
  let at = 0;
  let output = Buffer.allocUnsafeSlow(ROOM);
  let out = 0;

  const readU8 = () => input[at++];
  function readU32() {
    at += 4;
    return input.readUInt32LE(at - 4);
  }
  function readF64() {
    at += 8;
    return input.readDoubleLE(at - 8);
  }
  function readString() {
    const header = readU32();
    const from = at;
    at += header & 0x7fffffff;
    return header >= 0x80000000 ? input.latin1Slice(from, at) : input.utf8Slice(from, at);
  }

  function room(count) {
    if (out + count <= output.length) return;
    const next = Buffer.allocUnsafeSlow(Math.max(output.length * 2, out + count));
    output.copy(next, 0, 0, out);
    output = next;
  }
  function frame(kind) {
    out = 4;
    output[out++] = kind;
  }
  function writeU8(value) {
    room(1);
    output[out++] = value;
  }
  function writeU32(value) {
    room(4);
    out = output.writeUInt32LE(value, out);
  }
  function writeF64(value) {
    room(8);
    out = output.writeDoubleLE(value, out);
  }
  /** The length of any realm's view, whatever user code has made of its prototype. */
  const viewLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get;
  /** Bytes to the end of the frame. */
  function writeBytes(view) {
    const length = viewLength.call(view);
    room(length);
    output.set(view, out);
    out += length;
  }
  function writeString(text) {
    room(4 + (text.length < 4096 ? text.length * 3 : Buffer.byteLength(text)));
    const bytes = output.utf8Write(text, out + 4);
    output.writeUInt32LE(bytes, out);
    out += 4 + bytes;
  }
