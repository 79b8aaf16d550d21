// Runs in a browser: random schedules of writes against a list that is paged through.
//
// Each schedule mounts a component that pages through a list and, beside it, subscribes to the
// whole. Both arrive in the same transitions, so whatever is shown of the pages must at every
// render be the beginning of the whole: nothing skipped, nothing doubled, nothing out of order.

import { ConvexReactClient, ConvexProvider, usePaginatedQuery, useQuery } from "convex/react";
import { makeFunctionReference } from "convex/server";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const STEPS = 14;
const LIMIT_MS = 20_000;
const page = makeFunctionReference("items:page");
const all = makeFunctionReference("items:all");
const insert = makeFunctionReference("items:insert");
const remove = makeFunctionReference("items:remove");

/** A generator of numbers in [0, 1) that a seed repeats (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What was last rendered, and the first thing that was wrong with any render. */
class Watch {
  latest = undefined;
  problem = undefined;
  renders = 0;

  see(paged, whole) {
    this.renders += 1;
    this.latest = { paged, whole };
    if (whole === undefined || paged.status === "LoadingFirstPage") return;
    const expected = whole.slice(0, paged.results.length);
    const same = expected.length === paged.results.length && expected.every((row, i) => row._id === paged.results[i]._id);
    const short = paged.status === "Exhausted" && paged.results.length < whole.length;
    if (same && !short) return;
    const shown = (rows) => rows.map((row) => row.n).join(" ");
    this.problem ??= `${paged.status}: pages show [${shown(paged.results)}] of [${shown(whole)}]`;
  }
}

function Pages({ list, initialNumItems, watch }) {
  const paged = usePaginatedQuery(page, { list }, { initialNumItems });
  const whole = useQuery(all, { list });
  watch.see(paged, whole);
  return null;
}

async function until(check, what) {
  const start = performance.now();
  for (;;) {
    const value = check();
    if (value) return value;
    if (performance.now() - start > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function schedule(client, seed) {
  const random = randomOf(seed);
  const below = (limit) => Math.floor(random() * limit);
  const list = `schedule ${seed}`;
  const present = [];
  const write = async () => {
    if (present.length > 0 && random() < 0.35) {
      const [id] = present.splice(below(present.length), 1);
      await client.mutation(remove, { id });
    } else {
      present.push(await client.mutation(insert, { list, n: below(100) }));
    }
  };
  for (let i = below(8); i > 0; i--) await write();

  const watch = new Watch();
  const root = createRoot(document.createElement("div"));
  const props = { list, initialNumItems: 1 + below(4), watch };
  root.render(createElement(ConvexProvider, { client }, createElement(Pages, props)));
  const more = () => {
    const paged = watch.latest?.paged;
    if (paged?.status === "CanLoadMore") paged.loadMore(1 + below(4));
  };
  const writes = [];
  for (let step = 0; step < STEPS; step++) {
    if (random() < 0.3) more();
    else if (random() < 0.5) await write();
    else writes.push(write());
    if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, below(5)));
  }
  await Promise.all(writes);
  await until(() => {
    more();
    return watch.problem !== undefined || (watch.latest?.paged.status === "Exhausted" && watch.latest.whole?.length === present.length);
  }, `schedule ${seed} comes to its end`);
  root.unmount();
  if (watch.problem !== undefined) throw new Error(`schedule ${seed}: ${watch.problem}`);
  return watch.renders;
}

/** Runs schedules, some side by side; gives how often something was rendered. */
window.runSchedules = async (url, from, count) => {
  const client = new ConvexReactClient(url);
  let renders = 0;
  for (let at = from; at < from + count; at += 8) {
    const seeds = Array.from({ length: Math.min(8, from + count - at) }, (_, i) => at + i);
    const done = await Promise.all(seeds.map((seed) => schedule(client, seed)));
    renders += done.reduce((sum, one) => sum + one, 0);
  }
  await client.close();
  return renders;
};
