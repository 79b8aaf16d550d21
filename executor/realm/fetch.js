  // `Request` and `Response`. Bodies are whole: they are not streams yet, and `body` says so.

  exposeGroup(["Request", "Response"], () => {
    const { Headers, freezeHeaders } = headersGroup();

    /** The bytes of a body and the type that goes with them. */
    function bodyFrom(init) {
      const { Blob, FormData, bytesOf, multipart } = blobGroup();
      if (init === undefined || init === null) return { bytes: undefined, type: null };
      if (init instanceof Blob) return { bytes: bytesOf(init), type: init.type || null };
      if (isBytes(init)) return { bytes: viewOf(init, "body").slice(), type: null };
      if (init instanceof urlGroup().URLSearchParams) {
        return { bytes: encodeUtf8(`${init}`), type: "application/x-www-form-urlencoded;charset=UTF-8" };
      }
      if (init instanceof FormData) {
        const boundary = `----formdata-${nextWord().toString(36)}${nextWord().toString(36)}`;
        return { bytes: multipart(init, boundary), type: `multipart/form-data; boundary=${boundary}` };
      }
      return { bytes: encodeUtf8(`${init}`), type: "text/plain;charset=UTF-8" };
    }

    let bytesIn, markUsed;
    class Body {
      #bytes;
      #used = false;
      #headers;
      constructor(bytes, headers) {
        this.#bytes = bytes;
        this.#headers = headers;
      }
      static {
        bytesIn = (owner) => {
          if (owner.#used) throw new TypeErrorHere("Body is unusable: it has already been read");
          return owner.#bytes;
        };
        markUsed = (owner) => {
          owner.#used = owner.#bytes !== undefined;
        };
      }
      #take() {
        const bytes = bytesIn(this);
        if (bytes === undefined) return new Bytes(0);
        this.#used = true;
        return bytes.slice();
      }
      get headers() {
        return this.#headers;
      }
      get bodyUsed() {
        return this.#used;
      }
      get body() {
        if (this.#bytes === undefined) return null;
        throw domException("`body` needs ReadableStream, which is not there yet: use text(), json() or bytes()", "NotSupportedError");
      }
      async text() {
        return decodeUtf8(this.#take());
      }
      async json() {
        return parse(decodeUtf8(this.#take()));
      }
      async bytes() {
        return this.#take();
      }
      async arrayBuffer() {
        return this.#take().buffer;
      }
      async blob() {
        const { Blob } = blobGroup();
        return new Blob([this.#take()], { type: this.#headers.get("content-type") ?? "" });
      }
      async formData() {
        throw cannot("formData()");
      }
    }

    function headersFor(init, type) {
      const headers = new Headers(init);
      if (type !== null && !headers.has("content-type")) headers.append("content-type", type);
      return headers;
    }

    const HIDDEN = Symbol("state");
    class Response extends Body {
      #status;
      #statusText;
      #type = "default";
      constructor(body = null, init = {}) {
        const known = init?.[HIDDEN];
        const status = known?.status ?? (init?.status === undefined ? 200 : Number(init.status));
        if (known === undefined && (!Number.isInteger(status) || status < 200 || status > 599)) {
          throw new RangeErrorHere(`Response: the status must be an integer from 200 to 599, not ${status}`);
        }
        const statusText = `${init?.statusText ?? ""}`;
        if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) throw new TypeErrorHere("Response: statusText is not valid");
        const { bytes, type } = bodyFrom(body);
        if (bytes !== undefined && (status === 204 || status === 205 || status === 304)) {
          throw new TypeErrorHere(`Response: status ${status} has no body`);
        }
        super(bytes, headersFor(init?.headers, type));
        this.#status = status;
        this.#statusText = statusText;
        if (known !== undefined) this.#type = known.type;
      }
      get type() {
        return this.#type;
      }
      get url() {
        return "";
      }
      get redirected() {
        return false;
      }
      get status() {
        return this.#status;
      }
      get ok() {
        return this.#status >= 200 && this.#status <= 299;
      }
      get statusText() {
        return this.#statusText;
      }
      clone() {
        const { statusText, headers } = this;
        const state = { status: this.#status, type: this.#type };
        const copy = new Response(bytesIn(this) ?? null, { statusText, headers, [HIDDEN]: state });
        if (this.#type === "error") freezeHeaders(copy.headers);
        return copy;
      }
      static error() {
        const response = new Response(null, { [HIDDEN]: { status: 0, type: "error" } });
        freezeHeaders(response.headers);
        return response;
      }
      static redirect(url, status = 302) {
        const location = new (urlGroup().URL)(url).href;
        if (![301, 302, 303, 307, 308].includes(Number(status))) {
          throw new RangeErrorHere(`Response.redirect: ${status} is not the status of a redirect`);
        }
        const response = new Response(null, { status, headers: [["location", location]] });
        freezeHeaders(response.headers);
        return response;
      }
      static json(data, init = {}) {
        const text = stringify(data);
        if (text === undefined) throw new TypeErrorHere("Response.json: the value has no JSON");
        const headers = headersFor(init?.headers, "application/json");
        return new Response(text, { status: init?.status, statusText: init?.statusText, headers });
      }
      get [Symbol.toStringTag]() {
        return "Response";
      }
    }

    function methodFrom(method) {
      const text = `${method}`, upper = text.toUpperCase();
      if (!TOKEN.test(text) || ["CONNECT", "TRACE", "TRACK"].includes(upper)) {
        throw new TypeErrorHere(`Request: ${stringify(text)} is not a method that can be used`);
      }
      return ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"].includes(upper) ? upper : text;
    }
    const DEFAULTS = { mode: "cors", credentials: "same-origin", cache: "default", redirect: "follow",
      referrer: "about:client", referrerPolicy: "", integrity: "", keepalive: false, duplex: "half" };
    class Request extends Body {
      #url;
      #method;
      #signal;
      #options = {};
      constructor(input, init = {}) {
        const from = isObject(input) && #url in input ? input : undefined;
        const url = new (urlGroup().URL)(from?.url ?? `${input}`);
        if (url.username !== "" || url.password !== "") throw new TypeErrorHere("Request: the URL has credentials in it");
        const method = init?.method === undefined ? (from?.method ?? "GET") : methodFrom(init.method);
        const given = init?.body === undefined || init.body === null ? undefined : bodyFrom(init.body);
        const bytes = given === undefined ? (from && bytesIn(from)) : given.bytes;
        if (bytes !== undefined && (method === "GET" || method === "HEAD")) {
          throw new TypeErrorHere(`Request: ${method} has no body`);
        }
        super(bytes, headersFor(init?.headers ?? from?.headers, given?.type ?? null));
        // The body moves over, unless this is a copy.
        if (from !== undefined && given === undefined && init?.[HIDDEN] !== true) markUsed(from);
        this.#url = url.href;
        this.#method = method;
        this.#signal = init?.signal ?? from?.signal ?? new (eventGroup().AbortController)().signal;
        for (const name in DEFAULTS) this.#options[name] = init?.[name] ?? from?.[name] ?? DEFAULTS[name];
      }
      static option(request, name) {
        return request.#options[name];
      }
      get url() {
        return this.#url;
      }
      get method() {
        return this.#method;
      }
      get signal() {
        return this.#signal;
      }
      get destination() {
        return "";
      }
      clone() {
        bytesIn(this);
        return new Request(this, { [HIDDEN]: true });
      }
      get [Symbol.toStringTag]() {
        return "Request";
      }
    }
    const { option } = Request;
    delete Request.option;
    for (const name of Object.keys(DEFAULTS)) {
      defineProperty(Request.prototype, name, {
        __proto__: null, get() { return option(this, name); }, set: undefined, enumerable: true, configurable: true,
      });
    }
    return { Request, Response };
  });
