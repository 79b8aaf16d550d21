// The dashboard's overview and live pages (dashboard C7).

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient } from "convex/browser";

import { openConsole, openLive, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const attribute = (page, id, name) => page.getAttribute(`[data-testid="${id}"]`, name);
const value = async (page, id) => Number(await attribute(page, id, "data-value"));

/** A client of the app, as users have it, that watches some queries. */
function watcher(t, server, queries) {
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  const results = queries.map(() => undefined);
  queries.forEach(([fn, args], index) => client.onUpdate(fn, args, (result) => (results[index] = result)));
  return { client, results, ready: () => until(() => results.every((result) => result !== undefined), { what: "first results" }) };
}

/** Calls at a steady rate until stopped. */
function load(server, perSecond, call) {
  let going = true;
  const done = (async () => {
    const started = Date.now();
    for (let sent = 0; going; sent++) {
      const due = started + (sent * 1000) / perSecond;
      if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
      void call(sent).catch(() => undefined);
    }
  })();
  return async () => {
    going = false;
    await done;
  };
}

test("s29 the tile of calls follows a load and its end", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server);
  await page.waitForSelector("[data-testid=tile-rps]");
  const stop = load(server, 50, (n) => server.call("query", "logs:echo", { text: `t${n % 7}` }));
  await until(async () => Math.abs((await value(page, "tile-rps")) - 50) <= 5, { what: "45 to 55 calls a second", limitMs: 8000 });
  await picture(page, "live-overview");
  await stop();
  await until(async () => (await value(page, "tile-rps")) <= 1, { what: "0 or 1", limitMs: 8000 });
});

test("s30 the ring of a query that is asked for again and again is full", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let i = 0; i < 150; i++) await server.call("query", "messages:list", { channel: "c" });
  const page = await openLive(browser, server, "cache");
  const ring = page.locator('[data-testid=cache-ring][data-query="messages:list"]');
  await until(async () => Number(await ring.getAttribute("data-hit")) >= 0.99, { what: "99 %", limitMs: 15_000 });
});

test("s31 the map has each client with its queries, and lets go of one that leaves", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const queries = (n) => [["messages:list", { channel: "c" }], ["counters:read", { name: `n${n}` }]];
  const clients = [1, 2, 3].map((n) => watcher(t, server, queries(n)));
  for (const { ready } of clients) await ready();
  const page = await openLive(browser, server, "subscriptions");
  await page.waitForSelector('[data-testid=session-count][data-count="3"]', { timeout: 10_000 });
  const shared = page.locator('[data-testid=sub-query][data-label="messages:list"]');
  assert.equal(await shared.getAttribute("data-count"), "3");
  assert.equal(await page.locator("[data-testid=sub-query]").count(), 4);
  assert.ok((await page.locator(".lanes path").count()) >= 8);
  await clients[2].client.close();
  await page.waitForSelector('[data-testid=session-count][data-count="2"]', { timeout: 4000 });
});

const rows = (page) => page.locator("[data-testid=reactivity-row]");
const row = (page, query, cause, changed) => `[data-testid=reactivity-row][data-query="${query}"][data-cause="${cause}"][data-changed="${changed}"]`;

test("s32 s34 the reactivity view names cause, range and query, and why", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const { ready } = watcher(t, server, [["messages:list", { channel: "c1" }]]);
  await ready();
  const page = await openLive(browser, server, "reactivity");
  await page.click("[data-testid=reactivity-list]");
  await server.call("mutation", "messages:send", { channel: "c2", body: "elsewhere" });
  const id = await server.call("mutation", "messages:send", { channel: "c1", body: "here" });
  await page.waitForSelector(row(page, "messages:list", "messages:send", true), { timeout: 10_000 });
  assert.equal(await rows(page).count(), 1, "the message in the other channel wakes nobody");
  assert.equal(await rows(page).getAttribute("data-table"), "messages");
  await rows(page).locator("[data-testid=choose-query]").click();
  const why = page.locator("[data-testid=why-row]");
  await until(async () => (await why.count()) === 1, { what: "the cause" });
  assert.match(await why.textContent(), new RegExp(`messages:send[^]*${id}[^]*by_channel`));
  await page.locator("[data-testid=choose-cause]").click();
  await page.waitForSelector("[data-testid=fan-out]");
  for (const [what, median] of [["queries", 1], ["sessions", 1]]) assert.equal(await attribute(page, `fan-out-${what}`, "data-median"), String(median));
  assert.ok(Number(await attribute(page, "fan-out-bytes", "data-median")) > 100);
  await page.click("[data-testid=reactivity-picture] >> nth=0");
  await page.waitForSelector(".lane-node.lane-2");
  // What is looked at is in the address, and is there again after a reload.
  await page.reload();
  const again = page.locator("[data-testid=fan-out] [data-testid=fan-out-queries][data-median='1']");
  await until(async () => (await server.call("mutation", "messages:send", { channel: "c1", body: "again" }), (await again.count()) === 1), { what: "the fan-out again", everyMs: 300 });
  await page.locator("[data-testid=reactivity-least]").fill("5");
  await page.waitForSelector("text=No query has run again yet");
  await page.locator("[data-testid=reactivity-least]").fill("0");
  await picture(page, "live-reactivity");
});

test("s33 a re-run for nothing is grey, and after enough of them there is advice", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 1 });
  const [user] = await server.call("query", "users:older", { than: 0 });
  const { ready } = watcher(t, server, [["users:nameOf", { id: user._id }]]);
  await ready();
  const page = await openLive(browser, server, "reactivity");
  for (let age = 30; age < 50; age++) await server.call("mutation", "users:touch", { id: user._id, age });
  await page.waitForSelector(row(page, "users:nameOf", "users:touch", false), { state: "attached", timeout: 10_000 });
  await page.click("[data-testid=nav-overview]");
  await page.waitForSelector("[data-testid=advice-A1]", { timeout: 20_000 });
  assert.match(await page.textContent("[data-testid=advice-A1]"), /users:nameOf/);
});

test("s35 conflicts are a cell of the matrix, with winner and loser", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "counters:bump", { name: "hot" });
  const page = await openLive(browser, server, "conflicts");
  const cell = page.locator('[data-testid=conflict-cell][data-loser="counters:bump"][data-winner="counters:bump"]');
  await until(
    async () => {
      await Promise.all(Array.from({ length: 20 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
      return (await cell.count()) === 1 && Number(await cell.getAttribute("data-count")) > 0;
    },
    { what: "a conflict", limitMs: 30_000 },
  );
  assert.match(await page.locator("[data-testid=conflict-row]").first().textContent(), /counters:bump.*lost to counters:bump/);
  const replay = page.locator("[data-testid=conflict-row]", { has: page.locator("[data-testid=replay-won]") }).first();
  assert.match(await replay.locator("[role=img]").getAttribute("aria-label"), /counters:bump ran [\d.]+ m?s, counters:bump [\d.]+ m?s/);
  const [won, lost] = await Promise.all(["won", "lost"].map((who) => replay.locator(`[data-testid=replay-${who}]`).boundingBox()));
  assert.ok(won.width > 1 && lost.width > 1 && won.y !== lost.y);
  const metrics = async () => Number(/^lentil_conflict_retries_total (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Convex ${server.key}` } })).text())[1]);
  await until(async () => Number(await cell.getAttribute("data-count")) === (await metrics()), { what: "the total of the metrics" });
});

test("s36 s37 areas are as bytes are, writes flash, and look-ups are counted", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 400 });
  for (let i = 0; i < 60; i++) await server.call("mutation", "messages:send", { channel: "c", body: "x".repeat(300) });
  const page = await openLive(browser, server, "tables?table=counters");
  const area = async (name) => {
    const cell = page.locator(`[data-testid=tree-cell-${name}]`);
    const box = await cell.boundingBox();
    return { area: box.width * box.height, bytes: Number(await cell.getAttribute("data-bytes")) };
  };
  await page.waitForSelector("[data-testid=tree-cell-users]");
  await until(
    async () => {
      const [users, messages] = [await area("users"), await area("messages")];
      return Math.abs(users.area / messages.area / (users.bytes / messages.bytes) - 1) < 0.02;
    },
    { what: "areas in the ratio of bytes" },
  );
  const flashed = page.waitForSelector('[data-testid=tree-cell-messages][data-flash="true"]', { timeout: 10_000 });
  await server.call("mutation", "messages:send", { channel: "c", body: "flash" });
  await flashed;
  const before = Number(await attribute(page, "index-bar-by_name", "data-lookups"));
  for (let i = 0; i < 200; i++) await server.call("query", "counters:read", { name: `n${i}` });
  await until(async () => Number(await attribute(page, "index-bar-by_name", "data-lookups")) >= before + 200, { what: "200 look-ups", limitMs: 15_000 });
  await page.click("[data-testid=tree-cell-users]");
  await until(async () => /unused/.test(await page.textContent("[data-testid=index-bar-by_team]")), { what: "unused" });
  await picture(page, "live-tables");
});

/** The window of the dashboard's charts, in the words of the stock one. */
function lastHour() {
  const part = (ms) => ({ secs_since_epoch: Math.floor(ms / 1000), nanos_since_epoch: 0 });
  return JSON.stringify({ start: part(Date.now() - 3_600_000), end: part(Date.now()), num_buckets: 60 });
}

test("s19 the chart of a function shows what the server counts", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let i = 0; i < 30; i++) await server.call("query", "logs:echo", { text: `t${i}` });
  const page = await openConsole(browser, server, "/functions?f=logs%3Aecho");
  const cells = page.locator("[data-testid=chart-latency] [data-testid=chart-table] td[data-value]:not([data-value=''])");
  await until(async () => (await cells.count()) >= 4, { what: "percentiles", limitMs: 15_000 });
  const shown = await cells.evaluateAll((all) => all.map((cell) => Number(cell.dataset.value)));
  const [p50, p90, p95, p99] = shown.slice(0, 4);
  assert.ok(p50 > 0 && p50 <= p90 && p90 <= p95 && p95 <= p99, shown.join());
  const query = new URLSearchParams({ path: "logs:echo", udfType: "Query", percentiles: "[50,90,95,99]", window: lastHour() });
  const answer = await fetch(`${server.url}/api/app_metrics/latency_percentiles?${query}`, { headers: { authorization: `Convex ${server.key}` } });
  const told = (await answer.json()).map(([, points]) => points.map(([, value]) => value).filter((value) => value !== null));
  const most = Math.max(...told.flat());
  assert.ok(told.every((values) => values.length > 0), JSON.stringify(told));
  assert.ok(Math.abs(Math.max(...shown) - most) <= most * 1e-6, `${Math.max(...shown)} is shown, ${most} is told`);
});

test("s39 a day's chart has the minutes before a restart, and a mark at the push", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let i = 0; i < 20; i++) await server.call("mutation", "counters:bump", { name: "a" });
  const page = await openConsole(browser, server, "/?range=5m");
  const total = async () => {
    const cells = page.locator("[data-testid=chart-calls] [data-testid=chart-table] td[data-value]");
    return (await cells.evaluateAll((all) => all.reduce((sum, cell) => sum + Number(cell.dataset.value), 0))) ?? 0;
  };
  await until(async () => (await total()) > 0, { what: "calls", limitMs: 15_000 });
  // A minute is kept once it is over.
  const headers = { authorization: `Convex ${server.key}` };
  const kept = async () => {
    const now = Date.now() / 1000;
    const query = `metric=calls&from=${now - 600}&to=${now}&step=60`;
    const { points } = await (await fetch(`${server.url}/api/introspection/v1/series?${query}`, { headers })).json();
    return points.some(([at, calls]) => calls > 0 && at + 62 <= now);
  };
  await until(kept, { what: "a whole minute", limitMs: 80_000, everyMs: 500 });
  await server.stop();
  await server.restart();
  await page.goto(`${server.console}/?range=24h`);
  await until(async () => (await total()) > 0, { what: "the calls of before", limitMs: 20_000 });
  const marks = () => attribute(page, "chart-calls", "data-marks");
  await until(async () => (await marks()) === "1", { what: "the mark of the push", limitMs: 20_000 });
});
