  // What a call logs: `console`, and what is written to the standard streams. Lines are kept until
  // the call ends and travel with its result; those of calls that have ended are nobody's.

  const LINES_MAX = 256, CHARACTERS_MAX = 1000000, LINE_BYTES_MAX = 32768;
  const DEBUG = 0, INFO = 1, LOG = 2, WARN = 3, ERROR_LEVEL = 4;
  const TRUNCATED = " (truncated due to length)";

  /** Whole characters in at most so many bytes of UTF-8. */
  function cutBytes(text, max) {
    if (text.length * 3 <= max || Buffer.byteLength(text) <= max) return text;
    const { read } = new TextEncoder().encodeInto(text, new Uint8Array(max));
    return text.slice(0, read);
  }

  function truncate(messages) {
    const kept = [];
    let left = LINE_BYTES_MAX;
    for (const message of messages) {
      const shown = cutBytes(message, left);
      if (shown.length < message.length) return { messages: [...kept, shown + TRUNCATED], truncated: true };
      kept.push(shown);
      left -= Buffer.byteLength(shown);
    }
    return { messages: kept, truncated: false };
  }

  function addLine(level, messages, call = running.getStore()) {
    if (call === undefined || call.done || call.lines.length >= LINES_MAX) return;
    const time = performance.timeOrigin + performance.now();
    const line = truncate(messages.map(clean));
    for (const message of line.messages) call.characters += message.length;
    if (call.lines.length === LINES_MAX - 1 || call.characters > CHARACTERS_MAX) {
      const text = `Log overflow (maximum ${LINES_MAX}). Remaining log lines omitted.`;
      call.lines.push({ level: ERROR_LEVEL, time, messages: [text], truncated: false });
      call.characters = Infinity;
      while (call.lines.length > LINES_MAX) call.lines.pop();
      call.full = true;
      return;
    }
    call.lines.push({ level, time, ...line });
  }

  const shown = (value) => attempt(() => inspect(value, { maxStringLength: LINE_BYTES_MAX }), "#<Object>");

  function print(level, args) {
    const call = running.getStore();
    if (call !== undefined && !call.full) addLine(level, args.map(shown), call);
  }

  const timers = new Map();
  const labelOf = (label) => (label === undefined ? "default" : String(label));

  function timed(label, ends, args) {
    const name = labelOf(label);
    const begun = timers.get(name);
    if (begun === undefined) return addLine(WARN, [`Timer '${name}' does not exist`]);
    if (ends) timers.delete(name);
    return addLine(INFO, [`${name}: ${Math.round((performance.now() - begun) * 1000) / 1000}ms`, ...args.map(shown)]);
  }

  /** The stream of a descriptor: what is written to it becomes lines. */
  function lineStream(fd, level) {
    const stream = new Writable({
      write(chunk, _encoding, done) {
        const text = chunk.toString().replace(/\n$/, "");
        if (text !== "") addLine(level, [text]);
        done();
      },
    });
    return Object.assign(stream, { fd });
  }

  function captureOutput() {
    for (const [name, fd, level] of [["stdout", 1, LOG], ["stderr", 2, ERROR_LEVEL]]) {
      const value = lineStream(fd, level);
      Object.defineProperty(nodeProcess, name, { value, configurable: true, enumerable: true, writable: true });
    }
    const levels = { debug: DEBUG, error: ERROR_LEVEL, info: INFO, log: LOG, warn: WARN };
    for (const [name, level] of Object.entries(levels)) console[name] = (...args) => print(level, args);
    console.trace = (...args) => {
      const stack = attempt(() => new Error().stack, "");
      addLine(LOG, [...args.map(shown), stack.slice(stack.indexOf("\n", stack.indexOf("\n") + 1) + 1)]);
    };
    console.time = (label) => {
      const name = labelOf(label);
      if (timers.has(name)) addLine(WARN, [`Timer '${name}' already exists`]);
      else timers.set(name, performance.now());
    };
    console.timeLog = (label, ...args) => timed(label, false, args);
    console.timeEnd = (label) => timed(label, true, []);
    captureTables();
  }

  /** What Node lays out as text becomes one line. */
  function captureTables() {
    let text = "";
    const collector = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const inner = new Console({ stdout: collector, stderr: collector });
    const levels = { table: LOG, dir: LOG, dirxml: LOG, count: LOG, countReset: WARN, group: LOG, groupCollapsed: LOG, assert: WARN };
    for (const [name, level] of Object.entries(levels)) {
      console[name] = (...args) => {
        text = "";
        inner[name](...args);
        if (text !== "") addLine(level, [text.replace(/\n$/, "")]);
      };
    }
    console.groupEnd = () => inner.groupEnd();
  }
