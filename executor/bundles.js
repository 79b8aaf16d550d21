  // What the server has sent to be run: bundles of linked scripts, and environments.
  const bundles = new Map();
  const envs = new Map();

  class Bundle {
    constructor(number, seed, time, modules, texts) {
      this.number = number;
      this.seed = seed;
      this.time = time;
      this.modules = modules;
      this.texts = texts;
      this.scripts = new Array(modules.length).fill(undefined);
      this.orders = new Map();
    }

    /** The compiled script of a module; compiled once for all realms. */
    script(index) {
      return (this.scripts[index] ??= new vm.Script(this.texts[index], {
        filename: `convex:/${this.modules[index].path}`,
      }));
    }

    /** The module and what it imports, dependencies first, as ES modules are evaluated. */
    order(entry) {
      let order = this.orders.get(entry);
      if (order === undefined) {
        order = this.postOrder(entry);
        this.orders.set(entry, order);
      }
      return order;
    }

    postOrder(entry) {
      const seen = new Set([entry]);
      const order = [];
      const open = [[entry, 0]];
      while (open.length > 0) {
        const top = open[open.length - 1];
        const requests = this.modules[top[0]].requests;
        if (top[1] === requests.length) {
          order.push(top[0]);
          open.pop();
          continue;
        }
        const next = requests[top[1]++];
        if (!seen.has(next)) {
          seen.add(next);
          open.push([next, 0]);
        }
      }
      return order;
    }
  }

  function loadBundle() {
    const number = readU32();
    const seed = readString();
    const time = readF64();
    const modules = JSON.parse(readString());
    const texts = modules.map(() => readString());
    bundles.set(number, new Bundle(number, seed, time, modules, texts));
  }

  function setEnv(number, text) {
    envs.set(number, text);
    if (envs.size > options.envs) envs.delete(envs.keys().next().value);
  }
