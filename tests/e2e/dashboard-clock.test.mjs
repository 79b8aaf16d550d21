// The clock of the live pages: stop, slow down, go back; the same moment in all of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient } from "convex/browser";

import { openLive, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const rows = (page) => page.locator("[data-testid=reactivity-row]");
const shownAt = async (page) => Number(await page.getAttribute("[data-testid=live-clock]", "data-at"));
const send = (server, body) => server.call("mutation", "messages:send", { channel: "c", body });
const view = (page, name) => page.click(`[data-testid=live-${name}]`);

/** A client that watches a channel, and how often it has been told. */
async function watcher(t, server) {
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  const seen = { client, times: 0 };
  client.onUpdate("messages:list", { channel: "c" }, () => seen.times++);
  await until(() => seen.times === 1, { what: "the first result" });
  return seen;
}

/** Goes back to a moment as a person does, by the slider; times are those of this machine. */
async function goTo(page, at) {
  await page.fill("[data-testid=live-scrubber]", String(-Math.round((Date.now() - at) / 500) / 2));
  await until(async () => Math.abs((await shownAt(page)) - at) < 1000, { what: "that moment" });
}

const calls = (page) =>
  page.locator("[data-testid=pulse-strip] td[data-value]").evaluateAll((all) => all.reduce((sum, one) => sum + Number(one.dataset.value), 0));

test("all six views show what had happened by the moment that is shown", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const app = await watcher(t, server);
  await send(server, "before anybody looks");
  const page = await openLive(browser, server, "reactivity");
  await page.click("[data-testid=reactivity-list]");
  // Something is noted of the time before anything happens: a tick, and what there is.
  await until(async () => (await page.locator(".scrubber .busy").getAttribute("d")) !== "", { what: "a second" });
  await view(page, "subscriptions");
  await page.waitForSelector('[data-testid=session-count][data-count="1"]');
  await view(page, "tables");
  const bytes = async () => Number(await page.getAttribute("[data-testid=tree-cell-messages]", "data-bytes"));
  const before = await bytes();
  const quiet = Date.now() + 1_000;
  await until(() => Date.now() > quiet + 1_500, { what: "a moment of rest" });

  for (let i = 0; i < 3; i++) await send(server, "x".repeat(500));
  await until(
    async () => {
      await Promise.all(Array.from({ length: 20 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
      await view(page, "conflicts");
      return (await page.locator("[data-testid=conflict-row]").count()) > 0;
    },
    { what: "a conflict", limitMs: 30_000 },
  );
  const second = new ConvexClient(server.url);
  t.after(() => second.close());
  await new Promise((resolve) => second.onUpdate("counters:read", { name: "hot" }, resolve));
  await view(page, "subscriptions");
  await page.waitForSelector('[data-testid=session-count][data-count="2"]');
  await view(page, "tables");
  await until(async () => (await bytes()) > before + 1000, { what: "what was written" });
  await view(page, "cache");
  await page.waitForSelector('[data-testid=cache-ring][data-query="counters:read"]');
  await view(page, "pulse");
  await until(async () => (await calls(page)) >= 20, { what: "the calls" });
  await view(page, "reactivity");
  await page.waitForSelector('[data-testid=reactivity-row][data-changed="true"]', { state: "attached" });

  // Stopped: what happens now is not shown, and what is behind is.
  await page.click("[data-testid=live-pause]");
  const stopped = await shownAt(page);
  const shown = await rows(page).count();
  const told = app.times;
  await send(server, "not shown");
  await until(() => app.times > told, { what: "the app's own result" });
  await until(() => Date.now() > stopped + 2_500, { what: "two seconds" });
  assert.equal(await rows(page).count(), shown);
  assert.equal(await shownAt(page), stopped);
  await picture(page, "clock-paused");

  // Before anything: nothing had happened, in none of the six.
  await goTo(page, quiet);
  await page.waitForSelector("text=No query had run again by then");
  assert.equal(await rows(page).count(), 0);
  await view(page, "conflicts");
  await page.waitForSelector("text=No conflicts by then");
  await view(page, "subscriptions");
  await page.waitForSelector('[data-testid=session-count][data-count="1"]');
  await view(page, "tables");
  assert.equal(await bytes(), before);
  await view(page, "cache");
  await page.waitForSelector("main h1 >> text=Cache");
  assert.equal(await page.locator('[data-testid=cache-ring][data-query="counters:read"]').count(), 0);
  await view(page, "pulse");
  assert.ok((await calls(page)) < 10, "the calls that came later are shown");
  await picture(page, "clock-before");

  // From there time goes on, and in the end all is there.
  await page.click("[data-testid=live-pause]");
  const from = await shownAt(page);
  await until(async () => (await shownAt(page)) > from + 500, { what: "time to go on" });
  await page.click("[data-testid=live-now]");
  await until(async () => (await calls(page)) >= 20, { what: "what happens now" });
  await view(page, "reactivity");
  await until(async () => (await rows(page).count()) > shown, { what: "what was not shown" });
  assert.deepEqual(page.problems, []);
});

test("a quarter of the speed falls behind", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const app = await watcher(t, server);
  const page = await openLive(browser, server, "reactivity");
  await page.click("[data-testid=reactivity-list]");
  await page.click('[data-testid="live-speed-0.25"]');
  const started = Date.now();
  const sent = await until(() => Date.now() > started + 2_000 && Date.now(), { what: "two seconds" });
  await send(server, "seen later");
  await until(() => app.times > 1, { what: "the app's own result" });
  assert.equal(await rows(page).count(), 0, "it has not happened yet by the moment that is shown");
  await page.waitForSelector("[data-testid=reactivity-row]", { timeout: 30_000 });
  const behind = Date.now() - (await shownAt(page));
  assert.ok((await shownAt(page)) >= sent && behind > 3_000, `${behind} ms behind`);
  const before = [Date.now(), await shownAt(page)];
  await page.click("[data-testid=live-speed-1]");
  await until(() => Date.now() > before[0] + 1_500, { what: "a moment" });
  const rate = ((await shownAt(page)) - before[1]) / (Date.now() - before[0]);
  assert.ok(rate > 0.6, `it went on at ${rate} of the speed of time`);
});

test("a click on a dot stops at its commit, and so does the list", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await watcher(t, server);
  const page = await openLive(browser, server, "reactivity");
  await send(server, "first");
  await page.waitForSelector("[data-testid=reactivity-picture]");
  // Where dots are drawn; slow, so that one can be met.
  await page.evaluate(() => {
    const arc = CanvasRenderingContext2D.prototype.arc;
    CanvasRenderingContext2D.prototype.arc = function (x, y, ...rest) {
      const box = this.canvas.getBoundingClientRect();
      window.dot = { x: box.left + x, y: box.top + y };
      return arc.call(this, x, y, ...rest);
    };
  });
  await page.click('[data-testid="live-speed-0.25"]');
  const frozen = page.locator("[data-testid=frozen-commit]");
  await until(
    async () => {
      await page.evaluate(() => (window.dot = null));
      await send(server, "another");
      const dot = await page.waitForFunction(() => window.dot, null, { timeout: 3_000 }).then((found) => found.jsonValue(), () => null);
      if (dot) await page.mouse.click(dot.x, dot.y);
      return (await frozen.count()) === 1;
    },
    { what: "a dot that is met", limitMs: 40_000, everyMs: 100 },
  );
  assert.match(await frozen.textContent(), /commit of messages:send[^]*1 query run again/);
  const commit = await frozen.getAttribute("data-commit");
  assert.equal(await page.getAttribute("[data-testid=live-clock]", "data-live"), "false");
  await picture(page, "clock-commit");
  await page.click("[data-testid=frozen-go-on]");
  await frozen.waitFor({ state: "detached" });
  await page.click("[data-testid=reactivity-list]");
  const other = page.locator(`[data-testid=reactivity-row]:not([data-commit="${commit}"])`).first();
  await other.locator("[data-testid=freeze-commit]").focus();
  await page.keyboard.press("Enter");
  await frozen.waitFor();
  assert.notEqual(await frozen.getAttribute("data-commit"), commit, "another one");
  assert.equal(await rows(page).count(), 1, "only what that commit set off");
  assert.deepEqual(page.problems, []);
});

test("the heat map names what ran in a cell, has lines of percentiles, and is a table for who hears it", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openLive(browser, server, "pulse");
  // Its state is the address's, which follows the click: `check` looks too soon.
  await page.click("[data-testid=line-95]");
  await page.waitForSelector("[data-testid=line-95]:checked");
  assert.match(page.url(), /lines=95/);
  const cell = page.locator("[data-testid=heat-cell]");
  const map = page.locator("[data-testid=heat-map]");
  await until(
    async () => {
      await Promise.all(Array.from({ length: 5 }, (_, n) => server.call("mutation", "counters:bump", { name: `n${n}` })));
      const { x, y, width, height } = await map.boundingBox();
      // Over the newest column, from the top down, until there is something.
      for (let row = 0; row < 40 && (await cell.count()) === 0; row++) await page.mouse.move(x + width - 4, y + ((row + 0.5) * height) / 40);
      return (await cell.count()) === 1 && /counters:bump/.test(await cell.textContent());
    },
    { what: "a cell with its functions", limitMs: 30_000, everyMs: 100 },
  );
  assert.match(await cell.textContent(), /calls? of [\d.]+ m?s to [\d.]+ m?s/);
  assert.ok((await page.locator("[data-testid=heat-table] tbody tr").count()) >= 1);
  await picture(page, "heat-cell");
  assert.deepEqual(page.problems, []);
});
