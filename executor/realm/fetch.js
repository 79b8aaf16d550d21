  // `Request` and `Response`.

  const fetchGroup = exposeGroup(["Request", "Response"], () => {
    const { Headers, freezeHeaders } = headersGroup();

    const { Body, sourceFrom, sourceOf, moveSource } = bodyGroup();

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
      #url = "";
      #redirected = false;
      constructor(body = null, init = {}) {
        const known = init?.[HIDDEN];
        const status = known?.status ?? (init?.status === undefined ? 200 : Number(init.status));
        if (known === undefined && (!Number.isInteger(status) || status < 200 || status > 599)) {
          throw new RangeErrorHere(`Response: the status must be an integer from 200 to 599, not ${status}`);
        }
        const statusText = `${init?.statusText ?? ""}`;
        if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) throw new TypeErrorHere("Response: statusText is not valid");
        const { source, type } = sourceFrom(body);
        if (source !== undefined && (status === 204 || status === 205 || status === 304)) {
          throw new TypeErrorHere(`Response: status ${status} has no body`);
        }
        super(source, headersFor(init?.headers, type));
        this.#status = status;
        this.#statusText = statusText;
        if (known === undefined) return;
        this.#type = known.type;
        this.#url = known.url ?? "";
        this.#redirected = known.redirected === true;
      }
      get type() {
        return this.#type;
      }
      get url() {
        return this.#url;
      }
      get redirected() {
        return this.#redirected;
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
        const state = { status: this.#status, type: this.#type, url: this.#url, redirected: this.#redirected };
        const source = sourceOf(this);
        const copy = new Response(source && { [SOURCE]: source }, { statusText, headers, [HIDDEN]: state });
        if (this.#type !== "default") freezeHeaders(copy.headers);
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
        const given = init?.body === undefined || init.body === null ? undefined : sourceFrom(init.body);
        // The body moves over, unless this is a copy.
        const source = given !== undefined ? given.source
          : from === undefined ? undefined
          : init?.[HIDDEN] === true ? sourceOf(from) : moveSource(from);
        if (source !== undefined && (method === "GET" || method === "HEAD")) {
          throw new TypeErrorHere(`Request: ${method} has no body`);
        }
        super(source, headersFor(init?.headers ?? from?.headers, given?.type ?? null));
        this.#url = url.href;
        this.#method = method;
        this.#signal = init?.[HIDDEN]?.signal ?? init?.signal ?? from?.signal ?? new (eventGroup().AbortController)().signal;
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
        if (typeof this.#signal === "function") this.#signal = this.#signal();
        return this.#signal;
      }
      get destination() {
        return "";
      }
      clone() {
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
    /** The response to a request that went out. */
    function responseFrom({ status, statusText, url, redirected, type, headers }, source) {
      const state = { status, url, redirected, type };
      const body = source === undefined ? null : { [SOURCE]: source };
      const response = new Response(body, { statusText, headers, [HIDDEN]: state });
      freezeHeaders(response.headers);
      return response;
    }
    /** A request that came in; `signal` is called for its signal when somebody looks at it. */
    function requestFor(url, method, headers, source, signal) {
      const body = source === undefined ? undefined : { [SOURCE]: source };
      return new Request(url, { method, headers, body, [HIDDEN]: { signal } });
    }
    return { Request, Response, responseFrom, requestFor };
  });
