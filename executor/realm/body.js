  // Bodies of requests and responses. Where the bytes are is a source: `bytes` that are all there,
  // a `stream` of user code, or a `feed` that the executor fills (`read()` gives bytes, or undefined
  // at the end). A stream is made of it only when `body` is looked at.

  const SOURCE = Symbol("source");
  const FORM_BYTES_MAX = 20 << 20;

  let bodyClass;
  const bodyGroup = () => (bodyClass ??= createBody());

  function createBody() {
    let sourceOf, moveSource;
    const unusable = () => new TypeErrorHere("Body is unusable: it has already been read, or is locked");
    const isStream = (value) => isObject(value) && value instanceof streamGroup().ReadableStream;

    /** The source of a body and the type that goes with it. */
    function sourceFrom(init) {
      if (init === undefined || init === null) return { source: undefined, type: null };
      if (isObject(init) && init[SOURCE] !== undefined) return { source: init[SOURCE], type: null };
      if (typeof init === "string") return { source: { bytes: encodeUtf8(init) }, type: "text/plain;charset=UTF-8" };
      const { Blob, FormData, bytesOf, multipart } = blobGroup();
      if (init instanceof Blob) return { source: { bytes: bytesOf(init) }, type: init.type || null };
      if (isBytes(init)) return { source: { bytes: viewOf(init, "body").slice() }, type: null };
      if (init instanceof urlGroup().URLSearchParams) {
        return { source: { bytes: encodeUtf8(`${init}`) }, type: "application/x-www-form-urlencoded;charset=UTF-8" };
      }
      if (init instanceof FormData) {
        const boundary = `----formdata-${nextWord().toString(36)}${nextWord().toString(36)}`;
        return { source: { bytes: multipart(init, boundary) }, type: `multipart/form-data; boundary=${boundary}` };
      }
      if (isStream(init)) {
        if (init.locked || init._disturbed) throw new TypeErrorHere("The stream of a body is locked or has been read");
        return { source: { stream: init }, type: null };
      }
      return { source: { bytes: encodeUtf8(`${init}`) }, type: "text/plain;charset=UTF-8" };
    }

    /** A stream of what a source holds; `read` is told when the first of it is taken. */
    function streamFrom({ bytes, feed }, read) {
      let left = bytes;
      return new (streamGroup().ReadableStream)({
        type: "bytes",
        async pull(controller) {
          read();
          const chunk = feed === undefined ? left : await feed.read();
          left = undefined;
          if (chunk !== undefined && bytesLength(chunk) > 0) controller.enqueue(chunk.slice());
          if (chunk === undefined || (feed === undefined && bytesLength(chunk) === 0)) {
            controller.close();
            controller.byobRequest?.respond(0);
          }
        },
        cancel(reason) {
          read();
          feed?.cancel(reason);
        },
      }, { highWaterMark: 0 });
    }

    async function readAll(source) {
      if (source.bytes !== undefined) return source.bytes.slice();
      const pieces = [];
      const next = source.feed === undefined ? readerOf(source.stream) : () => source.feed.read();
      for (let piece = await next(); piece !== undefined; piece = await next()) pieces.push(piece);
      return joinBytes(pieces);
    }

    /** Takes the bytes of a stream one chunk after the other. */
    function readerOf(stream) {
      const reader = stream.getReader();
      const next = async () => {
        const { value, done } = await reader.read();
        if (done) return undefined;
        if (classOf(value) === "Uint8Array") return value;
        const wrong = new TypeErrorHere("The stream of a body must give Uint8Array");
        void reader.cancel(wrong);
        throw wrong;
      };
      next.cancel = async (reason) => reader.cancel(reason);
      return next;
    }

    class Body {
      #source;
      #used = false;
      #headers;
      constructor(source, headers) {
        this.#source = source;
        this.#headers = headers;
      }
      static {
        /** For a copy: streams are split. */
        sourceOf = (owner) => {
          if (owner.bodyUsed || owner.#source?.stream?.locked) throw unusable();
          const source = owner.#source;
          if (source === undefined || (source.bytes !== undefined && source.stream === undefined)) return source;
          const [one, two] = owner.body.tee();
          owner.#source = { stream: one };
          return { stream: two };
        };
        /** For one who takes over. */
        moveSource = (owner) => {
          if (owner.bodyUsed || owner.#source?.stream?.locked) throw unusable();
          owner.#used = owner.#source !== undefined;
          return owner.#source;
        };
      }
      #consume() {
        const source = moveSource(this);
        if (source === undefined) return new Bytes(0);
        return readAll(source.stream === undefined ? source : { stream: source.stream });
      }
      get headers() {
        return this.#headers;
      }
      get bodyUsed() {
        return this.#used || this.#source?.stream?._disturbed === true;
      }
      get body() {
        const source = this.#source;
        if (source === undefined) return null;
        return (source.stream ??= streamFrom(source, () => {
          // A copy may have been made of it, which is read for both.
          if (this.#source === source) this.#used = true;
        }));
      }
      async text() {
        return decodeUtf8(await this.#consume());
      }
      async json() {
        return parse(decodeUtf8(await this.#consume()));
      }
      async bytes() {
        return await this.#consume();
      }
      async arrayBuffer() {
        return (await this.#consume()).buffer;
      }
      async blob() {
        return blobGroup().blobOf(await this.#consume(), this.#headers.get("content-type") ?? "");
      }
      async formData() {
        if (!acting || now.phase !== RUNNING) throw cannot("formData()");
        const type = this.#headers.get("content-type") ?? "";
        const bytes = await this.#consume();
        if (bytes.length > FORM_BYTES_MAX) throw new TypeErrorHere("formData(): the body is larger than 20 MiB");
        return formFrom(type, bytes);
      }
    }

    /** The form that the executor finds in a body. */
    function formFrom(type, bytes) {
      const { FormData, File } = blobGroup();
      return new PromiseHere((resolve, reject) => {
        now.outstanding += 1;
        const settle = (ok, text, copy) => {
          now.outstanding -= 1;
          if (!ok) return reject(new TypeErrorHere(text));
          const form = new FormData();
          parse(text).forEach((entry, i) => {
            if (typeof entry.value === "string") return form.append(entry.name, entry.value);
            const content = new Bytes(entry.size);
            copy(i, content);
            form.append(entry.name, new File([content], entry.filename, { type: entry.type }));
          });
          resolve(form);
        };
        guard(host.parseForm, type, bytes, settle);
      });
    }
    return { Body, sourceFrom, readerOf, sourceOf: (owner) => sourceOf(owner), moveSource: (owner) => moveSource(owner) };
  }
