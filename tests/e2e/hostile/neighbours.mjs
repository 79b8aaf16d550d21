// Well-behaved clients of a server that hostile functions run on: one that is subscribed, and one
// that calls; and how long they wait.

import { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";

export const neighbourly = {
  "convex/healthy.js": `
import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
export const tick = mutation({ args: { n: v.number() }, handler: async (ctx, { n }) => void (await ctx.db.insert("ticks", { n })) });
export const last = query({ args: {}, handler: async (ctx) => (await ctx.db.query("ticks").order("desc").first())?.n ?? 0 });
`,
};

const EVERY_MS = 50;
/** A caller that waits for so many answers calls no more until one is there. */
const OUTSTANDING_MAX = 8;

export const p99 = (times) => times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1];

export class Neighbours {
  #n = 0;
  #pending = new Map();
  #client;
  #timer;
  #outstanding = 0;
  /** Milliseconds until a mutation was answered, and until the subscription had what it wrote. */
  calls = [];
  updates = [];
  failures = [];

  constructor(t, server) {
    this.server = server;
    this.#client = new ConvexClient(server.url);
    t.after(() => this.stop());
    this.#client.onUpdate(api.healthy.last, {}, (n) => {
      const now = performance.now();
      for (const [each, since] of this.#pending) {
        if (each > n) break;
        this.updates.push(now - since);
        this.#pending.delete(each);
      }
    }, (error) => this.failures.push(error));
    this.#timer = setInterval(() => void this.#call(), EVERY_MS);
  }

  async #call() {
    if (this.#outstanding >= OUTSTANDING_MAX) return;
    this.#outstanding += 1;
    const n = ++this.#n;
    const since = performance.now();
    this.#pending.set(n, since);
    try {
      const { json } = await this.server.post("/api/mutation", { path: "healthy:tick", args: { n } });
      if (json?.status !== "success") this.failures.push(new Error(JSON.stringify(json)));
      this.calls.push(performance.now() - since);
    } catch (error) {
      this.failures.push(error);
    }
    this.#outstanding -= 1;
  }

  /** What was measured since the last time. */
  take() {
    const taken = { calls: this.calls, updates: this.updates };
    this.calls = [];
    this.updates = [];
    return taken;
  }

  /** How many writes the subscription has not shown yet. */
  get unseen() {
    return this.#pending.size;
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#client.close();
  }

  /** No more calls; the subscription goes on. */
  rest() {
    clearInterval(this.#timer);
  }
}
