  // The functions that realm scripts may call. They take primitives and private objects of the
  // realm, return primitives (or objects that realm closures keep to themselves), and say "no" by
  // a return value: what they throw belongs to the main context and is dropped by the realm.
  const { webcrypto } = require("crypto");
  const { AsyncLocalStorage } = require("async_hooks");
  const { types } = require("util");

  /** `wake` is called when work outside the microtask queue has ended. */
  function createHost(wake) {
    const setBytes = Uint8Array.prototype.set;
    const bytesFrom = (view) => {
      const bytes = new Uint8Array(view.length);
      setBytes.call(bytes, view);
      return bytes;
    };

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

    /** What kind of thing an object is, whatever its prototype says; the numbers are census.js's. */
    function kindOf(object) {
      if (types.isProxy(object)) return 1;
      if (typeof object === "function") return 0;
      if (types.isMap(object)) return 2;
      if (types.isSet(object)) return 3;
      if (types.isRegExp(object)) return 4;
      if (ArrayBuffer.isView(object)) return 5;
      if (types.isDate(object)) return 7;
      if (types.isNativeError(object)) return 8;
      const secretive = types.isPromise(object) || types.isGeneratorObject(object) || types.isAnyArrayBuffer(object) ||
        types.isMapIterator(object) || types.isSetIterator(object) || types.isExternal(object);
      return secretive ? 6 : 0;
    }

    //#include subtle.js

    return {
      // With fractions: lines of nested calls are put in order by it.
      now: () => performance.timeOrigin + performance.now(),
      elapsed: () => performance.now(),
      urlParse,
      urlSet,
      kindOf,
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
    };
  }
