// The executor of Node actions: modules marked "use node", loaded by Node itself from the folder of
// their bundle, with everything that Node has. Calls run beside each other and share the modules,
// as Convex's do; which of them runs at a moment is told by an AsyncLocalStorage.
//
// User code shares this context and can break all of it. What stands here guards against mistakes;
// what must hold against everything is kept by the server, outside of the process.
(function (require, nodeProcess, _realm, options, load) {
  "use strict";
  const { AsyncLocalStorage } = require("async_hooks");
  const { Console } = require("console");
  const { randomUUID } = require("crypto");
  const { createRequire } = require("module");
  const path = require("path");
  const { Writable } = require("stream");
  const { pathToFileURL } = require("url");
  const { inspect, types } = require("util");
  const { parse, stringify } = JSON;

  /** What the shared files want of a process; the exit of the real one is not what it was. */
  const process = Object.freeze({ exit: nodeProcess.reallyExit.bind(nodeProcess) });

  //#include /wire.js
  //#include /actions/socket.js
  //#include texts.js
  //#include lines.js
  //#include analysis.js
  //#include calls.js
  //#include syscalls.js
  //#include files.js
  //#include exits.js

  /** `process.env` without the user's variables. */
  const base = { ...nodeProcess.env };

  /** A process has one environment for all its life: another one means another process. */
  function setEnv(text) {
    for (const name of Object.keys(nodeProcess.env)) delete nodeProcess.env[name];
    Object.assign(nodeProcess.env, base, parse(text));
  }

  /** What modules of CommonJS that were bundled into ES modules expect to find. */
  function addGlobals() {
    const filename = path.join(options.root, "convex.cjs");
    const values = {
      require: createRequire(filename), exports: {}, module: { exports: {} }, __filename: filename, __dirname: options.root,
    };
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    }
    const Convex = Object.freeze({ __proto__: null, syscall, asyncSyscall, jsSyscall });
    Object.defineProperty(globalThis, "Convex", { value: Convex });
  }

  /** Obeys the frame that is in `input`. */
  function obey(kind) {
    switch (kind) {
      case IN_ENV:
        readU32();
        return setEnv(readString());
      case IN_INVOKE:
        return beginCall();
      case IN_REPLIES:
        return deliver();
      case IN_ABORT:
        return forget(active.get(readU32()));
      default:
        return process.exit(71);
    }
  }

  addGlobals();
  nameFrames();
  captureOutput();
  catchExits();
  listen();
  frame(OUT_READY);
  send();
});
