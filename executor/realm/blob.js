  // `Blob`, `File` and `FormData`: bytes are copied on the way in and on the way out.

  const decodeUtf8 = (bytes) => guard(host.decode, guard(host.newDecoder, "utf-8", false, false), bytes, false);

  /** The pieces in one; who passes a single one gives it away. */
  function joinBytes(pieces) {
    if (pieces.length === 1) return pieces[0];
    let size = 0;
    for (const piece of pieces) size += piece.length;
    const joined = new Bytes(size);
    let at = 0;
    for (const piece of pieces) {
      setBytes(joined, piece, at);
      at += piece.length;
    }
    return joined;
  }

  const isBytes = (value) => isObject(value) && (ArrayBuffer.isView(value) || isArrayBuffer(value));

  const blobGroup = exposeGroup(["Blob", "File", "FormData"], () => {
    let bytesOf, blobOf;
    const typeFrom = (type) => {
      const text = `${type ?? ""}`;
      return /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : "";
    };
    class Blob {
      #bytes;
      #type;
      constructor(parts = [], options = {}) {
        if (!isObject(parts) || typeof parts[Symbol.iterator] !== "function") {
          throw new TypeErrorHere("Blob: the parts must be an iterable object");
        }
        const pieces = [];
        for (const part of parts) {
          if (isObject(part) && #bytes in part) pieces.push(part.#bytes);
          else pieces.push(isBytes(part) ? viewOf(part, "Blob").slice() : encodeUtf8(`${part}`));
        }
        this.#bytes = joinBytes(pieces);
        this.#type = typeFrom(options?.type);
      }
      static {
        bytesOf = (blob) => (isObject(blob) && #bytes in blob ? blob.#bytes : undefined);
        /** A Blob of bytes that nobody else has. */
        blobOf = (bytes, type) => {
          const blob = new Blob([], { type });
          blob.#bytes = bytes;
          return blob;
        };
      }
      get size() {
        return this.#bytes.length;
      }
      get type() {
        return this.#type;
      }
      slice(from, to, type) {
        return new Blob([this.#bytes.slice(from, to)], { type });
      }
      async text() {
        return decodeUtf8(this.#bytes);
      }
      async bytes() {
        return this.#bytes.slice();
      }
      async arrayBuffer() {
        return this.#bytes.slice().buffer;
      }
      stream() {
        return new (fetchGroup().Response)(this).body;
      }
      get [Symbol.toStringTag]() {
        return "Blob";
      }
    }
    class File extends Blob {
      #name;
      #modified;
      constructor(parts, name, options = {}) {
        if (name === undefined) throw new TypeErrorHere("File: a name is needed");
        super(parts, options);
        this.#name = `${name}`;
        this.#modified = options?.lastModified === undefined ? currentTime() : Math.trunc(Number(options.lastModified)) || 0;
      }
      get name() {
        return this.#name;
      }
      get lastModified() {
        return this.#modified;
      }
      get [Symbol.toStringTag]() {
        return "File";
      }
    }

    const entryOf = (value, name) => {
      if (bytesOf(value) === undefined) return `${value}`.toWellFormed();
      if (value instanceof File && name === undefined) return value;
      return new File([value], name ?? "blob", { type: value.type, lastModified: value.lastModified });
    };
    class FormData {
      #entries = [];
      constructor(form) {
        if (form !== undefined) throw new TypeErrorHere("FormData: there are no forms to take entries from");
      }
      append(name, value, filename) {
        this.#entries.push([`${name}`, entryOf(value, filename)]);
      }
      delete(name) {
        this.#entries = this.#entries.filter((entry) => entry[0] !== `${name}`);
      }
      get(name) {
        return this.#entries.find((entry) => entry[0] === `${name}`)?.[1] ?? null;
      }
      getAll(name) {
        return this.#entries.filter((entry) => entry[0] === `${name}`).map((entry) => entry[1]);
      }
      has(name) {
        return this.#entries.some((entry) => entry[0] === `${name}`);
      }
      set(name, value, filename) {
        const at = this.#entries.findIndex((entry) => entry[0] === `${name}`);
        if (at < 0) return this.append(name, value, filename);
        const entry = [`${name}`, entryOf(value, filename)];
        this.#entries = this.#entries
          .filter((each, i) => i <= at || each[0] !== entry[0])
          .map((each, i) => (i === at ? entry : each));
      }
      forEach(callback, self) {
        for (const [name, value] of this.#entries) apply(callback, self, [value, name, this]);
      }
      *entries() {
        for (const [name, value] of this.#entries) yield [name, value];
      }
      *keys() {
        for (const entry of this.#entries) yield entry[0];
      }
      *values() {
        for (const entry of this.#entries) yield entry[1];
      }
      get [Symbol.toStringTag]() {
        return "FormData";
      }
    }
    defineProperty(FormData.prototype, Symbol.iterator, {
      __proto__: null, value: FormData.prototype.entries, writable: true, configurable: true,
    });

    const quoted = (text) => text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
    /** The form as multipart/form-data, between lines of `boundary`. */
    function multipart(form, boundary) {
      const pieces = [];
      for (const [name, value] of form.entries()) {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name.replace(/\r\n|\r|\n/g, "\r\n"))}"`;
        if (typeof value === "string") {
          pieces.push(encodeUtf8(`${head}\r\n\r\n${value.replace(/\r\n|\r|\n/g, "\r\n")}\r\n`));
        } else {
          const type = value.type || "application/octet-stream";
          pieces.push(encodeUtf8(`${head}; filename="${quoted(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`));
          pieces.push(bytesOf(value), encodeUtf8("\r\n"));
        }
      }
      pieces.push(encodeUtf8(`--${boundary}--\r\n`));
      return joinBytes(pieces);
    }
    return { Blob, File, FormData, bytesOf, blobOf, multipart };
  });
