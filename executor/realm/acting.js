  // What actions have beyond queries and mutations: requests to the server that are answered in
  // any order, and timers.

  /** Who waits for an answer, by the number of the request. */
  let requests = create(null);
  let requestCount = 0;

  function startCall(op, args, resolve, reject) {
    const id = ++requestCount;
    requests[id] = { __proto__: null, resolve, reject, take: undefined };
    guard(host.startCall, id, op, args);
  }

  /** A request with bytes, which are not touched until it is answered. */
  function giveBytes(op, args, bytes) {
    return new PromiseHere((resolve, reject) => {
      const id = ++requestCount;
      requests[id] = { __proto__: null, resolve, reject, take: undefined };
      guard(host.startGiving, id, op, args, bytes);
    });
  }

  /** A request that is answered with bytes: `take` gets their number and a function that copies them. */
  function takeBytes(op, args, take) {
    return new PromiseHere((resolve, reject) => {
      const id = ++requestCount;
      requests[id] = { __proto__: null, resolve, reject, take };
      guard(host.startTaking, id, op, args);
    });
  }

  /** The answer of bytes, which are there only now. */
  function bytesCame(id, length, copy) {
    const request = requests[id];
    delete requests[id];
    if (request === undefined) return;
    try {
      request.take(length, copy);
    } catch {
      return request.reject(new ErrorHere("The server answered with more bytes than it had announced"));
    }
    request.resolve(length);
  }

  function answer(id, status, text, data) {
    const request = requests[id];
    delete requests[id];
    if (request !== undefined) settleCall(request.resolve, request.reject, status, text, data);
  }

  /** Callbacks of timers that run. */
  let ticking = create(null);

  const delayFrom = (delay) => {
    const number = Number(delay);
    return number > 0 ? number : 0;
  };

  function startTimer(callback, delay, repeats, args) {
    const id = ++now.timer;
    ticking[id] = { __proto__: null, callback, args, repeats };
    guard(host.startTimer, id, delayFrom(delay), repeats);
    return id;
  }

  function fire(id) {
    const timer = ticking[id];
    if (timer === undefined) return;
    if (!timer.repeats) delete ticking[id];
    try {
      apply(timer.callback, global, timer.args);
    } catch (error) {
      fail(error);
    }
  }

  function stopTimer(id) {
    if (typeof id !== "number" || ticking[id] === undefined) return;
    delete ticking[id];
    guard(host.stopTimer, id);
  }

  function timerGlobal(name, repeats) {
    const refused = global[name];
    expose(name, { [name](callback, delay, ...args) {
      // Says what is wrong with it, or that modules are being evaluated.
      if (typeof callback !== "function" || now.phase !== RUNNING) return refused(callback);
      return startTimer(callback, delay, repeats, args);
    } }[name]);
  }

  if (acting) {
    timerGlobal("setTimeout", false);
    timerGlobal("setInterval", true);
    expose("clearTimeout", { clearTimeout: (id) => stopTimer(id) }.clearTimeout);
    expose("clearInterval", { clearInterval: (id) => stopTimer(id) }.clearInterval);
  }

  function forgetActing() {
    requests = create(null);
    ticking = create(null);
    forgetFiles();
  }
