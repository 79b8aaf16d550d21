  // `ReadableStream` with its default reader, and the queuing strategies.

  exposeGroup(["ReadableStream", "ReadableStreamDefaultReader", "CountQueuingStrategy", "ByteLengthQueuingStrategy"], () => {
    const READABLE = 0, CLOSED = 1, ERRORED = 2;
    const stateOf = new WeakMap(), take = WeakMap.prototype.get, put = WeakMap.prototype.set;
    const inner = (stream) => {
      const state = isObject(stream) ? apply(take, stateOf, [stream]) : undefined;
      if (state === undefined) throw new TypeErrorHere("Illegal invocation: this is no ReadableStream");
      return state;
    };
    const deferred = () => {
      const made = {};
      made.promise = new PromiseHere((resolve, reject) => {
        made.resolve = resolve;
        made.reject = reject;
      });
      then(made.promise, undefined, () => {});
      return made;
    };
    const room = (state) => (state.status === ERRORED ? null : state.status === CLOSED ? 0 : state.mark - state.size);

    function settleReaders(state, settle) {
      const { waiting, reader } = state;
      state.waiting = [];
      for (const each of waiting) settle(each);
      if (reader !== undefined) settle(reader, true);
    }
    function close(state) {
      state.status = CLOSED;
      settleReaders(state, (each, reader) => each.resolve(reader ? undefined : { value: undefined, done: true }));
    }
    function error(state, reason) {
      if (state.status !== READABLE) return;
      state.status = ERRORED;
      state.reason = reason;
      state.queue = [];
      state.size = 0;
      settleReaders(state, (each) => each.reject(reason));
    }
    function pull(state) {
      if (!state.started || state.closing || state.status !== READABLE) return;
      if (state.waiting.length === 0 && room(state) <= 0) return;
      if (state.pulling) {
        state.again = true;
        return;
      }
      state.pulling = true;
      state.again = false;
      const done = new PromiseHere((resolve) => resolve(state.source.pull?.(state.controller)));
      then(done, () => {
        state.pulling = false;
        if (state.again) pull(state);
      }, (reason) => error(state, reason));
    }
    function read(state) {
      const wanted = deferred();
      if (state.queue.length > 0) {
        const { chunk, size } = state.queue.shift();
        state.size -= size;
        if (state.closing && state.queue.length === 0) close(state);
        wanted.resolve({ value: chunk, done: false });
      } else if (state.status === CLOSED) wanted.resolve({ value: undefined, done: true });
      else if (state.status === ERRORED) wanted.reject(state.reason);
      else state.waiting.push(wanted);
      pull(state);
      return wanted.promise;
    }
    async function cancel(state, reason) {
      if (state.status === CLOSED) return;
      if (state.status === ERRORED) throw state.reason;
      state.queue = [];
      state.size = 0;
      close(state);
      await state.source.cancel?.(reason);
    }

    const controllerOf = (state) => ({
      get desiredSize() {
        return room(state);
      },
      enqueue(chunk) {
        if (state.closing || state.status !== READABLE) throw new TypeErrorHere("ReadableStream: it is closed");
        if (state.waiting.length > 0) state.waiting.shift().resolve({ value: chunk, done: false });
        else {
          let size;
          try {
            size = Number(state.sizeOf(chunk));
            if (!(size >= 0) || size === Infinity) throw new RangeErrorHere("ReadableStream: a chunk's size must be a number from 0");
          } catch (reason) {
            error(state, reason);
            throw reason;
          }
          state.queue.push({ chunk, size });
          state.size += size;
        }
        pull(state);
      },
      close() {
        if (state.closing || state.status !== READABLE) throw new TypeErrorHere("ReadableStream: it is closed");
        state.closing = true;
        if (state.queue.length === 0) close(state);
      },
      error: (reason) => error(state, reason),
    });

    class ReadableStream {
      constructor(source = {}, strategy = {}) {
        if (source?.type !== undefined) throw new TypeErrorHere("ReadableStream: byte streams are not supported");
        const mark = strategy?.highWaterMark === undefined ? 1 : Number(strategy.highWaterMark);
        if (!(mark >= 0)) throw new RangeErrorHere("ReadableStream: highWaterMark must be a number from 0");
        const state = { status: READABLE, queue: [], size: 0, waiting: [], reader: undefined, reason: undefined, started: false,
          closing: false, pulling: false, again: false, source: source ?? {}, mark, sizeOf: strategy?.size ?? (() => 1) };
        apply(put, stateOf, [this, state]);
        state.controller = controllerOf(state);
        then(PromiseHere.resolve(state.source.start?.(state.controller)), () => {
          state.started = true;
          pull(state);
        }, (reason) => error(state, reason));
      }
      get locked() {
        return inner(this).reader !== undefined;
      }
      async cancel(reason) {
        if (inner(this).reader !== undefined) throw new TypeErrorHere("ReadableStream: it is locked");
        return cancel(inner(this), reason);
      }
      getReader(options) {
        if (options?.mode !== undefined) throw new TypeErrorHere("ReadableStream: there are no byte readers");
        return new ReadableStreamDefaultReader(this);
      }
      async *values(options) {
        const reader = this.getReader();
        let ended = false;
        try {
          for (;;) {
            const { value, done } = await reader.read().catch((reason) => {
              ended = true;
              throw reason;
            });
            ended = done;
            if (done) return;
            yield value;
          }
        } finally {
          if (!ended && !options?.preventCancel) await reader.cancel();
          reader.releaseLock();
        }
      }
      static from(source) {
        const iterator = (source[Symbol.asyncIterator] ?? source[Symbol.iterator]).call(source);
        return new ReadableStream({
          async pull(controller) {
            const { value, done } = await iterator.next();
            if (done) controller.close();
            else controller.enqueue(await value);
          },
          cancel: (reason) => iterator.return?.(reason),
        }, { highWaterMark: 0 });
      }
      get [Symbol.toStringTag]() {
        return "ReadableStream";
      }
    }
    defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
      __proto__: null, value: ReadableStream.prototype.values, writable: true, configurable: true,
    });

    class ReadableStreamDefaultReader {
      #state;
      #closed = deferred();
      constructor(stream) {
        const state = inner(stream);
        if (state.reader !== undefined) throw new TypeErrorHere("ReadableStream: it is locked");
        this.#state = state;
        state.reader = this.#closed;
        if (state.status === CLOSED) this.#closed.resolve();
        if (state.status === ERRORED) this.#closed.reject(state.reason);
      }
      #held() {
        if (this.#state === undefined) throw new TypeErrorHere("ReadableStreamDefaultReader: it was released");
        return this.#state;
      }
      get closed() {
        return this.#closed.promise;
      }
      async read() {
        return read(this.#held());
      }
      async cancel(reason) {
        return cancel(this.#held(), reason);
      }
      releaseLock() {
        const state = this.#state;
        if (state === undefined) return;
        this.#state = state.reader = undefined;
        const reason = new TypeErrorHere("ReadableStreamDefaultReader: it was released");
        for (const each of state.waiting.splice(0)) each.reject(reason);
        if (state.status === READABLE) this.#closed.reject(reason);
      }
    }
    class CountQueuingStrategy {
      constructor({ highWaterMark }) {
        this.highWaterMark = Number(highWaterMark);
      }
      size() {
        return 1;
      }
    }
    class ByteLengthQueuingStrategy {
      constructor({ highWaterMark }) {
        this.highWaterMark = Number(highWaterMark);
      }
      size(chunk) {
        return chunk.byteLength;
      }
    }
    return { ReadableStream, ReadableStreamDefaultReader, CountQueuingStrategy, ByteLengthQueuingStrategy };
  });
