  // HTTP actions: the router is asked whose a request is, gets it as a `Request`, and what it
  // answers goes out as it is produced, one chunk at a time. The JSON that the router carries to
  // and from its two operations is private to this file and to the server.

  /** Bytes of a chunk that goes out. */
  const CHUNK_MAX = 1 << 18;

  /** The exchange in progress. */
  let exchange;

  function openExchange() {
    exchange = {
      __proto__: null,
      /** The body of the request. */
      feed: createFeed(() => {
        now.outstanding += 1;
        guard(host.pullBody);
      }, ignore),
      controller: undefined,
      /** Whether user code waits for the signal, which anything outside may abort. */
      watched: false,
      /** The client went away. */
      gone: false,
      /** Bodies of responses that the router has handed in. */
      bodies: list(),
      /** Called when the server has taken a chunk. */
      taken: undefined,
      /** Ends the body that goes out. */
      stop: ignore,
    };
  }

  /** The signal of the request; from the first look at it on the client's going away is awaited. */
  function requestSignal() {
    const { AbortController } = eventGroup();
    if (exchange.controller === undefined) {
      exchange.controller = new AbortController();
      if (exchange.gone) exchange.controller.abort();
      else watchClient();
    }
    return exchange.controller.signal;
  }

  function watchClient() {
    exchange.watched = true;
    now.outstanding += 1;
  }

  function requestFrom({ convexJson }) {
    const { requestFor } = fetchGroup();
    const { url, method, headerPairs, hasBody } = convexJson;
    return requestFor(url, method, headerPairs, hasBody ? { feed: exchange.feed } : undefined, requestSignal);
  }

  /** What a header may hold beyond what `Headers` allows would break the response apart. */
  const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

  function pairsOf(response) {
    // What came from `fetch` is decoded already.
    const decoded = response.type !== "default" && response.headers.has("content-encoding");
    const pairs = [];
    for (const [name, value] of response.headers) {
      if (decoded && (name === "content-encoding" || name === "content-length")) continue;
      if (CONTROL.test(value)) throw new TypeErrorHere(`The header ${name} of the response has control characters in it`);
      pairs.push([name, value]);
    }
    return pairs;
  }

  function jsonFrom({ response }) {
    const { Response } = fetchGroup();
    if (!isObject(response) || !(response instanceof Response)) {
      throw new TypeErrorHere(`An HTTP action must return a Response, not ${textOf(response)}`);
    }
    if (response.status < 200) throw new TypeErrorHere("An HTTP action cannot return Response.error()");
    const headerPairs = pairsOf(response);
    const streamId = exchange.bodies.length;
    exchange.bodies[streamId] = bodyGroup().moveSource(response);
    return { status: response.status, headerPairs, streamId };
  }

  /** The operations of the router; undefined if it is another one. */
  function httpSyscall(op, arg) {
    if (exchange === undefined || !isObject(arg)) return undefined;
    if (op === "requestFromConvexJson") return requestFrom(arg);
    return op === "convexJsonFromResponse" ? jsonFrom(arg) : undefined;
  }

  /** Sends bytes in chunks, each when the one before was taken. */
  async function sendBytes(bytes) {
    const length = bytesLength(bytes);
    for (let at = 0; at < length && !exchange.gone; at += CHUNK_MAX) {
      const end = at + CHUNK_MAX < length ? at + CHUNK_MAX : length;
      await new PromiseHere((resolve) => {
        exchange.taken = resolve;
        now.outstanding += 1;
        guard(host.sendChunk, subarray(bytes, at, end));
      });
    }
  }

  async function sendBody(next) {
    for (let chunk = await next(); chunk !== undefined && !exchange.gone; chunk = await next()) {
      await sendBytes(chunk);
    }
  }

  /** How to take a body chunk by chunk, and how to leave it. */
  function openBody({ bytes, stream, feed }) {
    if (stream !== undefined) {
      const next = bodyGroup().readerOf(stream);
      return { next, cancel: next.cancel };
    }
    if (feed !== undefined) return { next: () => feed.read(), cancel: async () => feed.cancel() };
    let left = bytes;
    return { next: async () => {
      const chunk = left;
      left = undefined;
      return chunk;
    }, cancel: async () => {} };
  }

  async function sendResponse(head, headOnly) {
    const source = exchange.bodies[head.streamId];
    const known = source !== undefined && source.stream === undefined && source.feed === undefined;
    if (!exchange.gone) {
      const length = known ? bytesLength(source.bytes) : undefined;
      const { status, headerPairs } = head;
      guard(host.sendHead, stringify({ status, headers: headerPairs, hasBody: source !== undefined, length }));
    }
    if (source === undefined) return;
    const { next, cancel } = openBody(source);
    if (headOnly || exchange.gone) return void (await cancel());
    await new PromiseHere((resolve, reject) => {
      // User code may be in the middle of a read that it will never answer; what it does when it
      // is told to stop is awaited.
      exchange.stop = () => then(cancel(exchange.controller?.signal.reason), resolve, resolve);
      const unless = (settle) => (value) => void (exchange.gone || settle(value));
      then(sendBody(next), unless(resolve), unless(reject));
    });
  }

  async function runHttp(index, args) {
    try {
      const router = modules[index].namespace.default;
      if (!isObject(router) || router.isRouter !== true) {
        refuse("The default export of `convex/http.js` is not a Router.");
        return;
      }
      const { method, path } = parse(args);
      const match = router.lookup(path, method);
      guard(host.sendRoute, match ? `${match[1]} ${match[2]}` : "");
      if (match) {
        const answer = await router.runRequest(args, path);
        await sendResponse(parse(answer), method === "HEAD");
      }
      settled = true;
    } catch (error) {
      fail(error);
    }
  }

  /** A chunk of the request's body, its end, or why there is no more of it. */
  function bodyArrived(length, copy, error) {
    now.outstanding -= 1;
    if (error !== undefined) return exchange.feed.fail(new TypeErrorHere(error));
    if (length === undefined) return exchange.feed.give(undefined);
    const bytes = new Bytes(length);
    copy(bytes);
    return exchange.feed.give(bytes);
  }

  function chunkTaken() {
    const { taken } = exchange;
    exchange.taken = undefined;
    if (taken === undefined) return;
    now.outstanding -= 1;
    taken();
  }

  function clientGone() {
    exchange.gone = true;
    if (exchange.watched) now.outstanding -= 1;
    exchange.watched = false;
    chunkTaken();
    exchange.controller?.abort();
    exchange.stop();
  }
