  // Frames for many calls: the event loop reads and writes the socket. Every frame gets a turn of
  // its own; a ping is answered ahead of them, when the loop comes round to reading.
  const net = require("net");
  const socket = new net.Socket({ fd: 3, readable: true, writable: true });

  function send() {
    output.writeUInt32LE(out - 4, 0);
    socket.write(Buffer.from(output.subarray(0, out)));
    if (output.length > ROOM_KEPT) output = Buffer.allocUnsafeSlow(ROOM);
  }

  function take(bytes) {
    input = bytes;
    at = 5;
    obey(bytes[4]);
  }

  /** Chunks of a frame that is not complete, and how many bytes they are together. */
  let chunks = [];
  let held = 0;
  let wanted = 4;

  function receive(chunk) {
    chunks.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    const partial = chunks.length === 1 ? chunk : Buffer.concat(chunks, held);
    let from = 0;
    for (;;) {
      const left = partial.length - from;
      if (left < 4) {
        wanted = 4;
        break;
      }
      const length = 4 + partial.readUInt32LE(from);
      if (left < length) {
        wanted = length;
        break;
      }
      const bytes = partial.subarray(from, from + length);
      if (bytes[4] === IN_PING) pong();
      else setImmediate(take, bytes);
      from += length;
    }
    chunks = from === partial.length ? [] : [partial.subarray(from)];
    held = partial.length - from;

  }

  function pong() {
    frame(OUT_PONG);
    send();
  }

  function listen() {
    socket.on("data", receive);
    // The server is gone.
    socket.on("close", () => process.exit(0));
    socket.on("error", () => process.exit(0));
  }
