  // What the realms of actions may call besides `createHost`: requests to the server that many
  // calls make at a time, and timers. Each realm has its own, bound to whoever owns it.

  /** Hands over requests in the order in which they were made, so many at a time. */
  function sendWaiting(owner) {
    while (owner.waiting.length > 0 && owner.sent < options.concurrent) {
      const { id, op, args } = owner.waiting.shift();
      owner.sent += 1;
      frame(OUT_CALLS);
      writeU32(owner.call);
      writeU32(id);
      writeString(op);
      writeString(args);
      send();
    }
  }

  /** The longest delay that timers of Node know. */
  const DELAY_MAX = 0x7fffffff;

  function actionHost(owner) {
    return Object.freeze({
      __proto__: null,
      ...createHost(() => touch(owner)),
      ...fetchHost(owner),
      streams,
      startCall(id, op, args) {
        if (owner.call === 0) return;
        owner.ops.set(id, op);
        owner.waiting.push({ id, op, args });
        sendWaiting(owner);
      },
      startTimer(id, delay, repeats) {
        if (owner.call === 0) return;
        const fire = () => {
          if (!repeats) owner.timers.delete(id);
          run(owner, () => owner.realm.fire(id));
        };
        const start = repeats ? setInterval : setTimeout;
        owner.timers.set(id, start(fire, Math.min(delay, DELAY_MAX)));
      },
      stopTimer(id) {
        clearTimeout(owner.timers.get(id));
        if (owner.timers.delete(id)) touch(owner);
      },
    });
  }
