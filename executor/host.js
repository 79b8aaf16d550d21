  // The functions that realm scripts may call. They take primitives and private objects of the
  // realm, return primitives (or objects that realm closures keep to themselves), and say "no" by
  // a return value: what they throw belongs to the main context and is dropped by the realm.
  const { webcrypto } = require("crypto");
  const { AsyncLocalStorage } = require("async_hooks");

  /** A wide frame, so that a few of them are room enough for anything a host function does. */
  function headroom(depth, a, b, c, d, e, f, g, h) {
    return depth === 0 ? 0 : 1 + headroom(depth - 1, a, b, c, d, e, f, g, h);
  }

  function createHost() {
    let failure = "";
    const setBytes = Uint8Array.prototype.set;
    const bytesFrom = (view) => {
      const bytes = new Uint8Array(view.length);
      setBytes.call(bytes, view);
      return bytes;
    };

    /** Crosses to the server at once; false if the server says no (then see `failure`). */
    function sync(op, text) {
      // Nothing may throw between writing and reading, or the two sides lose step.
      headroom(64);
      try {
        frame(OUT_SYNC);
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

    const urlParts = (url) =>
      [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port]
        .concat(url.pathname, url.search, url.hash)
        .join("\n");

    function urlParse(text, base) {
      try {
        return urlParts(base === undefined ? new URL(text) : new URL(text, base));
      } catch {
        return "";
      }
    }

    function urlSet(href, name, value) {
      const url = new URL(href);
      url[name] = value;
      return urlParts(url);
    }

    function newDecoder(label, fatal, ignoreBOM) {
      try {
        return new TextDecoder(label, { fatal, ignoreBOM });
      } catch {
        return null;
      }
    }

    /** Text, or false if the bytes are not valid and the decoder is fatal. */
    function decode(decoder, view, stream) {
      try {
        return decoder.decode(view, { stream });
      } catch {
        return false;
      }
    }

    const encoder = new TextEncoder();

    //#include subtle.js

    return Object.freeze({
      __proto__: null,
      sync,
      failure: () => failure,
      // With fractions: lines of nested calls are put in order by it.
      now: () => performance.timeOrigin + performance.now(),
      elapsed: () => performance.now(),
      urlParse,
      urlSet,
      newDecoder,
      decode,
      encoding: (decoder) => decoder.encoding,
      utf8Length: (text) => Buffer.byteLength(text),
      utf8Into: (text, view) => encoder.encodeInto(text, view).written,
      utf8Read: (text, view) => encoder.encodeInto(text, view).read,
      subtle,
      newStorage: () => new AsyncLocalStorage(),
      storageRun: (storage, value, call) => storage.run(value, call),
      storageEnter: (storage, value) => storage.enterWith(value),
      storageGet: (storage) => storage.getStore(),
      storageExit: (storage, call) => storage.exit(call),
    });
  }
