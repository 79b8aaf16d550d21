  // `Headers`.

  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  const headersGroup = exposeGroup(["Headers"], () => {
    const nameFrom = (name) => {
      const text = `${name}`;
      if (!TOKEN.test(text)) throw new TypeErrorHere(`Headers: ${stringify(text)} is not a valid name of a header`);
      return text.toLowerCase();
    };
    const valueFrom = (value) => {
      const text = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
      if (/[\0\r\n\u0100-\uffff]/.test(text)) {
        throw new TypeErrorHere(`Headers: ${stringify(text)} is not a valid value of a header`);
      }
      return text;
    };

    class Headers {
      #pairs = [];
      #frozen = false;
      constructor(init) {
        if (init === undefined) return;
        if (!isObject(init)) throw new TypeErrorHere("Headers: expected pairs or an object");
        if (typeof init[Symbol.iterator] === "function") {
          for (const pair of init) {
            const [name, value, ...more] = pair;
            if (value === undefined || more.length > 0) throw new TypeErrorHere("Headers: each pair must be [name, value]");
            this.append(name, value);
          }
        } else {
          for (const name of Object.keys(init)) this.append(name, init[name]);
        }
      }
      static freeze(headers) {
        headers.#frozen = true;
        return headers;
      }
      #change(pairs) {
        if (this.#frozen) throw new TypeErrorHere("Headers: these are immutable");
        this.#pairs = pairs;
      }
      append(name, value) {
        this.#change([...this.#pairs, [nameFrom(name), valueFrom(value)]]);
      }
      delete(name) {
        const key = nameFrom(name);
        this.#change(this.#pairs.filter((pair) => pair[0] !== key));
      }
      get(name) {
        const key = nameFrom(name);
        const found = this.#pairs.filter((pair) => pair[0] === key);
        return found.length === 0 ? null : found.map((pair) => pair[1]).join(", ");
      }
      getSetCookie() {
        return this.#pairs.filter((pair) => pair[0] === "set-cookie").map((pair) => pair[1]);
      }
      has(name) {
        const key = nameFrom(name);
        return this.#pairs.some((pair) => pair[0] === key);
      }
      set(name, value) {
        const key = nameFrom(name), text = valueFrom(value);
        this.#change([...this.#pairs.filter((pair) => pair[0] !== key), [key, text]]);
      }
      forEach(callback, self) {
        for (const [name, value] of this.entries()) apply(callback, self, [value, name, this]);
      }
      /** Sorted by name; all but cookies of one name are one entry. */
      *entries() {
        const names = [...new Set(this.#pairs.map((pair) => pair[0]))].sort();
        for (const name of names) {
          if (name !== "set-cookie") yield [name, this.get(name)];
          else for (const cookie of this.getSetCookie()) yield [name, cookie];
        }
      }
      *keys() {
        for (const pair of this.entries()) yield pair[0];
      }
      *values() {
        for (const pair of this.entries()) yield pair[1];
      }
      get [Symbol.toStringTag]() {
        return "Headers";
      }
    }
    defineProperty(Headers.prototype, Symbol.iterator, {
      __proto__: null, value: Headers.prototype.entries, writable: true, configurable: true,
    });
    const { freeze: freezeHeaders } = Headers;
    delete Headers.freeze;
    return { Headers, freezeHeaders };
  });
