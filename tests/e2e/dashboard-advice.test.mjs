// The dashboard's advice, usage by day and backups (dashboard C6, C2 F63 and F61).

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { logIn, newPage, openConsole, picture, pictures, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { lentil, run, Server, temporaryFolder, until } from "./harness.mjs";

const careless = {
  ...sampleApp,
  "convex/careless.ts": `
import { query, internalMutation } from "./_generated/server";
export const open = query(async (ctx, { round }) => ({ round, count: (await ctx.db.query("users").collect()).length, key: process.env.UNSET_KEY ?? null }));
export const broken = internalMutation({ args: {}, handler: async () => { throw new Error("the job is broken"); } });
`,
  "convex/crons.ts": `
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.interval("broken job", { hours: 24 }, internal.careless.broken, {});
export default crons;
`,
};

const card = (page, id) => page.locator(`[data-testid=advice-${id}]`);

test("advice: scans, conflicts, limits, a failing job, open functions, variables", async (t) => {
  const [server, browser] = [await sampleServer(t, { app: careless, args: ["--limit", "documents_read=1000"] }), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 600 });
  for (let round = 0; round < 3; round++) await server.call("query", "careless:open", { round });
  const failed = async () => (await server.call("query", "_system/frontend/listCronJobRuns:default")).length;
  for (let n = await failed(); n < 3; n++) {
    await server.call("mutation", "_system/frontend/crons:runNow", { name: "broken job" });
    await until(async () => (await failed()) > n, { what: "another run of the job" });
  }
  await server.call("mutation", "counters:bump", { name: "hot" });
  const page = await openConsole(browser, server);
  await until(
    async () => {
      await Promise.all(Array.from({ length: 20 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
      return (await card(page, "A4").count()) > 0;
    },
    { what: "advice about conflicts", limitMs: 60_000 },
  );
  const expected = {
    A2: /users is scanned as a whole.*by_age/,
    A4: /counters:bump/,
    A5: /careless:open comes close.*60 %/,
    A8: /broken job/,
    A9: /1 public function.*careless:open/,
    A11: /UNSET_KEY is not set/,
  };
  for (const [id, text] of Object.entries(expected)) {
    await until(async () => text.test(await card(page, id).first().textContent({ timeout: 1000 })), { what: `${id} as ${text}` });
  }
  for (const id of ["A12", "A13"]) assert.equal(await card(page, id).count(), 0, "server and key are new");
  await picture(page, "advice");
  const changes = [{ name: "UNSET_KEY", value: "x" }];
  await server.post("/api/update_environment_variables", { changes }, { authorization: `Convex ${server.key}` });
  await card(page, "A11").waitFor({ state: "detached" });
});

const elsewhere = Object.values(os.networkInterfaces()).flat().find(({ internal, family }) => !internal && family === "IPv4")?.address;

test("a key that is used from a new address is told of until somebody knows it, over restarts", { skip: !elsewhere && "this machine has no address but its own" }, async (t) => {
  const [server, browser] = [await sampleServer(t, { args: ["--listen", "0.0.0.0"] }), await startBrowser(t)];
  const page = await openConsole(browser, server);
  await page.locator("[data-testid=advice-A10], [data-testid=tile-rps]").first().waitFor();
  assert.equal(await card(page, "A13").count(), 0, "the machine that the key was made on is where it belongs");
  // What a client says of itself behind a proxy is not believed.
  const headers = { authorization: `Convex ${server.key}`, "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9" };
  assert.ok((await fetch(`http://${elsewhere}:${server.port}/api/check_admin_key`, { headers })).ok);
  await card(page, "A13").waitFor();
  assert.equal(await card(page, "A13").count(), 1);
  assert.match(await card(page, "A13").textContent(), new RegExp(`used from ${elsewhere.replaceAll(".", "\\.")} for the first time`));
  await pictures(page, "advice-address");
  assert.equal(await server.stop(), 0);
  await server.restart();
  await page.goto(`${server.console}/settings`);
  const row = page.locator(`[data-testid=key-use][data-address="${elsewhere}"]`);
  await row.waitFor();
  assert.equal(await row.getAttribute("data-known"), "false");
  assert.equal(await page.locator("[data-testid=key-use][data-known=true]").count(), 1, "this machine");
  await pictures(page, "key-uses");
  await page.setViewportSize({ width: 390, height: 844 });
  const cut = await page.locator("[data-testid=key-uses]").evaluate((card) => card.scrollWidth - card.clientWidth);
  assert.ok(cut <= 0, `${cut} px are out of sight on a phone`);
  await row.scrollIntoViewIfNeeded();
  await picture(page, "key-uses-phone");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.click("[data-testid=nav-overview]");
  await card(page, "A13").locator("[data-testid=advice-accept]").click();
  await card(page, "A13").waitFor({ state: "detached" });
  assert.ok((await fetch(`http://${elsewhere}:${server.port}/api/check_admin_key`, { headers })).ok);
  await page.click("[data-testid=nav-history]");
  await page.locator("[data-testid=history-row]", { hasText: `Knows the address ${elsewhere}` }).waitFor();
  await page.goto(`${server.console}/settings`);
  await page.locator(`[data-testid=key-use][data-address="${elsewhere}"][data-known=true]`).waitFor();
});

test("usage is added up by function and by table, and is known after a restart", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 25 });
  for (let n = 0; n < 7; n++) await server.call("query", "logs:echo", { text: `t${n}` });
  const page = await openConsole(browser, server, "/usage");
  const cells = (name) => page.locator(`[data-testid=usage-row][data-name="${name}"] td[data-value]`).evaluateAll((all) => all.map((one) => Number(one.dataset.value)));
  await until(async () => (await cells("Query logs:echo"))[0] === 7, { what: "seven calls" });
  const [, failures, micros, , , written] = await cells("Mutation users:seed");
  assert.deepEqual([failures, written], [0, 25]);
  assert.ok(micros > 0);
  await page.click("[data-testid=usage-tables]");
  await until(async () => (await cells("users"))[2] === 25, { what: "25 inserted" });
  await picture(page, "usage-tables");
  assert.equal(await server.stop(), 0);
  await server.restart();
  await page.goto(`${server.console}/usage`);
  await until(async () => (await cells("Query logs:echo"))[0] === 7, { what: "the same after a restart" });
  await server.call("query", "logs:echo", { text: "once more" });
  await page.reload();
  await until(async () => (await cells("Query logs:echo"))[0] === 8, { what: "one more" });
  const today = page.locator("[data-testid=usage-day]").last();
  assert.ok(Number(await today.getAttribute("data-value")) >= 9);
  await picture(page, "usage");
});

test("s28 a backup is taken, downloaded with a ticket that is good once, and restored", async (t) => {
  const [server, browser] = [await sampleServer(t, { args: ["--backup-every", "1d", "--backup-keep", "3"] }), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 12 });
  const page = await openConsole(browser, server, "/backups", { acceptDownloads: true });
  assert.match(await page.textContent("[data-testid=backup-schedule]"), /every 1 d, the last 3 are kept/);
  const rows = page.locator("[data-testid=backup-row]");
  // The schedule makes the first one at once.
  await until(async () => (await rows.count()) >= 1, { what: "the first backup", limitMs: 60_000 });
  const before = await rows.count();
  const known = new Set(await rows.evaluateAll((all) => all.map((row) => row.dataset.name)));
  await server.call("mutation", "users:seed", { count: 5, from: 12 });
  await page.click("[data-testid=backup-now]");
  await until(async () => (await rows.count()) > before, { what: "another backup", limitMs: 60_000 });
  assert.ok(!known.has(await rows.first().getAttribute("data-name")), "the newest is first");
  await picture(page, "backups");

  const [download] = await Promise.all([page.waitForEvent("download"), rows.first().locator("[data-testid=backup-download]").click()]);
  const file = path.join(temporaryFolder(t), "one.lentil-backup");
  await download.saveAs(file);
  const url = download.url();
  assert.match(url, /backups\/download\?ticket=/);
  assert.ok(!url.includes(server.key.split("|")[1]), "no key in the address");
  const again = await fetch(url);
  assert.equal(again.status, 403, await again.text());
  await page.click("[data-testid=nav-history]");
  await page.waitForSelector("[data-testid=history-row][data-action=download_backup]");

  // The dry run says what the restore below will give, and leaves nothing behind.
  await server.call("mutation", "users:seed", { count: 100, from: 17 });
  await server.call("mutation", "counters:bump", { name: "after the backup" });
  await page.goto(`${server.console}/backups`);
  await rows.first().locator("[data-testid=backup-restore]").click();
  const line = (name, now, after) => page.waitForSelector(`[data-testid=restore-row][data-name="${name}"][data-now="${now}"][data-after="${after}"]`, { timeout: 60_000 });
  await line("users", 117, 17);
  await server.call("mutation", "users:seed", { count: 1, from: 117 });
  await line("users", 118, 17);
  await line("messages", 0, 0);
  assert.equal(await page.locator("[data-testid=restore-row]").first().getAttribute("data-name"), "users", "what changes most is first");
  await picture(page, "restore");
  const { folder, backups } = await (await fetch(`${server.url}/api/backups`, { headers: { authorization: `Convex ${server.key}` } })).json();
  assert.deepEqual(fs.readdirSync(folder).sort(), backups.map(({ name }) => name).sort());
  await page.keyboard.press("Escape");
  await page.waitForSelector("[data-testid=restore-dialog]", { state: "detached" });
  fs.truncateSync(path.join(folder, backups[1].name), 2000);
  await rows.nth(1).locator("[data-testid=backup-restore]").click();
  await page.waitForSelector("[data-testid=restore-dialog] [role=alert] >> text=is no whole backup");
  const missing = await fetch(`${server.url}/api/backups/none.lentil-backup/contents`, { headers: { authorization: `Convex ${server.key}` } });
  assert.equal(missing.status, 404, await missing.text());

  const data = path.join(temporaryFolder(t), "restored");
  const { code, stderr } = await run(lentil, ["restore", file, "--data", data]);
  assert.equal(code, 0, stderr);
  const restored = await Server.start(t, { data, args: ["--dashboard-port", "0"] });
  const { json } = await restored.post("/api/query", { path: "users:older", args: { than: 0 }, format: "json" });
  assert.equal(json.value.length, 17);
  assert.ok(fs.statSync(file).size > 10_000);
});

test("s26 a key that may only look takes and downloads no backup", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const readOnly = (await run(lentil, ["keys", "--read-only", "--data", server.data])).stdout.trim();
  const page = await newPage(browser);
  await page.goto(`${server.console}/backups`);
  await logIn(page, readOnly);
  const button = page.locator("[data-testid=backup-now]");
  await button.waitFor();
  assert.ok(await button.isDisabled());
  assert.match(await button.getAttribute("title"), /CreateBackups/);
  const refused = await server.post("/api/backups", {}, { authorization: `Convex ${readOnly}` });
  assert.equal(refused.status, 403, refused.text);
});
