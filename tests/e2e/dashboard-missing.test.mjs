// Full scans say which index would spare them (dashboard C3 live view 6, C6 A2, F29 "missing").

import assert from "node:assert/strict";
import { test } from "node:test";

import { openConsole, openLive, pictures, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const app = {
  ...sampleApp,
  "convex/schema.ts": sampleApp["convex/schema.ts"].replace(
    "counters: ",
    "tasks: defineTable({ project: v.string(), status: v.string(), points: v.number() }),\n  counters: ",
  ),
  "convex/tasks.ts": `
import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
export const seed = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let i = 0; i < count; i++) await ctx.db.insert("tasks", { project: "p" + (i % 7), status: i % 2 ? "open" : "done", points: i });
  },
});
export const open = query({
  args: { project: v.string(), round: v.optional(v.number()) },
  handler: async (ctx, { project }) =>
    await ctx.db.query("tasks").filter((q) => q.and(q.gt(q.field("points"), 3), q.eq(q.field("project"), project), q.eq(q.field("status"), "open"))).collect(),
});
export const inJs = query({
  args: { round: v.optional(v.number()) },
  handler: async (ctx) => (await ctx.db.query("tasks").collect()).filter(({ points }) => points > 3).length,
});
export const newest = query({ args: {}, handler: async (ctx) => await ctx.db.query("tasks").order("desc").take(150) });
`,
};

const LINE = '.index("by_project_status_points", ["project", "status", "points"])';

test("scans: explain, the live page, advice and the data page name the index that is missing", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  await server.call("mutation", "tasks:seed", { count: 400 });
  await server.call("mutation", "users:seed", { count: 10 });
  const page = await openLive(browser, server, "tables?table=tasks");
  for (let round = 0; round < 5; round++) {
    await server.call("query", "tasks:open", { project: "p1", round });
    await server.call("query", "tasks:inJs", { round });
  }
  await server.call("query", "tasks:newest", {});
  const scan = (name) => page.locator(`[data-testid=scan][data-function="${name}"]`);
  await scan("tasks:open").waitFor();
  assert.equal(await scan("tasks:open").locator("[data-testid=missing-index-line]").textContent(), LINE);
  assert.match(await scan("tasks:open").textContent(), /2,000 rows in 5 scans in the last minute/);
  assert.equal(await scan("tasks:inJs").locator("[data-testid=missing-index]").getAttribute("data-kind"), "unknown");
  assert.equal(await scan("tasks:newest").count(), 0, "the newest few are no scan");
  await until(async () => /consider \(project, status, points\)/.test(await page.textContent("[data-testid=index-bar-by_creation_time]")), { what: "the mark" });
  await pictures(page, "missing-index-live");

  await page.click("[data-testid=nav-overview]");
  const card = page.locator("[data-testid=advice-A2]");
  await card.waitFor();
  assert.match(await card.textContent(), /tasks is scanned as a whole.*One on \(project, status, points\) is missing/);

  await page.click("[data-testid=runner-button]");
  await page.selectOption("[data-testid=runner-function]", { label: "Custom query…" });
  await page.fill("[data-testid=custom-query]", 'return await ctx.db.query("users").filter((q) => q.eq(q.field("team"), "red")).first();');
  await page.click("[data-testid=custom-explain]");
  const explained = page.locator("[data-testid=explanation] [data-testid=missing-index]");
  await explained.waitFor();
  assert.match(await explained.textContent(), /^The index by_team has team, age/, "one that is there is named");
  await page.fill("[data-testid=custom-query]", 'return await ctx.db.query("users").filter((q) => q.eq(q.field("name"), "Ada")).first();');
  await page.click("[data-testid=custom-explain]");
  await until(async () => (await explained.textContent()).endsWith('.index("by_name", ["name"])'), { what: "the line" });
});

test("filters of the data page: an index to choose, or the line to declare one", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 30 });
  await server.call("mutation", "tasks:seed", { count: 30 });
  const filtered = (...clauses) =>
    encodeURIComponent(btoa(JSON.stringify({ clauses: clauses.map(([field, op, value], id) => ({ id: String(id), enabled: true, field, op, value })), order: "desc" })));
  const page = await openConsole(browser, server, `/data?table=tasks&filters=${filtered(["points", "gt", 3], ["project", "eq", "p1"])}`, {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const line = page.locator("[data-testid=missing-index-line]");
  await line.waitFor();
  assert.equal(await line.textContent(), '.index("by_project_points", ["project", "points"])');
  await pictures(page, "missing-index-data");
  await line.click();
  await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === '.index("by_project_points", ["project", "points"])', { what: "the line in the clipboard" });
  await page.goto(`${server.console}/data?table=users&filters=${filtered(["team", "eq", "red"])}`);
  await page.click("[data-testid=use-index]");
  await until(async () => (await page.textContent("[data-testid=index-badge]")) === "by_team", { what: "the index" });
  assert.equal(await line.count() + (await page.locator("[data-testid=use-index]").count()), 0);
});
