  // `fetch` in actions: the executor performs it, chunk by chunk in both directions.

  /** An error with the words of one of the executor's. */
  function errorLike({ name, message, code }) {
    const error = name === "TypeError" ? new TypeErrorHere(message) : new ErrorHere(message);
    if (code !== undefined) error.code = code;
    return error;
  }

  function failedFetch(message, causeText) {
    if (causeText === "") return new TypeErrorHere(message);
    return new TypeErrorHere(message, { cause: errorLike(parse(causeText)) });
  }

  /** Bytes that arrive when they are asked for. */
  function createFeed(pull, stop) {
    let asking, broken;
    return {
      read: () => new PromiseHere((resolve, reject) => {
        if (broken !== undefined) return reject(broken.reason);
        asking = { __proto__: null, resolve, reject };
        pull();
      }),
      cancel: stop,
      give(bytes) {
        const { resolve } = asking ?? {};
        asking = undefined;
        resolve?.(bytes);
      },
      fail(reason) {
        broken ??= { __proto__: null, reason };
        const { reject } = asking ?? {};
        asking = undefined;
        reject?.(reason);
      },
    };
  }

  function startFetch(request, resolve, reject) {
    const { responseFrom } = fetchGroup();
    const { moveSource, readerOf } = bodyGroup();
    const { signal } = request;
    const source = moveSource(request);
    let id, next;
    const stop = () => guard(host.stopFetch, id);
    const feed = createFeed(() => guard(host.pullFetch, id), stop);
    const fail = (reason) => {
      reject(reason);
      feed.fail(reason);
    };
    const on = {
      __proto__: null,
      head(text) {
        const head = parse(text);
        resolve(responseFrom(head, head.hasBody ? { feed } : undefined));
      },
      chunk(length, copy) {
        const bytes = new Bytes(length);
        copy(bytes);
        feed.give(bytes);
      },
      end: () => feed.give(undefined),
      fail: (message, causeText) => fail(failedFetch(message, causeText)),
      /** The executor can send more of the request's body. */
      wanted() {
        next ??= source.feed === undefined ? readerOf(source.stream) : () => source.feed.read();
        then(next(), (chunk) => guard(host.sendFetch, id, chunk), (reason) => {
          stop();
          fail(reason);
        });
      },
    };
    const { url, method, headers, redirect } = request;
    const spec = stringify({ url, method, redirect, headers: [...headers] });
    const streams = source !== undefined && (source.stream !== undefined || source.bytes === undefined);
    id = guard(host.startFetch, spec, streams ? undefined : source?.bytes, streams, on);
    signal?.addEventListener("abort", () => {
      stop();
      fail(signal.reason);
    });
  }

  if (acting) {
    expose("fetch", { fetch: async (input, init) => {
      if (now.phase !== RUNNING) throw cannot("fetch()");
      const request = new (fetchGroup().Request)(input, init);
      request.signal?.throwIfAborted();
      if (!/^https?:/.test(request.url)) {
        throw new TypeErrorHere("fetch failed", { cause: new ErrorHere("only http: and https: can be fetched") });
      }
      return new PromiseHere((resolve, reject) => startFetch(request, resolve, reject));
    } }.fetch);
  }
