  // AsyncLocalStorage and AsyncResource, for libraries that carry context across awaits.

  exposeGroup(["AsyncLocalStorage", "AsyncResource"], () => {
    class AsyncLocalStorage {
      #storage = guard(host.newStorage);
      run(value, callback, ...args) {
        return this.#through(host.storageRun, value, callback, args);
      }
      exit(callback, ...args) {
        return this.#through((storage, _, call) => host.storageExit(storage, call), undefined, callback, args);
      }
      enterWith(value) {
        stain();
        guard(host.storageEnter, this.#storage, value);
      }
      getStore() {
        return guard(host.storageGet, this.#storage);
      }
      disable() {
        this.enterWith(undefined);
      }
      /** Runs the callback inside the executor's storage; only its own outcome comes out. */
      #through(enter, value, callback, args) {
        let ok = false, result, thrown;
        guard(enter, this.#storage, value, () => {
          try {
            result = apply(callback, undefined, args);
            ok = true;
          } catch (error) {
            thrown = error;
          }
        });
        if (!ok) throw thrown;
        return result;
      }
      static bind(callback) {
        return callback;
      }
      static snapshot() {
        return (callback, ...args) => apply(callback, undefined, args);
      }
    }
    class AsyncResource {
      constructor(type) {
        this.type = `${type}`;
      }
      runInAsyncScope(callback, self, ...args) {
        return apply(callback, self, args);
      }
      emitDestroy() {
        return this;
      }
      bind(callback) {
        return callback;
      }
      static bind(callback) {
        return callback;
      }
    }
    return { AsyncLocalStorage, AsyncResource };
  });
