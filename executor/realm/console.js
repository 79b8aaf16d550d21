  // `console`: every line is kept until the call ends and travels with its result; those of actions
  // that go on are sent before.

  const LOG_LINES_MAX = 256;
  const LOG_LINE_BYTES_MAX = 32768;
  const DEBUG = 0, INFO = 1, LOG = 2, WARN = 3, ERROR_LEVEL = 4;
  const TRUNCATED = " (truncated due to length)";

  let logs = list();
  const timers = new Map();

  /** At most so many UTF-8 bytes of a text, whole characters only. */
  function cutBytes(text, max) {
    if (text.length * 3 <= max || guard(host.utf8Length, text) <= max) return text;
    const read = guard(host.utf8Read, text, new Bytes(max));
    return sliceText(text, 0, read);
  }

  function truncate(messages) {
    let left = LOG_LINE_BYTES_MAX;
    let truncated = false;
    const kept = list();
    for (let i = 0; i < messages.length; i++) {
      const shown = cutBytes(messages[i], left);
      kept[kept.length] = shown;
      if (shown.length < messages[i].length) {
        kept[kept.length - 1] = shown + TRUNCATED;
        truncated = true;
        break;
      }
      left -= guard(host.utf8Length, shown);
    }
    return { __proto__: null, messages: kept, truncated };
  }

  function addLine(level, messages) {
    if (logs.length >= LOG_LINES_MAX) return;
    const time = guard(host.now);
    if (logs.length === LOG_LINES_MAX - 1) {
      const overflow = list();
      overflow[0] = `Log overflow (maximum ${LOG_LINES_MAX}). Remaining log lines omitted.`;
      logs[logs.length] = { __proto__: null, level: ERROR_LEVEL, time, messages: overflow, truncated: false };
      return;
    }
    const line = truncate(messages);
    logs[logs.length] = { __proto__: null, level, time, messages: line.messages, truncated: line.truncated };
  }

  function print(level, args) {
    if (logs.length >= LOG_LINES_MAX) return;
    const messages = list();
    for (let i = 0; i < args.length; i++) messages[i] = inspectSafely(args[i]);
    addLine(level, messages);
  }

  function printText(level, text) {
    const messages = list();
    messages[0] = text;
    addLine(level, messages);
  }

  const labelOf = (label) => (label === undefined ? "default" : attempt(() => `${label}`, "default"));
  const timerText = (label) => `${label}: ${currentTime() - timers.get(label)}ms`;

  function createConsole() {
    return {
      debug: (...args) => print(DEBUG, args),
      error: (...args) => print(ERROR_LEVEL, args),
      info: (...args) => print(INFO, args),
      log: (...args) => print(LOG, args),
      warn: (...args) => print(WARN, args),
      trace(...args) {
        const messages = list();
        for (let i = 0; i < args.length; i++) messages[i] = inspectSafely(args[i]);
        const stack = attempt(() => new ErrorHere().stack, "");
        messages[messages.length] = sliceText(stack, stack.indexOf("\n") + 1);
        addLine(LOG, messages);
      },
      time(label) {
        const name = labelOf(label);
        if (timers.has(name)) printText(WARN, `Timer '${name}' already exists`);
        else timers.set(name, currentTime());
      },
      timeLog(label, ...args) {
        const name = labelOf(label);
        if (!timers.has(name)) return printText(WARN, `Timer '${name}' does not exist`);
        const messages = list();
        messages[0] = timerText(name);
        for (let i = 0; i < args.length; i++) messages[i + 1] = inspectSafely(args[i]);
        addLine(INFO, messages);
      },
      timeEnd(label) {
        const name = labelOf(label);
        if (!timers.has(name)) return printText(WARN, `Timer '${name}' does not exist`);
        printText(INFO, timerText(name));
        timers.delete(name);
      },
    };
  }
  expose("console", createConsole());
