  // `fetch` for realms: Node's own, in the main context. Chunks of both bodies move when the other
  // side asks for them. `on` are functions of the realm, entered in turns of their own.

  /** Runs work of an owner in a turn of its own, so that it can be told who keeps the loop busy. */
  const post = (owner, work) => void setImmediate(run, owner, work);

  /** What to say of an error, as JSON; "" for none. */
  function causeText(error) {
    if (error === undefined || error === null) return "";
    const inner = error.message ? error : (error.errors?.[0] ?? error);
    const { name, message } = inner;
    return JSON.stringify({ name: `${name}`, message: `${message}`, code: error.code ?? inner.code });
  }

  function fetchHost(owner) {
    const { set } = Uint8Array.prototype;
    const copyOf = (view) => {
      const bytes = new Uint8Array(view.length);
      set.call(bytes, view);
      return bytes;
    };

    /** Counts work that will settle something in the realm. */
    function busy(promise, done, failed) {
      owner.busy += 1;
      const settle = (work) => (value) => post(owner, () => {
        owner.busy -= 1;
        work(value);
      });
      promise.then(settle(done), settle(failed));
    }

    function failing(flow, id) {
      return (error) => {
        owner.fetches.delete(id);
        flow.on.fail(`${error?.message ?? error}`, causeText(error?.cause));
      };
    }

    /** A body of which the realm gives one chunk whenever it is asked. */
    function bodyOf(flow) {
      return new ReadableStream({
        pull(controller) {
          return new Promise((resolve) => {
            flow.give = (chunk) => {
              if (chunk === undefined) controller.close();
              else controller.enqueue(chunk);
              resolve();
            };
            post(owner, flow.on.wanted);
          });
        },
      }, { highWaterMark: 0 });
    }

    function startFetch(specText, bytes, streams, on) {
      const { url, method, redirect, headers } = JSON.parse(specText);
      const id = ++owner.fetched;
      const flow = { on, controller: new AbortController(), reader: undefined, give: undefined };
      if (owner.call === 0) return id;
      owner.fetches.set(id, flow);
      const body = streams ? bodyOf(flow) : bytes === undefined ? undefined : copyOf(bytes);
      const init = { method, redirect, headers, body, duplex: "half", signal: flow.controller.signal, ...network };
      busy(fetch(url, init), (response) => {
        const { status, statusText, redirected, type } = response;
        const hasBody = response.body !== null;
        if (hasBody) flow.reader = response.body.getReader();
        else owner.fetches.delete(id);
        on.head(JSON.stringify({ status, statusText, redirected, type, hasBody, url: response.url,
          headers: [...response.headers] }));
      }, failing(flow, id));
      return id;
    }

    function pullFetch(id) {
      const flow = owner.fetches.get(id);
      if (flow === undefined) return;
      busy(flow.reader.read(), ({ value, done }) => {
        if (done) {
          owner.fetches.delete(id);
          flow.on.end();
        } else {
          flow.on.chunk(value.length, (view) => void set.call(view, value));
        }
      }, failing(flow, id));
    }

    function sendFetch(id, chunk) {
      owner.fetches.get(id)?.give(chunk === undefined ? undefined : copyOf(chunk));
    }

    function stopFetch(id) {
      const flow = owner.fetches.get(id);
      owner.fetches.delete(id);
      flow?.controller.abort();
    }

    return { startFetch, pullFetch, sendFetch, stopFetch, parseForm: formParser(owner) };
  }
