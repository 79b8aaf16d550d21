  // WebCrypto: random bytes are seeded, the rest is the executor's, what needs real entropy is refused.

  const cryptoClasses = () => {
    const NAMED = { __proto__: null, generateKey: "generateKey", "encrypt RSA-OAEP": "RSA-OAEP encryption",
      "sign RSA-PSS": "RSA-PSS signing", "sign ECDSA": "ECDSA signing" };
    let keyOf, makeKey;
    const KEY = Symbol("construct");

    class CryptoKey {
      #key;
      #info;
      constructor(key, hostKey, info) {
        if (key !== KEY) throw new TypeErrorHere("Illegal constructor");
        this.#key = hostKey;
        this.#info = info;
      }
      static {
        keyOf = (key) => (isObject(key) && #key in key ? key.#key : undefined);
        makeKey = (hostKey, info) => new CryptoKey(KEY, hostKey, info);
      }
      get type() {
        return this.#info.type;
      }
      get extractable() {
        return this.#info.extractable;
      }
      get algorithm() {
        return this.#info.algorithm;
      }
      get usages() {
        return this.#info.usages;
      }
      get [Symbol.toStringTag]() {
        return "CryptoKey";
      }
    }

    /** Replaces views and keys by their numbers, so that the rest can travel as JSON. */
    function pack(value, views, keys) {
      if (!isObject(value)) return typeof value === "bigint" ? Number(value) : value;
      if (ArrayBuffer.isView(value) || isArrayBuffer(value)) {
        views[views.length] = new Bytes(viewOf(value, "crypto.subtle"));
        return { $b: views.length - 1 };
      }
      const key = keyOf(value);
      if (key !== undefined) {
        keys[keys.length] = key;
        return { $k: keys.length - 1 };
      }
      if (isArray(value)) return value.map((item) => pack(item, views, keys));
      const copy = {};
      for (const name in value) copy[name] = pack(value[name], views, keys);
      return copy;
    }

    function keyFrom(hostKey, info) {
      const exponent = info.algorithm.publicExponent;
      if (exponent) info.algorithm.publicExponent = new Bytes(exponent.$bytes);
      return makeKey(hostKey, info);
    }

    function errorFrom(name, message) {
      // Older versions of Node misspell this one.
      if (name === "InvalidAccessException") return domException(message, "InvalidAccessError");
      if (name === "TypeError") return new TypeErrorHere(message);
      if (name === "Error" || name === "RangeError") return new ErrorHere(message);
      return domException(message, name);
    }

    function crossing(method, args) {
      return new PromiseHere((resolve, reject) => {
        const views = list(), keys = list();
        const spec = stringify({ method, args: args.map((arg) => pack(arg, views, keys)) });
        now.outstanding += 1;
        const settle = (ok, kind, text, a, b) => {
          now.outstanding -= 1;
          if (!ok) reject(errorFrom(text, a));
          else if (kind === 0) resolve(parse(text));
          else if (kind === 2) resolve(keyFrom(a, parse(text)));
          else if (kind === 3) {
            const infos = parse(text);
            resolve({ publicKey: keyFrom(a, infos[0]), privateKey: keyFrom(b, infos[1]) });
          }
          else {
            const bytes = new Bytes(a);
            b(bytes);
            resolve(bytes.buffer);
          }
        };
        guard(host.subtle, spec, views, keys, settle);
      });
    }

    const nameOf = (algorithm) => {
      const name = isObject(algorithm) ? algorithm.name : algorithm;
      return typeof name === "string" ? name.toUpperCase() : "";
    };

    function refuseEntropy(method, algorithm) {
      if (now.live && now.phase === RUNNING) return;
      const what = NAMED[method] ?? NAMED[`${method} ${nameOf(algorithm)}`];
      if (what === undefined) return;
      const place = now.phase === RUNNING ? "in queries and mutations" : "at import time";
      throw new ErrorHere(`Can't use cryptographic randomness ${place} (${what}). ${ADVICE}`);
    }

    class SubtleCrypto {
      constructor(key) {
        if (key !== KEY) throw new TypeErrorHere("Illegal constructor");
      }
      async wrapKey() {
        throw domException("wrapKey is not implemented", "NotSupportedError");
      }
      async unwrapKey() {
        throw domException("unwrapKey is not implemented", "NotSupportedError");
      }
    }
    const METHODS = ["digest", "sign", "verify", "encrypt", "decrypt", "deriveBits", "deriveKey", "generateKey",
      "importKey", "exportKey"];
    for (let i = 0; i < METHODS.length; i++) {
      const method = METHODS[i];
      const value = { [method]: async (...args) => {
        refuseEntropy(method, args[0]);
        if (now.phase !== RUNNING) throw new ErrorHere(`Can't use crypto.subtle.${method} at import time`);
        return await crossing(method, args);
      } }[method];
      defineProperty(SubtleCrypto.prototype, method, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    }

    const INTEGERS = /^(Int8|Uint8|Uint8Clamped|Int16|Uint16|Int32|Uint32|BigInt64|BigUint64)Array$/;
    function fillRandom(bytes) {
      for (let i = 0; i < bytes.length; ) {
        let word = nextWord();
        for (let j = 0; j < 4 && i < bytes.length; j++) {
          bytes[i++] = word & 255;
          word >>>= 8;
        }
      }
    }
    const subtle = new SubtleCrypto(KEY);
    class Crypto {
      constructor(key) {
        if (key !== KEY) throw new TypeErrorHere("Illegal constructor");
      }
      get subtle() {
        return subtle;
      }
      getRandomValues(array) {
        if (!ArrayBuffer.isView(array) || !INTEGERS.test(classOf(array))) {
          throw domException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
        }
        if (array.byteLength > 65536) {
          throw domException("The requested length exceeds 65,536 bytes", "QuotaExceededError");
        }
        touch(array);
        fillRandom(viewOf(array, "getRandomValues"));
        return array;
      }
      randomUUID() {
        const bytes = new Bytes(16);
        fillRandom(bytes);
        bytes[6] = (bytes[6] & 15) | 64;
        bytes[8] = (bytes[8] & 63) | 128;
        let out = "";
        for (let i = 0; i < 16; i++) {
          if (i === 4 || i === 6 || i === 8 || i === 10) out += "-";
          out += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
        }
        return out;
      }
    }
    return { crypto: new Crypto(KEY), Crypto, SubtleCrypto, CryptoKey };
  };
  exposeGroup(["crypto", "Crypto", "SubtleCrypto", "CryptoKey"], cryptoClasses);
