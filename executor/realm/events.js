  // Events, abort signals, DOMException.

  const eventClasses = () => {
    const CODES = {
      __proto__: null, IndexSizeError: 1, NotFoundError: 8, NotSupportedError: 9, InvalidStateError: 11,
      SyntaxError: 12, InvalidAccessError: 15, NetworkError: 19, AbortError: 20, QuotaExceededError: 22,
      TimeoutError: 23, DataCloneError: 25,
    };
    class DOMException extends ErrorHere {
      #name;
      constructor(message = "", name = "Error") {
        super(`${message}`);
        this.#name = `${isObject(name) ? (name.name ?? "Error") : name}`;
      }
      get name() {
        return this.#name;
      }
      get code() {
        return CODES[this.#name] ?? 0;
      }
    }
    for (const name of ownKeys(CODES)) {
      // `NotFoundError` is NOT_FOUND_ERR, on the class and on its instances.
      const constant = name.replace(/Error$/, "Err").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
      const described = { __proto__: null, value: CODES[name], enumerable: true };
      defineProperty(DOMException, constant, described);
      defineProperty(DOMException.prototype, constant, described);
    }

    class Event {
      #type;
      #init;
      #stopped = false;
      #prevented = false;
      target = null;
      currentTarget = null;
      timeStamp = 0;
      constructor(type, init = {}) {
        this.#type = `${type}`;
        this.#init = init ?? {};
      }
      get type() {
        return this.#type;
      }
      get bubbles() {
        return !!this.#init.bubbles;
      }
      get cancelable() {
        return !!this.#init.cancelable;
      }
      get defaultPrevented() {
        return this.#prevented;
      }
      preventDefault() {
        if (this.cancelable) this.#prevented = true;
      }
      stopPropagation() {}
      stopImmediatePropagation() {
        this.#stopped = true;
      }
      static stopped(event) {
        return event.#stopped;
      }
    }
    const stopped = Event.stopped;
    delete Event.stopped;

    class EventTarget {
      #listeners = [];
      addEventListener(type, listener, options) {
        if (listener === null || listener === undefined) return;
        const known = this.#listeners.some((each) => each.type === type && each.listener === listener);
        if (known || (isObject(options) && options.signal?.aborted)) return;
        this.#listeners.push({ type, listener, once: isObject(options) && !!options.once });
        if (isObject(options) && options.signal) {
          options.signal.addEventListener("abort", () => this.removeEventListener(type, listener));
        }
      }
      removeEventListener(type, listener) {
        this.#listeners = this.#listeners.filter((each) => each.type !== type || each.listener !== listener);
      }
      dispatchEvent(event) {
        event.target = event.currentTarget = this;
        const handler = this[`on${event.type}`];
        if (typeof handler === "function") apply(handler, this, [event]);
        for (const each of this.#listeners.filter((one) => one.type === event.type)) {
          if (stopped(event)) break;
          if (each.once) this.removeEventListener(each.type, each.listener);
          if (typeof each.listener === "function") apply(each.listener, this, [event]);
          else each.listener.handleEvent(event);
        }
        return !event.defaultPrevented;
      }
    }

    const KEY = Symbol("construct");
    let abort;
    class AbortSignal extends EventTarget {
      #aborted = false;
      #reason;
      onabort = null;
      constructor(key) {
        if (key !== KEY) throw new TypeErrorHere("Illegal constructor");
        super();
      }
      static {
        abort = (signal, reason) => {
          if (signal.#aborted) return;
          signal.#aborted = true;
          signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
          signal.dispatchEvent(new Event("abort"));
        };
      }
      get aborted() {
        return this.#aborted;
      }
      get reason() {
        return this.#reason;
      }
      throwIfAborted() {
        if (this.#aborted) throw this.#reason;
      }
      static abort(reason) {
        const signal = new AbortSignal(KEY);
        abort(signal, reason);
        return signal;
      }
      static timeout(delay) {
        if (!acting || now.phase !== RUNNING) throw cannot("AbortSignal.timeout");
        const signal = new AbortSignal(KEY);
        const expire = () => abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
        startTimer(expire, delay, false, []);
        return signal;
      }
      static any(signals) {
        const signal = new AbortSignal(KEY);
        for (const each of signals) {
          if (each.aborted) abort(signal, each.reason);
          else each.addEventListener("abort", () => abort(signal, each.reason));
        }
        return signal;
      }
    }
    class AbortController {
      #signal = new AbortSignal(KEY);
      get signal() {
        return this.#signal;
      }
      abort(reason) {
        abort(this.#signal, reason);
      }
    }
    return { DOMException, Event, EventTarget, AbortSignal, AbortController };
  };
  const eventGroup = exposeGroup(
    ["DOMException", "Event", "EventTarget", "AbortSignal", "AbortController"],
    eventClasses,
  );
  const domException = (message, name) => new (eventGroup().DOMException)(message, name);
