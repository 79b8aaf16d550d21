// The dashboard locks itself when nobody touches it, if it is told to (dashboard C8).

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, newPage, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

/** All text in the memory of the page. */
async function memory(page) {
  const devtools = await page.context().newCDPSession(page);
  const chunks = [];
  devtools.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await devtools.send("HeapProfiler.collectGarbage");
  await devtools.send("HeapProfiler.takeHeapSnapshot", {});
  await devtools.detach();
  return chunks.join("");
}

test("after minutes without input the key is asked for again, and leads back", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 3 });
  const page = await newPage(browser);
  await page.clock.install();
  const secret = server.key.split("|")[1];
  await page.goto(`${server.console}/settings`);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=lock-minutes]");
  assert.equal(await page.inputValue("[data-testid=lock-minutes]"), "0", "it is off unless somebody wants it");
  await page.clock.fastForward("10:00:00");
  assert.ok(await page.isVisible("[data-testid=lock-minutes]"));

  await page.selectOption("[data-testid=lock-minutes]", "15");
  await page.locator("[data-testid=lock-minutes]").scrollIntoViewIfNeeded();
  await picture(page, "lock-setting");
  await page.goto(`${server.console}/data?table=users`);
  await page.waitForSelector("[data-testid=grid-row]");
  assert.ok((await memory(page)).includes(secret), "while it is open the key is there");
  await page.clock.fastForward("14:45");
  await page.waitForSelector("[data-testid=lock-soon]");
  await picture(page, "lock-soon");
  await page.keyboard.press("Shift");
  await page.waitForSelector("[data-testid=lock-soon]", { state: "detached" });
  await page.clock.fastForward("14:00");
  assert.ok(await page.isVisible("[data-testid=grid-row] >> nth=0"), "input counts");

  await page.evaluate(() => (window.before = true));
  await page.clock.fastForward("01:10");
  await page.waitForSelector("[data-testid=locked]");
  assert.match(await page.textContent("[data-testid=locked]"), /15 minutes/);
  assert.match(page.url(), /\/data\?table=users$/);
  // Loaded anew, so that no page remembers anything.
  await page.waitForFunction(() => !window.before);
  await page.waitForSelector("[data-testid=locked]");
  await picture(page, "locked");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, location.href]));
  assert.ok(!kept.includes(secret), "the key is kept");
  await until(async () => !(await memory(page)).includes(secret), { what: "the key to be gone from memory", everyMs: 300 });

  await logIn(page, "wrong|0123");
  await page.waitForSelector("[data-testid=login-error]:not(:empty)");
  await page.reload();
  assert.ok(await page.isVisible("[data-testid=locked]"), "it stays locked");
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=grid-row]");
  assert.match(page.url(), /\/data\?table=users$/);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("lentil-locked")), null);
  assert.deepEqual(page.problems.filter((text) => !/403|401/.test(text)), []);
});

test("a machine that slept is locked before anything is done", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await newPage(browser);
  await page.addInitScript(() => localStorage.setItem("lentil-lock-minutes", "5"));
  // Timers stand still, and the clock has gone on: as after sleep.
  await page.addInitScript(() => {
    const real = Date.now;
    window.slept = 0;
    Date.now = () => real() + window.slept;
    const interval = window.setInterval;
    window.setInterval = (run, ms) => interval(() => window.slept || run(), ms);
  });
  await page.goto(`${server.console}/settings/environment-variables`);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=settings-pause]");
  await page.evaluate(() => (window.slept = 3_600_000));
  await page.locator("[data-testid=settings-pause]").click({ noWaitAfter: true });
  await page.waitForSelector("[data-testid=locked]");
  assert.match(page.url(), /environment-variables$/, "the click went nowhere");
});
