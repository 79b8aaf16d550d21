  // Text and base64.

  /** A private Uint8Array over what a view or buffer holds; throws for anything else. */
  function viewOf(source, who) {
    if (ArrayBuffer.isView(source)) return bytesShown(source);
    if (isArrayBuffer(source) || classOf(source) === "SharedArrayBuffer") return new Bytes(source);
    throw new TypeErrorHere(`${who}: expected an ArrayBuffer or a view of one`);
  }

  function encodeUtf8(text) {
    const bytes = new Bytes(guard(host.utf8Length, text));
    guard(host.utf8Into, text, bytes);
    return bytes;
  }

  exposeLazily("TextEncoder", () => class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return encodeUtf8(`${text}`);
    }
    encodeInto(text, target) {
      const source = `${text}`;
      if (classOf(target) !== "Uint8Array") throw new TypeErrorHere("encodeInto: the target must be a Uint8Array");
      touch(target);
      const read = guard(host.utf8Read, source, target);
      return { read, written: guard(host.utf8Into, source, target) };
    }
  });

  const textDecoder = () => class TextDecoder {
    #decoder;
    #fatal;
    #ignoreBOM;
    constructor(label = "utf-8", options = {}) {
      this.#fatal = !!options?.fatal;
      this.#ignoreBOM = !!options?.ignoreBOM;
      this.#decoder = guard(host.newDecoder, `${label}`, this.#fatal, this.#ignoreBOM);
      if (this.#decoder === null) throw new RangeErrorHere(`The "${label}" encoding is not supported`);
    }
    get encoding() {
      return guard(host.encoding, this.#decoder);
    }
    get fatal() {
      return this.#fatal;
    }
    get ignoreBOM() {
      return this.#ignoreBOM;
    }
    decode(input, options) {
      const bytes = input === undefined ? new Bytes(0) : viewOf(input, "TextDecoder.decode");
      if (options?.stream) touchInside(this);
      const text = guard(host.decode, this.#decoder, bytes, !!options?.stream);
      if (text === false) throw new TypeErrorHere(`The encoded data was not valid for encoding ${this.encoding}`);
      return text;
    }
  };
  let decoderClass;
  const textDecoderGroup = () => (decoderClass ??= textDecoder());
  exposeLazily("TextDecoder", textDecoderGroup);

  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const BASE64_URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  let sextets;

  function sextetOf(code) {
    if (sextets === undefined) {
      sextets = new Int8Array(256).fill(-1);
      for (let i = 0; i < 64; i++) sextets[codeAt(BASE64, i)] = i;
    }
    return code < 256 ? sextets[code] : -1;
  }

  const isSpace = (code) => code === 32 || code === 9 || code === 10 || code === 12 || code === 13;

  /** Decodes base64 into an array of bytes; undefined if the text is not valid. */
  function decodeBase64(text, url, last) {
    const bytes = new Bytes(Math.floor((text.length * 3) / 4) + 3);
    let size = 0, bits = 0, held = 0, padding = 0;
    for (let i = 0; i < text.length; i++) {
      let code = codeAt(text, i);
      if (isSpace(code)) continue;
      if (code === 61) {
        padding += 1;
        continue;
      }
      if (padding > 0) return undefined;
      if (url) {
        if (code === 43 || code === 47) return undefined;
        if (code === 45) code = 43;
        else if (code === 95) code = 47;
      }
      const value = sextetOf(code);
      if (value < 0) return undefined;
      bits = (bits << 6) | value;
      held += 6;
      if (held >= 8) {
        held -= 8;
        bytes[size++] = (bits >> held) & 255;
        bits &= (1 << held) - 1;
      }
    }
    const wanted = held === 0 ? 0 : held === 4 ? 2 : 1;
    if (held === 6 || (padding > 0 && padding !== wanted)) return undefined;
    if (last === "strict" && (padding !== wanted || bits !== 0)) return undefined;
    return subarray(bytes, 0, size).slice();
  }

  function encodeBase64(bytes, alphabet, padded) {
    const length = bytesLength(bytes);
    let out = "";
    for (let i = 0; i < length; i += 3) {
      const left = length - i;
      const word = (bytes[i] << 16) | ((left > 1 ? bytes[i + 1] : 0) << 8) | (left > 2 ? bytes[i + 2] : 0);
      out += alphabet[word >> 18] + alphabet[(word >> 12) & 63];
      out += left > 1 ? alphabet[(word >> 6) & 63] : padded ? "=" : "";
      out += left > 2 ? alphabet[word & 63] : padded ? "=" : "";
    }
    return out;
  }

  exposeLazily("atob", () => ({ atob(text) {
    const bytes = decodeBase64(`${text}`, false, "loose");
    if (bytes === undefined) throw domException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
    let out = "";
    for (let i = 0; i < bytes.length; i++) out += String.fromCharCode(bytes[i]);
    return out;
  } }).atob);
  exposeLazily("btoa", () => ({ btoa(text) {
    const source = `${text}`;
    const bytes = new Bytes(source.length);
    for (let i = 0; i < source.length; i++) {
      const code = codeAt(source, i);
      if (code > 255) throw domException("The string contains characters outside of Latin1.", "InvalidCharacterError");
      bytes[i] = code;
    }
    return encodeBase64(bytes, BASE64, true);
  } }).btoa);

  // ES2026 base64 and hex, where this V8 does not have them yet.
  if (Bytes.fromBase64 === undefined) {
    const hidden = (target, name, value) =>
      defineProperty(target, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
    const checked = (bytes) => {
      if (bytes === undefined) throw new SyntaxError("The input is not a valid encoding of bytes");
      return bytes;
    };
    const mustText = (text) => {
      if (typeof text !== "string") throw new TypeErrorHere("expected a string");
      return text;
    };
    const fromBase64 = (text, options) =>
      checked(decodeBase64(mustText(text), options?.alphabet === "base64url", options?.lastChunkHandling ?? "loose"));
    const fromHex = (text) => {
      if (!/^([0-9a-fA-F]{2})*$/.test(mustText(text))) return checked(undefined);
      const bytes = new Bytes(text.length / 2);
      for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(sliceText(text, i * 2, i * 2 + 2), 16);
      return bytes;
    };
    const into = (target, bytes, read) => {
      const written = Math.min(target.length, bytes.length);
      setBytes(target, subarray(bytes, 0, written));
      return { read, written };
    };
    hidden(Bytes, "fromBase64", fromBase64);
    hidden(Bytes, "fromHex", fromHex);
    hidden(Bytes.prototype, "toBase64", { toBase64(options) {
      return encodeBase64(this, options?.alphabet === "base64url" ? BASE64_URL : BASE64, !options?.omitPadding);
    } }.toBase64);
    hidden(Bytes.prototype, "toHex", { toHex() {
      let out = "";
      for (let i = 0; i < bytesLength(this); i++) out += (this[i] < 16 ? "0" : "") + this[i].toString(16);
      return out;
    } }.toHex);
    hidden(Bytes.prototype, "setFromBase64", { setFromBase64(text, options) {
      return into(this, fromBase64(text, options), text.length);
    } }.setFromBase64);
    hidden(Bytes.prototype, "setFromHex", { setFromHex(text) {
      return into(this, fromHex(text), text.length);
    } }.setFromHex);
  }
