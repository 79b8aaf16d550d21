// The dashboard's files, schedules, environment and pause (dashboard C7).

import assert from "node:assert/strict";
import { test } from "node:test";

import { findings } from "./axe.mjs";
import { newPage, logIn, openConsole, pictures, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

test("s10 a table of 10,500 rows is cleared; production needs its name typed", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let from = 0; from < 10_500; from += 3500) await server.call("mutation", "users:seed", { count: 3500, from });
  const page = await newPage(browser);
  await page.goto(`${server.console}/data?table=users`);
  await logIn(page, `prod:${server.key}`);
  await page.waitForSelector('[data-testid=row-count][data-count="10500"]');
  await page.click("[data-testid=table-menu]");
  await page.click("[data-testid=clear-table]");
  assert.ok(await page.locator("[data-testid=confirm]").isDisabled());
  await page.fill("[data-testid=confirm-name]", "users");
  await page.click("[data-testid=confirm]");
  await page.waitForSelector("[data-testid=clear-progress]");
  await page.waitForSelector('[data-testid=row-count][data-count="0"]', { timeout: 60_000 });
});

test("s23 files keep their names, show themselves, and orphans are found", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/files");
  const files = ["one", "two", "three"].map((name) => ({ name: `${name}.png`, mimeType: "image/png", buffer: PNG }));
  await page.setInputFiles("[data-testid=upload]", files);
  const rows = page.locator("[data-testid=file-row]");
  await until(async () => (await rows.count()) === 3 && /three\.png/.test((await rows.allTextContents()).join()), { what: "three files" });
  await page.reload();
  await until(async () => (await rows.count()) === 3, { what: "three files again" });
  const text = (await rows.allTextContents()).join();
  for (const { name } of files) assert.ok(text.includes(name), `${name} in ${text}`);
  assert.match(text, /70 B/);
  await until(() => page.evaluate(() => [...document.querySelectorAll("[data-testid=preview]")].every((image) => image.naturalWidth === 1)), { what: "previews" });

  const kept = (await rows.first().locator(".mono").textContent()).trim();
  await server.call("mutation", "users:seed", { count: 1 });
  const [user] = await server.call("query", "users:older", { than: 0 });
  const fields = { avatar: kept };
  await server.call("mutation", "_system/frontend/patchDocumentsFields:default", { table: "users", ids: [user._id], fields });
  await page.check("[data-testid=orphans]");
  await until(async () => (await rows.count()) === 2, { what: "two orphans" });
  await rows.nth(0).locator("input").check();
  await rows.nth(1).locator("input").check();
  await page.click("[data-testid=delete-files]");
  await page.click("[data-testid=confirm]");
  await page.uncheck("[data-testid=orphans]");
  await until(async () => (await rows.count()) === 1, { what: "the one that is left" });
});

test("s24 scheduled calls are listed, filtered and cancelled; a cron runs at once", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "messages:later", { count: 100, inMs: 3_600_000 });
  const page = await openConsole(browser, server, "/schedules/functions");
  const rows = page.locator("[data-testid=scheduled-row]");
  await until(async () => (await rows.count()) === 50, { what: "the first page" });
  await page.selectOption("[data-testid=scheduled-function]", "messages:wipe");
  await until(async () => (await rows.count()) === 50 && !/counters/.test((await rows.allTextContents()).join()), { what: "one function's" });
  await rows.first().locator("[data-testid=cancel-job]").click();
  await until(async () => (await rows.count()) === 49, { what: "one less" });
  await page.click("[data-testid=cancel-all]");
  await page.click("[data-testid=confirm]");
  await until(async () => (await rows.count()) === 0, { what: "none of it" });
  await page.selectOption("[data-testid=scheduled-function]", "counters:tick");
  await until(async () => (await rows.count()) === 50, { what: "the others" });

  await page.goto(`${server.console}/schedules/crons`);
  const cron = page.locator("[data-testid=cron-row]", { hasText: "wipe messages" });
  await cron.locator("[data-testid=cron-run]").click();
  await until(async () => (await page.locator("[data-testid=cron-run-row]").count()) === 1, { what: "a run" });
});

test("the strip counts what is due, by minute and by hour", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "messages:later", { count: 40, inMs: 600_000 });
  await server.call("mutation", "messages:later", { count: 7, inMs: 1_200_000 });
  await server.call("mutation", "messages:later", { count: 3, inMs: 36_000_000 });
  const page = await openConsole(browser, server, "/schedules/functions");
  const strip = page.locator("[data-testid=coming]");
  await page.waitForSelector("[data-testid=coming][data-scheduled='47']");
  const counts = async (column) => await page.locator(`[data-testid=coming-table] tbody tr td:nth-child(${column})`).allTextContents();
  const filled = async () => (await counts(2)).map((text, at) => [at, Number(text)]).filter(([, number]) => number > 0);
  assert.equal((await counts(2)).length, 60);
  const hour = await filled();
  assert.equal(hour.reduce((sum, [, number]) => sum + number, 0), 47);
  assert.ok(hour.every(([at]) => (at >= 9 && at <= 11) || (at >= 19 && at <= 21)), JSON.stringify(hour));
  await page.click("[data-testid=coming-hour]");
  await page.waitForSelector("[data-testid=coming][data-scheduled='50']");
  assert.equal((await counts(2)).length, 24);
  // The one that has run at the push, in a day, and the daily one.
  await until(async () => Number(await strip.getAttribute("data-crons")) >= 1, { what: "runs of cron jobs" });
  await pictures(page, "coming");
  await page.click("[data-testid=cancel-all]");
  await page.click("[data-testid=confirm]");
  await page.waitForSelector("[data-testid=coming][data-scheduled='0']");
});

const failing = {
  ...sampleApp,
  "convex/broken.ts": `
import { internalMutation, mutation } from "./_generated/server";
import { internal } from "./_generated/api";
import { v } from "convex/values";
export const start = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => void (await ctx.scheduler.runAfter(0, internal.broken.unless, { count })),
});
export const unless = internalMutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    if (await ctx.db.query("counters").withIndex("by_name", (q) => q.eq("name", "repaired")).unique()) {
      await ctx.db.insert("counters", { name: "paid", value: count });
    } else throw new Error("out of luck");
  },
});
`,
};

test("what has failed is run again with its arguments, and history says so", async (t) => {
  const [server, browser] = [await sampleServer(t, { app: failing }), await startBrowser(t)];
  const page = await openConsole(browser, server, "/schedules/functions");
  await page.click("text=Failed");
  await page.waitForSelector("text=Nothing has failed");
  await server.call("mutation", "broken:start", { count: 12 });
  const row = page.locator("[data-testid=failed-row]");
  await row.waitFor();
  await until(async () => /broken:unless[^]*count: 12[^]*out of luck/.test(await row.textContent()), { what: "its arguments and error" });
  await pictures(page, "failed");
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForSelector(`:root[data-theme=${colorScheme}]`);
    assert.deepEqual(await findings(page), []);
  }
  await server.call("mutation", "counters:bump", { name: "repaired" });
  await page.click("[data-testid=retry-job]");
  assert.equal(await server.call("query", "counters:read", { name: "paid" }), 0);
  await page.click("[data-testid=confirm]");
  await until(async () => (await server.call("query", "counters:read", { name: "paid" })) === 12, { what: "the run that works" });
  assert.equal(await row.count(), 1);
  await page.click("[data-testid=nav-history]");
  const entry = page.locator("[data-testid=history-row][data-action=retry_scheduled_function]");
  assert.match(await entry.textContent(), /Ran broken:unless again[^]*admin/);
});

test("s25 a pasted block sets three variables, explains the fourth, and history has names only", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/settings/environment-variables");
  await page.fill("[data-testid=env-text]", 'ONE=1\nTWO="secret two"\n3BAD=x\nFOUR=4');
  assert.match(await page.textContent("[data-testid=env-error]"), /3BAD.*digit/);
  await page.click("[data-testid=env-save]");
  await page.waitForSelector("[data-testid=env-FOUR]");
  assert.equal(await page.inputValue("[data-testid=env-text]"), "3BAD=x");
  assert.equal(await server.call("query", "counters:env", { name: "TWO" }), "secret two");
  assert.ok(!(await page.textContent("[data-testid=env-TWO]")).includes("secret"));
  await page.click("[data-testid=nav-history]");
  await until(async () => (await page.locator("[data-testid=history-row]", { hasText: "environment variable TWO" }).count()) === 1, { what: "the entry" });
  assert.ok(!(await page.content()).includes("secret two"));
});

test("what a variable holds reaches the browser when it is asked for, and the history says who has seen which", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const changes = [{ name: "TOKEN", value: "secret one" }, { name: "OTHER", value: "secret two" }];
  await server.post("/api/update_environment_variables", { changes }, { authorization: `Convex ${server.key}` });
  const page = await openConsole(browser, server, "/", { permissions: ["clipboard-read", "clipboard-write"] });
  const heard = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => heard.push(String(payload))));
  await page.goto(`${server.console}/settings/environment-variables`);
  const row = page.locator("[data-testid=env-TOKEN]");
  await row.waitFor();
  assert.ok(heard.some((text) => text.includes("TOKEN")) && !heard.some((text) => text.includes("secret")), "names come, values do not");
  const seen = async () => {
    const page_ = await server.call("query", "_system/frontend/paginatedDeploymentEvents:default", {
      paginationOpts: { numItems: 50, cursor: null },
      filters: { minDate: 0, actions: ["reveal_environment_variables"] },
    });
    return page_.page.map(({ metadata }) => metadata.variable_names);
  };
  assert.deepEqual(await seen(), []);
  await row.locator("[data-testid=env-show]").click();
  await until(async () => (await row.locator("input").inputValue({ timeout: 1000 })) === "secret one", { what: "the value" });
  assert.deepEqual(await seen(), [["TOKEN"]]);
  await pictures(page, "environment-shown");
  await row.locator("input").fill("changed");
  await row.locator("input").press("Enter");
  await until(async () => (await server.call("query", "counters:env", { name: "TOKEN" })) === "changed", { what: "the new value" });
  await row.locator("[data-testid=env-show]").click();
  await row.locator("input").waitFor({ state: "detached" });
  await page.click("[data-testid=env-copy]");
  await until(async () => /OTHER=.*secret two/.test(await page.evaluate(() => navigator.clipboard.readText())), { what: "the block in the clipboard" });
  assert.deepEqual(await seen(), [["OTHER", "TOKEN"], ["TOKEN"]]);
  await page.click("[data-testid=nav-history]");
  await page.locator("[data-testid=history-row]", { hasText: "Looked at the value of OTHER, TOKEN" }).waitFor();
  assert.ok(!(await page.content()).includes("secret"));
});

test("s27 paused, calls fail and every page says so; resumed, they run", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/settings/pause");
  const ticks = async () => await server.call("query", "counters:read", { name: "ticks" });
  await until(async () => (await ticks()) === 1, { what: "the first run of the cron job" });
  await server.call("mutation", "messages:later", { count: 1, inMs: 1500 });
  await page.click("[data-testid=pause]");
  await page.click("[data-testid=confirm]");
  await page.waitForSelector("[data-testid=paused-banner]");
  for (const id of ["overview", "data", "logs", "functions"]) {
    await page.click(`[data-testid=nav-${id}]`);
    await page.waitForSelector("[data-testid=paused-banner]");
  }
  const { json } = await server.post("/api/query", { path: "counters:read", args: { name: "a" }, format: "json" });
  assert.notEqual(json?.status, "success");
  // What fell due meanwhile waits.
  const due = page.locator("[data-testid=scheduled-row] time");
  await page.goto(`${server.console}/schedules/functions`);
  await until(async () => Date.parse(await due.getAttribute("datetime")) < Date.now() - 500, { what: "what is overdue", limitMs: 15_000 });
  await page.goto(`${server.console}/settings/pause`);
  await page.click("[data-testid=resume]");
  await page.waitForSelector("[data-testid=paused-banner]", { state: "detached" });
  assert.equal(await server.call("query", "counters:read", { name: "a" }), 0);
  await until(async () => (await ticks()) === 2, { what: "what waited has run" });
});
