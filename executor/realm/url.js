  // URL and URLSearchParams. Parsing is the executor's; the objects are the realm's.

  const urlClasses = () => {
    const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port",
      "pathname", "search", "hash"];

    /** `a=1&b=2` to pairs. */
    function parsePairs(text) {
      const pairs = [];
      for (const part of text.split("&")) {
        if (part === "") continue;
        const at = part.indexOf("=");
        pairs.push([unescapePart(at < 0 ? part : part.slice(0, at)), at < 0 ? "" : unescapePart(part.slice(at + 1))]);
      }
      return pairs;
    }

    function unescapePart(text) {
      const spaced = text.replaceAll("+", " ");
      if (!spaced.includes("%")) return spaced;
      const source = encodeUtf8(spaced);
      const bytes = new Bytes(source.length);
      let size = 0;
      for (let i = 0; i < source.length; i++) {
        const hex = source[i] === 37 ? String.fromCharCode(source[i + 1] ?? 0, source[i + 2] ?? 0) : "";
        if (/^[0-9a-fA-F]{2}$/.test(hex)) {
          bytes[size++] = parseInt(hex, 16);
          i += 2;
        } else {
          bytes[size++] = source[i];
        }
      }
      return guard(host.decode, guard(host.newDecoder, "utf-8", false, true), subarray(bytes, 0, size), false);
    }

    function escapePart(text) {
      let out = "";
      for (const byte of encodeUtf8(text)) {
        const plain = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
        if (plain || byte === 42 || byte === 45 || byte === 46 || byte === 95) out += String.fromCharCode(byte);
        else out += byte === 32 ? "+" : `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
      }
      return out;
    }

    function pairsFrom(init) {
      if (init === undefined || init === null) return [];
      if (!isObject(init)) {
        const text = `${init}`;
        return parsePairs(text.startsWith("?") ? text.slice(1) : text);
      }
      if (typeof init[Symbol.iterator] === "function") {
        return Array.from(init, (pair) => {
          const [name, value, ...more] = pair;
          if (value === undefined || more.length > 0) throw new TypeErrorHere("Each query pair must be a [name, value] tuple");
          return [`${name}`, `${value}`];
        });
      }
      return Object.keys(init).map((name) => [name, `${init[name]}`]);
    }

    let attach, refresh;
    class URLSearchParams {
      #pairs;
      #changed = undefined;
      constructor(init) {
        this.#pairs = pairsFrom(init);
      }
      static {
        attach = (params, changed) => {
          params.#changed = changed;
        };
        refresh = (params, text) => {
          params.#pairs = parsePairs(text);
        };
      }
      #update(pairs) {
        this.#pairs = pairs;
        this.#changed?.(this.toString());
      }
      get size() {
        return this.#pairs.length;
      }
      append(name, value) {
        this.#update([...this.#pairs, [`${name}`, `${value}`]]);
      }
      delete(name, value) {
        this.#update(this.#pairs.filter((pair) => pair[0] !== `${name}` || (value !== undefined && pair[1] !== `${value}`)));
      }
      get(name) {
        return this.#pairs.find((pair) => pair[0] === `${name}`)?.[1] ?? null;
      }
      getAll(name) {
        return this.#pairs.filter((pair) => pair[0] === `${name}`).map((pair) => pair[1]);
      }
      has(name, value) {
        return this.#pairs.some((pair) => pair[0] === `${name}` && (value === undefined || pair[1] === `${value}`));
      }
      set(name, value) {
        const at = this.#pairs.findIndex((pair) => pair[0] === `${name}`);
        if (at < 0) return this.append(name, value);
        this.#update(this.#pairs
          .filter((pair, i) => i <= at || pair[0] !== `${name}`)
          .map((pair, i) => (i === at ? [`${name}`, `${value}`] : pair)));
      }
      sort() {
        this.#update(this.#pairs.toSorted((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)));
      }
      forEach(callback, self) {
        for (const [name, value] of this.#pairs) apply(callback, self, [value, name, this]);
      }
      *entries() {
        for (const [name, value] of this.#pairs) yield [name, value];
      }
      *keys() {
        for (const pair of this.#pairs) yield pair[0];
      }
      *values() {
        for (const pair of this.#pairs) yield pair[1];
      }
      toString() {
        return this.#pairs.map((pair) => `${escapePart(pair[0])}=${escapePart(pair[1])}`).join("&");
      }
      get [Symbol.toStringTag]() {
        return "URLSearchParams";
      }
    }
    defineProperty(URLSearchParams.prototype, Symbol.iterator, {
      __proto__: null, value: URLSearchParams.prototype.entries, writable: true, configurable: true,
    });

    function parseUrl(text, base) {
      const joined = guard(host.urlParse, text, base);
      return joined === "" ? undefined : joined.split("\n");
    }

    let partsOf, setParts;
    class URL {
      #parts;
      #params = undefined;
      constructor(text, base) {
        const parts = parseUrl(`${text}`, base === undefined ? undefined : `${base}`);
        if (parts === undefined) {
          const error = new TypeErrorHere("Invalid URL");
          error.code = "ERR_INVALID_URL";
          error.input = `${text}`;
          throw error;
        }
        this.#parts = parts;
      }
      static {
        partsOf = (url) => url.#parts;
        setParts = (url, name, value) => {
          const joined = guard(host.urlSet, url.#parts[0], name, value);
          url.#parts = joined.split("\n");
          if (name !== "searchParams" && url.#params) refresh(url.#params, url.#parts[9].slice(1));
        };
      }
      get searchParams() {
        if (this.#params === undefined) {
          this.#params = new URLSearchParams(this.#parts[9]);
          attach(this.#params, (text) => {
            this.#parts = guard(host.urlSet, this.#parts[0], "search", text).split("\n");
          });
        }
        return this.#params;
      }
      toString() {
        return this.#parts[0];
      }
      toJSON() {
        return this.#parts[0];
      }
      static canParse(text, base) {
        return parseUrl(`${text}`, base === undefined ? undefined : `${base}`) !== undefined;
      }
      static parse(text, base) {
        return URL.canParse(text, base) ? new URL(text, base) : null;
      }
      get [Symbol.toStringTag]() {
        return "URL";
      }
    }
    for (let i = 0; i < PARTS.length; i++) {
      const name = PARTS[i];
      defineProperty(URL.prototype, name, {
        __proto__: null,
        get() {
          return partsOf(this)[i];
        },
        set: name === "origin" ? undefined : function (value) {
          if (name === "href") new URL(value);
          setParts(this, name, `${value}`);
        },
        enumerable: true,
        configurable: true,
      });
    }
    return { URL, URLSearchParams };
  };
  const urlGroup = exposeGroup(["URL", "URLSearchParams"], urlClasses);
