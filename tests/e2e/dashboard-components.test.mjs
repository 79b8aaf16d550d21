// The dashboard of an app that mounts a component of its own folder: every page that is about
// tables, functions, files or schedules is about one component at a time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cell, openConsole, pictures, sampleServer, startBrowser } from "./dashboard.mjs";
import { callIn, choose, mounted } from "./dashboard-mounted.mjs";
import { lentil, run, until } from "./harness.mjs";

const schema = `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: defineTable({ text: v.string(), stars: v.optional(v.number()) }).index("by_text", ["text"]) });
`;

const functions = `
import { v } from "convex/values";
import { internalMutation, mutation, query } from "./_generated/server";
import { internal } from "./_generated/api";
export const add = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    console.log("adding", text);
    return await ctx.db.insert("notes", { text });
  },
});
export const list = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").withIndex("by_text").collect()).map(({ text }) => text),
});
export const nothing = internalMutation({ args: {}, handler: async () => null });
export const later = mutation({
  args: {},
  handler: async (ctx) => void (await ctx.scheduler.runAfter(3_600_000, (internal as any).lib.nothing, {})),
});
`;

const app = mounted(schema, "lib", functions);

async function appWithComponent(t) {
  const server = await sampleServer(t, { app, args: ["--backup-keep", "2"] });
  await callIn(server, "", "lib:add", { text: "of the app" });
  await callIn(server, "notes", "lib:add", { text: "of the component" });
  return server;
}

const shownText = (page) => page.locator("[data-testid=grid-row] [data-field=text]").allTextContents();
const untilShown = (page, expected) => until(async () => JSON.stringify(await shownText(page)) === JSON.stringify(expected), { what: `rows ${expected}` });

test("where the app is all there is, nothing asks for a component", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/data?table=users");
  await page.waitForSelector("[data-testid=row-count]");
  for (const route of ["/data", "/schema", "/functions", "/files", "/schedules/functions"]) {
    await page.goto(server.console + route);
    await page.waitForSelector("main h1");
    await page.waitForSelector("[data-testid=conn-state][data-state=connected]");
    assert.equal(await page.locator("[data-testid=component-picker]").count(), 0, route);
  }
});

test("tables of a component are shown and edited as its own", async (t) => {
  const [server, browser] = [await appWithComponent(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/data?table=notes");
  await untilShown(page, ["of the app"]);
  const id = await choose(page);
  await untilShown(page, ["of the component"]);
  assert.equal(await page.getAttribute("[data-testid=row-count]", "data-count"), "1");

  await cell(page, 0, "text").dblclick();
  await page.fill("[data-testid=cell-editor]", "edited here");
  await page.keyboard.press("Enter");
  await untilShown(page, ["edited here"]);
  await page.click("[data-testid=add-documents]");
  await page.fill("[data-testid=add-text]", '[{ text: "added here" }]');
  await page.click("[data-testid=add-save]");
  await untilShown(page, ["added here", "edited here"]);
  await pictures(page, "component-data");
  assert.deepEqual(await callIn(server, "notes", "lib:list"), ["added here", "edited here"]);
  assert.deepEqual(await callIn(server, "", "lib:list"), ["of the app"]);

  // The address is enough to see the same, and the way to other pages keeps the component.
  await page.reload();
  await untilShown(page, ["added here", "edited here"]);
  await page.locator("[data-field=_id]").nth(1).dblclick();
  await page.waitForSelector("[data-testid=document-drawer]");
  await page.keyboard.press("Escape");
  await page.click("[data-testid=nav-schema]");
  assert.equal(new URL(page.url()).searchParams.get("component"), id);
  await page.locator(".react-flow__node[data-id=notes]").click();
  await page.waitForSelector("[data-testid=index-by_text]");
  await pictures(page, "component-schema");
  await choose(page, "app");
  assert.equal(new URL(page.url()).searchParams.get("component"), null);

  await page.goto(`${server.console}/data?component=nonsense`);
  await page.waitForSelector(".problem");
  assert.match(await page.textContent(".problem"), /no component with the id "nonsense"/);
  await choose(page, "app");
  await untilShown(page, ["of the app"]);
});

test("functions of a component are listed, run and explained", async (t) => {
  const [server, browser] = [await appWithComponent(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/functions?f=lib:list");
  const id = await choose(page);
  await page.goto(`${server.console}/functions?component=${id}&f=lib:list`);
  await page.click("[data-testid=run-function]");
  const result = () => page.locator("[data-testid=runner-result]").textContent();
  await until(async () => /of the component/.test(await result()), { what: "the result" });
  assert.doesNotMatch(await result(), /of the app/);
  assert.equal(await page.locator("[data-testid=runner-component] option:checked").textContent(), "notes");
  await callIn(server, "notes", "lib:add", { text: "while it is watched" });
  await until(async () => /while it is watched/.test(await result()), { what: "the live result" });
  await page.click("[data-testid=runner-explain]");
  await page.waitForSelector("[data-testid=explanation]");
  assert.match(await page.textContent("[data-testid=explanation]"), /@notes\/notes[^]*by_text/);
  await pictures(page, "component-functions");

  await page.selectOption("[data-testid=runner-function]", "lib:add");
  await page.click("[data-testid=runner-as-text]");
  await page.fill("[data-testid=runner-args]", '{ text: "by the runner" }');
  await page.click("[data-testid=runner-run]");
  await until(async () => (await callIn(server, "notes", "lib:list")).includes("by the runner"), { what: "the document" });
  assert.deepEqual(await callIn(server, "", "lib:list"), ["of the app"]);
  await page.selectOption("[data-testid=runner-function]", { label: "Custom query…" });
  await page.fill("[data-testid=custom-query]", 'return (await ctx.db.query("notes").collect()).map(({ text }) => text).join();');
  await page.click("[data-testid=custom-run]");
  await until(async () => /of the component.*by the runner/.test(await result()), { what: "the component's notes" });
  await page.click("[data-testid=custom-explain]");
  await until(async () => /@notes\/notes/.test(await page.textContent("[data-testid=explanation]")), { what: "the component's table" });
  // The app's function of the same name is another one.
  await page.selectOption("[data-testid=runner-component]", { label: "app" });
  await page.selectOption("[data-testid=runner-function]", "lib:list");
  await until(async () => /of the app/.test(await result()), { what: "the app's result" });
  await page.click("[aria-label='Close (Ctrl `)']");
  await page.click("[role=tab]:text-is('Code')");
  await page.waitForSelector("[data-testid=code]");
});

test("logs tell a component's functions from those of the app, as they come and kept", async (t) => {
  const [server, browser] = [await appWithComponent(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/logs?q=fn:@notes/");
  const rows = page.locator("[data-testid=log-row]");
  for (const path of ["/logs?q=fn:@notes/", "/logs?view=kept&q=fn:@notes/"]) {
    await page.goto(server.console + path);
    await callIn(server, "", "lib:add", { text: "said by the app" });
    await callIn(server, "notes", "lib:add", { text: "said by the component" });
    await until(async () => (await rows.allTextContents()).some((text) => /@notes\/lib:add.*said by the component/.test(text)), { what: "the line" });
    assert.ok((await rows.allTextContents()).every((text) => text.includes("@notes/lib:")), path);
  }
  await pictures(page, "component-logs");
});

test("files and schedules of a component are its own", async (t) => {
  const [server, browser] = [await appWithComponent(t), await startBrowser(t)];
  await callIn(server, "notes", "lib:later");
  const page = await openConsole(browser, server, "/files");
  await choose(page);
  await page.setInputFiles("[data-testid=upload]", { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("a note") });
  await page.waitForSelector("[data-testid=file-row]");
  assert.match(await page.textContent("[data-testid=file-row]"), /note\.txt/);
  await pictures(page, "component-files");
  await page.click("[data-testid=nav-schedules]");
  await page.waitForSelector("[data-testid=scheduled-row]");
  assert.match(await page.textContent("[data-testid=scheduled-row]"), /lib:nothing/);
  await page.click("[data-testid=coming-hour]");
  await page.waitForSelector("[data-testid=coming][data-scheduled='1']");
  await pictures(page, "component-schedules");
  await page.click("[data-testid=cancel-job]");
  await page.waitForSelector("[data-testid=scheduled-row]", { state: "detached" });
  await page.goto(`${server.console}/files`);
  await page.waitForSelector(".empty");
  assert.equal(await page.locator("[data-testid=file-row]").count(), 0);
});

test("figures, status and the dry run of a restore tell the tables of all components", async (t) => {
  const [server, browser] = [await appWithComponent(t), await startBrowser(t)];
  const status = await run(lentil, ["status", "--data", server.data]);
  assert.match(status.stdout, /Tables +2 \(the app 1, notes 1\)/, status.stdout + status.stderr);

  const page = await openConsole(browser, server, "/live/tables");
  await page.click("[data-testid='tree-cell-@notes/notes']");
  await page.waitForSelector("[data-testid=index-bar-by_text]");
  await callIn(server, "notes", "lib:list");
  await until(async () => Number(await page.getAttribute("[data-testid=index-bar-by_text]", "data-lookups")) > 0, { what: "a look-up" });
  await pictures(page, "component-live-tables");
  // The stock dashboard's metrics take the component, too.
  const now = Math.ceil(Date.now() / 1000) + 5;
  const at = (secs) => ({ secs_since_epoch: secs, nanos_since_epoch: 0 });
  const window = JSON.stringify({ start: at(now - 600), end: at(now), num_buckets: 1 });
  const metric = async (name, query) => {
    const search = new URLSearchParams({ ...query, window });
    const answer = await fetch(`${server.url}/api/app_metrics/${name}?${search}`, { headers: { authorization: `Convex ${server.key}` } });
    return (await answer.json())[0][1];
  };
  const calls = { path: "lib:list", udfType: "Query", metric: "invocations" };
  assert.ok((await metric("udf_rate", { ...calls, componentPath: "notes" })) > 0, "calls in the component");
  assert.equal(await metric("udf_rate", calls), 0);
  assert.ok((await metric("table_rate", { name: "notes", metric: "rowsRead", componentPath: "notes" })) > 0, "reads in the component");
  assert.equal(await metric("table_rate", { name: "notes", metric: "rowsRead" }), 0);
  await page.goto(`${server.console}/usage?by=tables`);
  const row = page.locator("[data-testid=usage-row][data-name='@notes/notes']");
  await until(async () => (await page.reload(), await page.waitForSelector("[data-testid=usage-row]"), (await row.count()) > 0), { what: "usage", everyMs: 500 });
  await pictures(page, "component-usage");
  await row.locator("a").click();
  await untilShown(page, ["of the component"]);
  // Links that only know the name that figures have lead to the same.
  await page.goto(`${server.console}/data?table=${encodeURIComponent("@notes/notes")}`);
  await untilShown(page, ["of the component"]);

  const headers = { authorization: `Convex ${server.key}` };
  await server.post("/api/backups", {}, headers);
  const backedUp = async () => (await (await fetch(`${server.url}/api/backups`, { headers })).json()).backups.length > 0;
  await until(backedUp, { what: "a backup", limitMs: 60_000 });
  await callIn(server, "notes", "lib:add", { text: "after the backup" });
  await page.goto(`${server.console}/backups`);
  await page.locator("[data-testid=backup-restore]").first().click();
  const difference = page.locator("[data-testid=restore-row][data-name='@notes/notes']");
  await difference.waitFor({ timeout: 60_000 });
  assert.deepEqual([await difference.getAttribute("data-now"), await difference.getAttribute("data-after")], ["2", "1"]);
  assert.equal(await page.locator("[data-testid=restore-row][data-name=notes]").getAttribute("data-now"), "1");
  await pictures(page, "component-restore");
});
