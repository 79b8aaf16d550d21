// The dashboard under load (dashboard C8): long, and its figures are told whether or not they pass.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient } from "convex/browser";

import { openConsole, openLive, sampleServer, startBrowser } from "./dashboard.mjs";
import { long, until } from "./harness.mjs";

const ROWS = 100_000;
const EVENTS_A_SECOND = 1_000;
const FRAME_MS = 32;
const WATCH_MS = 8_000;
/** Queries that somebody is subscribed to. */
const CHANNELS = 60;
/** Calls at a time that all write the same document, and conflicts a second that this makes at least. */
const WRITERS = 16;
const CONFLICTS_A_SECOND = 100;

/** In the page: starts to note how long each frame and each long task takes. */
const watchFrames = (page) =>
  page.evaluate(() => {
    const noted = (window.noted = { frames: [], tasks: [], going: true });
    new PerformanceObserver((list) => noted.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    let last = performance.now();
    const frame = (now) => {
      noted.frames.push(now - last);
      last = now;
      if (noted.going) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

/** How the frames were while something happened. */
async function framesDuring(page, what) {
  await watchFrames(page);
  await what();
  const { frames, tasks } = await page.evaluate(() => ((window.noted.going = false), window.noted));
  // The first one began before anything was watched.
  const sorted = frames.slice(1).sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const over = sorted.filter((ms) => ms > FRAME_MS).length;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), over, longTasks: tasks.length, longest: Math.max(0, ...tasks) };
}

const told = ({ count, p50, p99, max, over, longTasks, longest }) =>
  `${count} frames: median ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms, ${over} over ${FRAME_MS} ms; ${longTasks} tasks over 50 ms, longest ${longest.toFixed(0)} ms`;

test(`${ROWS} rows scroll with few rows in the document`, { skip: !long }, async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let from = 0; from < ROWS; from += 2500) await server.call("mutation", "users:seed", { count: 2500, from });
  const page = await openConsole(browser, server, "/data?table=users");
  await page.waitForSelector(`[data-testid=row-count][data-count="${ROWS}"]`, { timeout: 60_000 });
  await page.waitForSelector("[data-testid=grid-row]");
  const grid = page.locator("[data-testid=grid]");
  // What is there is scrolled up and down, and pages come as the end comes near.
  const scroll = (element, ms) =>
    new Promise((resolve) => {
      const end = performance.now() + ms;
      const step = (now) => {
        element.scrollTop += 90;
        if (now < end) requestAnimationFrame(step);
        else resolve();
      };
      requestAnimationFrame(step);
    });
  const seen = await framesDuring(page, () => grid.evaluate(scroll, WATCH_MS));
  t.diagnostic(`scrolling: ${told(seen)}`);
  const inDocument = await page.locator("[data-testid=grid-row]").count();
  t.diagnostic(`rows in the document: ${inDocument}, reached: ${await grid.getAttribute("aria-rowcount")}`);
  assert.ok(inDocument < 200, `${inDocument} rows are in the document`);
  assert.ok(seen.p99 <= FRAME_MS, told(seen));
});

/** In every page: the stream of events is one of our own, of so many a second of what it asks for. */
function eventsOfOurOwn(perSecond) {
  const real = window.fetch;
  const names = (count, prefix) => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const [queries, mutations] = [names(40, "messages:query"), names(12, "messages:mutation")];
  const tables = ["users", "messages", "counters", ...names(3, "table")];
  let [seq, chance] = [0, 1];
  // The same numbers each time, and no pattern between what is picked together.
  const random = (below) => ((chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0), Math.floor((chance / 2 ** 32) * below));
  const pick = (list) => list[random(list.length)];
  const index = "by_channel";
  const ms = () => 1 + random(20);
  const base = (type) => ({ seq: ++seq, t: Date.now(), type });
  // A commit, the query that it makes run again, and its run belong together.
  let [commits, path, hit] = [1e15, pick(mutations), null];
  const makers = {
    commit() {
      path = pick(mutations);
      return { ...base("commit"), ts: String(++commits), path, execId: `e${seq}`, tables: [{ table: pick(tables), ins: 1, upd: 0, del: 0, ids: [`id${seq}`] }], bytes: 100 };
    },
    invalidate() {
      hit = { query: pick(queries), argsHash: `h${random(90)}`, argsPreview: "{}", table: pick(tables), index, rangeText: `[c${random(30)}]`, docId: `id${seq}`, count: 3 };
      return { ...base("invalidate"), commitTs: String(commits), cause: { execId: `e${seq}`, path }, hits: [hit], total: 1 };
    },
    rerun: () => ({ ...base("rerun"), query: hit.query, argsHash: hit.argsHash, becauseCommitTs: String(commits), runMs: ms(), changed: random(3) > 0, bytesOut: 500, sessions: 3 }),
    conflict: () => ({
      ...base("conflict"),
      table: pick(tables),
      index,
      docId: `id${seq}`,
      loser: { execId: "l", path: pick(mutations), attempt: 1 + random(4), ranMs: ms() },
      winner: { execId: "w", path: pick(mutations), commitTs: String(commits), ranMs: ms() },
      outcome: random(10) ? "retried" : "failed",
    }),
    exec() {
      const query = random(2) ? "messages:list" : pick(queries);
      const times = { start: Date.now() - 10, queueMs: 1, runMs: ms(), commitMs: 1, totalMs: 20 };
      const reads = [{ table: pick(tables), index, docs: 20, bytes: 2_000, ranges: 1 }];
      return { ...base("exec"), execId: `e${seq}`, parent: null, path: query, kind: "query", caller: "SyncWorker", ...times, cached: false, ok: true, attempt: 1, reads, writes: [] };
    },
  };
  const tick = () => {
    const kinds = ["query", "mutation", "action", "http"];
    const each = (value) => Object.fromEntries(kinds.map((kind) => [kind, value()]));
    return {
      ...base("tick"),
      perKind: each(() => ({ started: 250, ok: 240, failed: 10 })),
      cache: { hit: 200, miss: 50 },
      occ: { retried: 5, failed: 0 },
      io: { docsRead: 1000, bytesRead: 100_000, docsWritten: 100, bytesWritten: 10_000, egress: 5000 },
      live: { sessions: 20, subscriptions: 100, distinctQueries: 60 },
      latency: each(() => Array.from({ length: 40 }, (_, at) => (at > 8 && at < 22 ? (seq + at) % 20 : 0))),
      store: { bytes: 1e7 },
      schedulerLagMs: 0,
    };
  };
  window.eventsMade = 0;
  window.fetch = (input, init) => {
    if (!String(input).includes("/introspection/v1/events")) return real(input, init);
    const topics = new URL(String(input), location.href).searchParams.get("topics").split(",");
    // Where conflicts are looked at, all that happens are conflicts.
    const wanted = location.pathname.endsWith("/conflicts") ? ["conflict"] : Object.keys(makers);
    const made = wanted.filter((topic) => topics.includes(topic)).map((topic) => makers[topic]);
    const encoder = new TextEncoder();
    const started = performance.now();
    let [sent, second] = [0, 0];
    const body = new ReadableStream({
      start(controller) {
        const say = (events) => controller.enqueue(encoder.encode(events.map((event) => `${JSON.stringify(event)}\n`).join("")));
        say([{ ...base("hello"), serverTime: Date.now() }]);
        const timer = setInterval(() => {
          const due = Math.floor(((performance.now() - started) * perSecond) / 1000);
          const events = [];
          for (; made.length && sent < due; sent++) events.push(made[sent % made.length]());
          if (topics.includes("tick") && performance.now() - started > second * 1000) (second++, events.push(tick()));
          window.eventsMade = Math.max(window.eventsMade, sent);
          if (events.length) say(events);
        }, 20);
        init?.signal?.addEventListener("abort", () => (clearInterval(timer), controller.error(new Error("aborted"))));
      },
    });
    return Promise.resolve(new Response(body, { status: 200, headers: { "content-type": "application/x-ndjson" } }));
  };
}

/** Every page of live events, and so many of what it shows of them at least: what shows nothing is fast for nothing. */
const LIVE_PAGES = {
  "/live/pulse": ["[data-testid=pulse-strip] td[data-value]", 8],
  "/live/reactivity": ["[data-testid=reactivity-row]", 20],
  "/live/reactivity?as=list": ["[data-testid=reactivity-row]", 200],
  "/live/subscriptions": ["[data-testid=sub-query]", 20],
  "/live/cache": ["[data-testid=cache-ring]", 2],
  "/live/conflicts": ['[data-testid=conflict-cell]:not([data-count="0"])', 140],
  "/live/tables": ["[data-testid^=tree-cell-][data-flash=true]", 1],
  "/functions?f=messages:list&tab=Profile": ["[data-testid=profile-read]", 6],
};

const madeSoFar = (page) => page.evaluate(() => window.eventsMade);

test(`${EVENTS_A_SECOND} events a second leave frames of the live pages under ${FRAME_MS} ms`, { skip: !long }, async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 50 });
  await server.call("mutation", "messages:send", { channel: "c0", body: "first" });
  const app = new ConvexClient(server.url);
  t.after(() => app.close());
  const watched = Array.from({ length: CHANNELS }, (_, n) => new Promise((resolve) => app.onUpdate("messages:list", { channel: `c${n}` }, resolve)));
  await Promise.all(watched);
  const page = await openConsole(browser, server, "/settings");
  await page.addInitScript(eventsOfOurOwn, EVENTS_A_SECOND);
  const slow = [];
  for (const [route, [selector, least]] of Object.entries(LIVE_PAGES)) {
    // Rings are of what ran in the last minute.
    await server.call("query", "messages:list", { channel: "c0" });
    await server.call("query", "counters:read", { name: "hot" });
    await page.goto(server.console + route);
    const shown = () => page.locator(selector).count();
    await until(async () => (await shown()) >= least, { what: `${least} of ${selector}`, limitMs: WATCH_MS * 4 });
    // The page has come to rest, and some events are there.
    await until(async () => (await madeSoFar(page)) > EVENTS_A_SECOND * 3, { what: "events" });
    const seen = await framesDuring(page, async () => {
      const before = await madeSoFar(page);
      const enough = ([first, more]) => window.eventsMade - first >= more;
      await page.waitForFunction(enough, [before, (EVENTS_A_SECOND * WATCH_MS) / 1000], { polling: 500, timeout: WATCH_MS * 4 });
    });
    t.diagnostic(`${route}: ${told(seen)}`);
    if (seen.p99 > FRAME_MS) slow.push(`${route}: ${told(seen)}`);
  }
  assert.deepEqual(slow, []);
});

test(`conflicts that happen, ${CONFLICTS_A_SECOND} a second and more, leave frames under ${FRAME_MS} ms`, { skip: !long }, async (t) => {
  const [server, browser] = [await sampleServer(t, { env: { LENTIL_SHADOW_CHECKS: "0" } }), await startBrowser(t)];
  const page = await openLive(browser, server, "conflicts");
  let going = true;
  const writer = async () => {
    while (going) await server.call("mutation", "counters:bump", { name: "hot" });
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, writer));
  const retries = async () => {
    const text = await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Convex ${server.key}` } })).text();
    return Number(/^lentil_conflict_retries_total (\d+)$/m.exec(text)[1]);
  };
  await page.waitForSelector("[data-testid=conflict-row] >> nth=39");
  const [since, before] = [Date.now(), await retries()];
  const seen = await framesDuring(page, () => new Promise((resolve) => setTimeout(resolve, WATCH_MS)));
  const rate = ((await retries()) - before) / ((Date.now() - since) / 1000);
  going = false;
  await writers;
  t.diagnostic(`${rate.toFixed(0)} conflicts a second: ${told(seen)}`);
  assert.ok(rate >= CONFLICTS_A_SECOND, `${rate.toFixed(0)} conflicts a second are too few`);
  assert.ok(seen.p99 <= FRAME_MS, told(seen));
});
