// The dashboard under load (dashboard C8): long, and its figures are told whether or not they pass.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openConsole, sampleServer, startBrowser } from "./dashboard.mjs";
import { long, until } from "./harness.mjs";

const ROWS = 100_000;
const EVENTS_A_SECOND = 1_000;
const FRAME_MS = 32;
const WATCH_MS = 8_000;

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

async function figures(page) {
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
  await watchFrames(page);
  await grid.evaluate(
    (element, ms) =>
      new Promise((resolve) => {
        const end = performance.now() + ms;
        const step = (now) => {
          element.scrollTop += 90;
          if (now < end) requestAnimationFrame(step);
          else resolve();
        };
        requestAnimationFrame(step);
      }),
    WATCH_MS,
  );
  const seen = await figures(page);
  t.diagnostic(`scrolling: ${told(seen)}`);
  const inDocument = await page.locator("[data-testid=grid-row]").count();
  t.diagnostic(`rows in the document: ${inDocument}, reached: ${await grid.getAttribute("aria-rowcount")}`);
  assert.ok(inDocument < 200, `${inDocument} rows are in the document`);
  assert.ok(seen.p99 <= FRAME_MS, told(seen));
});

/** In every page: the stream of events is one of our own, of so many a second. */
function eventsOfOurOwn(perSecond) {
  const real = window.fetch;
  const names = (count, prefix) => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const [queries, mutations, tables] = [names(40, "messages:query"), names(12, "messages:mutation"), names(6, "table")];
  let seq = 0;
  const pick = (list) => list[seq % list.length];
  const make = () => {
    const base = { seq: ++seq, t: Date.now() };
    const [table, query, path] = [pick(tables), pick(queries), pick(mutations)];
    const index = "by_channel";
    const commitTs = String(1e15 + Math.floor(seq / 4));
    switch (seq % 4) {
      case 0:
        return { ...base, type: "commit", ts: commitTs, path, execId: `e${seq}`, tables: [{ table, ins: 1, upd: 0, del: 0, ids: [`id${seq}`] }], bytes: 100 };
      case 1:
        return { ...base, type: "invalidate", commitTs, cause: { execId: `e${seq}`, path }, hits: [{ query, argsHash: `h${seq % 90}`, argsPreview: "{}", table, index, rangeText: `[c${seq % 30}]`, docId: `id${seq}`, count: 3 }], total: 1 };
      case 2:
        return { ...base, type: "rerun", query, argsHash: `h${(seq - 1) % 90}`, becauseCommitTs: commitTs, runMs: 2, changed: seq % 3 > 0, bytesOut: 500, sessions: 3 };
      default:
        return { ...base, type: "conflict", table, index, docId: `id${seq}`, loser: { execId: "l", path, attempt: 1 }, winner: { execId: "w", path: pick(mutations), commitTs }, outcome: "retried" };
    }
  };
  const tick = () => {
    const kinds = ["query", "mutation", "action", "http"];
    const each = (value) => Object.fromEntries(kinds.map((kind) => [kind, value()]));
    return {
      seq: ++seq,
      t: Date.now(),
      type: "tick",
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
    const encoder = new TextEncoder();
    const started = performance.now();
    let [sent, second] = [0, 0];
    const body = new ReadableStream({
      start(controller) {
        const timer = setInterval(() => {
          const due = Math.floor(((performance.now() - started) * perSecond) / 1000);
          const lines = [];
          for (; sent < due; sent++) lines.push(JSON.stringify(make()));
          if (performance.now() - started > second * 1000) (second++, lines.push(JSON.stringify(tick())));
          window.eventsMade = sent;
          if (lines.length) controller.enqueue(encoder.encode(`${lines.join("\n")}\n`));
        }, 20);
        init?.signal?.addEventListener("abort", () => (clearInterval(timer), controller.error(new Error("aborted"))));
      },
    });
    return Promise.resolve(new Response(body, { status: 200, headers: { "content-type": "application/x-ndjson" } }));
  };
}

test(`${EVENTS_A_SECOND} events a second leave frames of the live pages under ${FRAME_MS} ms`, { skip: !long }, async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 50 });
  const page = await openConsole(browser, server, "/settings");
  await page.addInitScript(eventsOfOurOwn, EVENTS_A_SECOND);
  const slow = [];
  for (const view of ["pulse", "reactivity", "subscriptions", "cache", "conflicts", "tables"]) {
    await page.goto(`${server.console}/live/${view}`);
    await page.waitForSelector("[data-testid=live-pause]");
    // The page has come to rest, and some events are there.
    await until(() => page.evaluate((least) => window.eventsMade > least, EVENTS_A_SECOND * 3), { what: "events" });
    const before = await page.evaluate(() => window.eventsMade);
    await watchFrames(page);
    await until(() => page.evaluate(([first, more]) => window.eventsMade - first >= more, [before, (EVENTS_A_SECOND * WATCH_MS) / 1000]), { what: "all events", limitMs: WATCH_MS * 4 });
    const seen = await figures(page);
    t.diagnostic(`${view}: ${told(seen)}`);
    if (seen.p99 > FRAME_MS) slow.push(`${view}: ${told(seen)}`);
  }
  assert.deepEqual(slow, []);
});
