// The dashboard's data page: grid, filters, edits (dashboard C7).

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { findings } from "./axe.mjs";
import { cell, logIn, newPage, openConsole, pictures, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const rows = (page) => page.locator("[data-testid=grid-row]");
const countIs = (page, count) => page.waitForSelector(`[data-testid=row-count][data-count="${count}"]`);

async function edit(page, row, field, text) {
  await cell(page, row, field).dblclick();
  await page.fill("[data-testid=cell-editor]", text);
  await page.keyboard.press("Enter");
}

/** The names that a grid shows, sorted. */
const names = async (page) => (await page.locator("[data-testid=grid-row] [data-field=name] .cell-text").allTextContents()).sort();

test("s05 a table is made, three documents are added in one go, and history has both", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/data");
  await page.click("[data-testid=new-table]");
  await page.fill("[data-testid=new-table-name]", "t1");
  await page.click("[data-testid=new-table-create]");
  await page.waitForSelector("[data-testid=table-t1][aria-current=page]");
  await page.click("[data-testid=add-documents]");
  await page.fill("[data-testid=add-text]", '[{ a: 1 }, { a: 2n, b: "x" }, { c: [null, Bytes("AQID")] }]');
  await page.click("[data-testid=add-save]");
  await countIs(page, 3);
  assert.equal(await rows(page).count(), 3);
  await page.click("[data-testid=nav-history]");
  for (const action of ["create_table", "add_documents"]) {
    const row = page.locator(`[data-testid=history-row][data-action=${action}]`).first();
    assert.match(await row.textContent(), /t1.*admin/);
  }
});

test("s06 an edit against the schema is refused in place, a good one shows in another browser", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 3 });
  const [page, other] = [await openConsole(browser, server, "/data?table=users"), await openConsole(browser, server, "/data?table=users")];
  await other.waitForSelector("[data-testid=grid-row]");
  await edit(page, 0, "age", '"old"');
  const error = page.locator("[data-testid=cell-error]");
  await error.waitFor();
  assert.match(await error.textContent(), /does not match the schema[^]*v\.float64/);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "cell-editor");
  await page.keyboard.press("Escape");
  const before = await cell(other, 0, "age").textContent();
  await other.evaluate(() => {
    window.flashed = new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        const row = document.querySelector("[data-testid=grid-row].row-flash");
        if (row) resolve({ at: Date.now(), age: row.querySelector("[data-field=age]").textContent });
      });
      observer.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
    });
  });
  await edit(page, 0, "age", "99");
  const pressed = Date.now();
  const { at, age } = await other.evaluate(() => window.flashed);
  assert.equal(age, "99");
  assert.notEqual(before, "99");
  assert.ok(at - pressed < 1000, `it took ${at - pressed} ms`);
  assert.equal((await server.call("query", "users:older", { than: 98 })).length, 1);
});

test("production is marked, and the first edit of it asks once", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 2 });
  const page = await newPage(browser);
  await page.goto(`${server.console}/data?table=users`);
  await logIn(page, `prod:${server.key}`);
  await page.waitForSelector("[data-testid=topbar][data-type=prod]");
  await edit(page, 0, "age", "77");
  await page.waitForSelector("[data-testid=edit-question]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("[data-testid=cell-error] >> text=Nothing was changed");
  assert.equal((await server.call("query", "users:older", { than: 76 })).length, 0);
  await page.locator("[data-testid=cell-editor]").press("Enter");
  await page.click("[data-testid=edit-production]");
  await until(async () => (await server.call("query", "users:older", { than: 76 })).length === 1, { what: "the edit" });
  await edit(page, 1, "age", "78");
  await until(async () => (await server.call("query", "users:older", { than: 76 })).length === 2, { what: "another edit, not asked for" });
});

async function addFilter(page, at, field, op, value) {
  await page.click("[data-testid=add-filter]");
  const chip = page.locator(`[data-testid=filter-chip-${at}]`);
  await chip.locator("[data-testid=filter-field]").fill(field);
  await page.keyboard.press("Enter");
  await chip.locator("select").first().selectOption(op);
  if (op === "type") await chip.locator("select").nth(1).selectOption(value);
  else {
    await chip.locator("[data-testid=filter-value]").fill(value);
    await page.keyboard.press("Enter");
  }
  return chip;
}

test("s07 filters, their switches, an index and the URL", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 30 });
  const page = await openConsole(browser, server, "/data?table=users");
  await countIs(page, 30);
  const age = await addFilter(page, 0, "age", "gt", "45");
  await addFilter(page, 1, "name", "type", "string");
  await until(async () => (await rows(page).count()) === 4, { what: "ages 46 to 49" });
  assert.match(await page.textContent("[data-testid=index-badge]"), /full scan, ~30 rows/);
  await age.locator("input[type=checkbox]").click();
  await until(async () => (await rows(page).count()) > 4, { what: "the filter off" });
  await age.locator("input[type=checkbox]").click();
  await page.selectOption("[data-testid=index-picker]", "by_age");
  await page.click("[data-testid=order]");
  await until(async () => (await cell(page, 0, "age").textContent()) === "46", { what: "ascending by age" });
  assert.equal(await page.textContent("[data-testid=index-badge]"), "by_age");
  const shown = await names(page);
  await page.reload();
  await page.waitForSelector("[data-testid=grid-row]");
  await until(async () => (await rows(page).count()) === 4, { what: "the same after a reload" });
  assert.deepEqual(await names(page), shown);
  assert.equal(await page.textContent("[data-testid=index-badge]"), "by_age");
});

test("s08 any-of, index ranges and times find what a query finds", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 40 });
  const page = await openConsole(browser, server, "/data?table=users");
  await countIs(page, 40);
  await addFilter(page, 0, "age", "anyOf", "[21, 30, 59]");
  await until(async () => (await rows(page).count()) === 3, { what: "three ages" });
  await page.click("[data-testid=filter-chip-0] [aria-label='Remove filter']");
  await page.selectOption("[data-testid=index-picker]", "by_age");
  const chip = page.locator("[data-testid=index-chip-age]");
  await chip.locator("select").selectOption("range");
  await chip.locator("[aria-label='age from']").fill("51");
  await page.keyboard.press("Enter");
  const expected = (await server.call("query", "users:older", { than: 50 })).map((user) => user.name).sort();
  await until(async () => JSON.stringify(await names(page)) === JSON.stringify(expected), { what: "the same as the query" });
});

test("s08 a range of times of creation finds what a query finds", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 6 });
  const all = async () => await server.call("query", "users:older", { than: 0 });
  const newest = async () => Math.max(...(await all()).map((user) => user._creationTime));
  // The picker knows whole seconds: the others are made in a later one.
  const first = Math.floor((await newest()) / 1000) + 1;
  await until(() => Date.now() >= first * 1000, { what: "the next second" });
  await server.call("mutation", "users:seed", { count: 4, from: 6 });
  const second = Math.floor((await newest()) / 1000) + 1;
  await until(() => Date.now() >= second * 1000, { what: "the second after that" });
  await server.call("mutation", "users:seed", { count: 3, from: 10 });

  const page = await openConsole(browser, server, "/data?table=users");
  await countIs(page, 13);
  const local = (seconds) => page.evaluate((ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19), seconds * 1000);
  await addFilter(page, 0, "_creationTime", "gte", await local(first));
  await until(async () => (await rows(page).count()) === 7, { what: "all that came later" });
  await addFilter(page, 1, "_creationTime", "lt", await local(second));
  const expected = (await all()).filter(({ _creationTime: at }) => at >= first * 1000 && at < second * 1000).map(({ name }) => name).sort();
  assert.equal(expected.length, 4);
  await until(async () => JSON.stringify(await names(page)) === JSON.stringify(expected), { what: "the same as the query" });
});

test("s09 250 rows are edited at once and the edit is taken back", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 250 });
  const page = await openConsole(browser, server, "/data?table=users");
  await countIs(page, 250);
  await page.waitForSelector("[data-testid=grid-row]");
  await until(
    async () => {
      await page.locator("[data-testid=grid]").evaluate((grid) => (grid.scrollTop = grid.scrollHeight));
      return (await page.getAttribute("[data-testid=grid]", "aria-rowcount")) === "251";
    },
    { what: "all rows", everyMs: 100 },
  );
  await page.click("[data-testid=select-all]");
  assert.match(await page.textContent("[data-testid=selection-bar]"), /250 selected/);
  await page.click("[data-testid=bulk-edit]");
  await page.fill("[data-testid=bulk-text]", '{ team: "gold" }');
  await page.click("[data-testid=bulk-save]");
  const gold = async () => (await server.post("/api/run_test_function", {
    bundle: { path: "t.js", source: 'import { query } from "convex:/_system/repl/wrappers.js"; export default query({ handler: async (ctx) => (await ctx.db.query("users").collect()).map((u) => u.team ?? null) });' },
    adminKey: server.key, args: {}, format: "json",
  }, { authorization: `Convex ${server.key}` })).json.value;
  await until(async () => (await gold()).every((team) => team === "gold"), { what: "all gold" });
  await page.click("[data-testid=toast-action]");
  await until(async () => !(await gold()).includes("gold"), { what: "the old teams" });
  const teams = await gold();
  assert.equal(teams.filter((team) => team === null).length, 62);
  assert.equal(teams.filter((team) => team === "red").length, 63);
});

test("s11 a table of the schema cannot be deleted, another can", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/data?table=users");
  await page.click("[data-testid=table-menu]");
  const item = page.locator("[data-testid=delete-table]");
  assert.equal(await item.getAttribute("data-disabled"), "");
  assert.match(await item.textContent(), /in the schema/);
  await page.keyboard.press("Escape");
  await page.click("[data-testid=new-table]");
  await page.fill("[data-testid=new-table-name]", "extra");
  await page.click("[data-testid=new-table-create]");
  await page.waitForSelector("[data-testid=table-extra][aria-current=page]");
  await page.click("[data-testid=table-menu]");
  await page.click("[data-testid=delete-table]");
  await page.click("[data-testid=confirm]");
  await page.waitForSelector("[data-testid=table-extra]", { state: "detached" });
});

test("s12 a block is pasted into cells, and what is exported can be imported again", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 4 });
  const page = await openConsole(browser, server, "/data?table=users", { permissions: ["clipboard-read", "clipboard-write"] });
  await cell(page, 0, "name").click();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "Rye, Bo\t31\nMia\t32\nNoa\t33\n");
    document.activeElement.closest("[role=grid]").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  });
  await until(async () => (await cell(page, 2, "age").textContent()) === "33", { what: "the third row" });
  assert.deepEqual([await cell(page, 0, "name").textContent(), await cell(page, 0, "age").textContent()], ["Rye, Bo", "31"]);

  const waiting = page.waitForEvent("download");
  await page.click("[data-testid=export]");
  await page.click("[data-testid=export-jsonl]");
  const file = await (await waiting).path();
  const lines = fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 4);
  await page.click("[data-testid=add-documents]");
  await page.setInputFiles("[data-testid=add-file]", { name: "users.jsonl", mimeType: "application/jsonl", buffer: fs.readFileSync(file) });
  await countIs(page, 8);
  const seen = new Map();
  for (const name of await names(page)) seen.set(name, (seen.get(name) ?? 0) + 1);
  assert.deepEqual([...seen.values()], [2, 2, 2, 2]);
});

test("s13 an id leads to its document, and that one knows where it came from", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 1 });
  const message = await server.call("mutation", "messages:send", { channel: "c", body: "hi" });
  const page = await openConsole(browser, server, "/data?table=messages");
  const author = cell(page, 0, "author");
  const id = (await author.locator(".cell-text").textContent()).trim();
  await author.hover();
  await author.locator("[data-testid=follow]").click();
  await page.waitForSelector("[data-testid=document-drawer]");
  assert.match(page.url(), new RegExp(`table=users&doc=${id}`));
  await page.click("[role=tab]:has-text('References')");
  await until(async () => (await page.locator("[data-testid=back-references]").allTextContents()).join().includes(message), { what: "the message" });
});

test("a document's drawer names the live queries that read it", async (t) => {
  const { ConvexClient } = await import("convex/browser");
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 2 });
  const [one, other] = await server.call("query", "users:older", { than: 0 });
  const page = await openConsole(browser, server, `/data?table=users&doc=${one._id}`);
  await page.waitForSelector("[data-testid=document-drawer]");
  await page.click("[role=tab]:has-text('Read by')");
  await page.waitForSelector("[data-testid=no-readers]");
  assert.match(await page.textContent("[data-testid=readers]"), /subscribed to right now[^]*Mutations, actions and queries that nobody follows now are not listed/);

  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  const watch = (fn, args) => client.onUpdate(fn, args, () => undefined);
  const stop = watch("users:get", { id: one._id });
  watch("users:get", { id: other._id });
  watch("users:older", { than: 10 });
  watch("messages:list", { channel: "c" });
  const readers = page.locator("[data-testid=reader]");
  await until(async () => (await readers.count()) === 2, { what: "two readers" });
  const [first, second] = await readers.allTextContents();
  assert.match(first, new RegExp(`^users:get.*this document.*1 client.*_id = "${one._id}"`));
  assert.match(second, /^users:older.*than.*10.*by_age.*age in 10/);
  await pictures(page, "readers");
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForSelector(`:root[data-theme=${colorScheme}]`);
    assert.deepEqual(await findings(page), []);
  }
  stop();
  await until(async () => (await readers.count()) === 1, { what: "one reader" });
  await readers.locator("a").click();
  await page.waitForSelector("section[aria-label='users:older']");
});

test("rows are as high as somebody likes them, also after a reload", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 5 });
  const page = await openConsole(browser, server, "/data?table=users");
  await page.waitForSelector("[data-testid=grid-row]");
  const height = async () => (await rows(page).first().boundingBox()).height;
  const heights = [];
  for (const density of ["compact", "comfortable", "normal", "comfortable"]) {
    await page.click("[data-testid=columns-menu]");
    await page.click(`[data-testid=density-${density}]`);
    await until(async () => (await height()) !== heights.at(-1), { what: density });
    heights.push(await height());
    // Rows keep to each other's edges.
    const [first, second] = [await rows(page).nth(0).boundingBox(), await rows(page).nth(1).boundingBox()];
    assert.equal(Math.round(second.y - first.y), Math.round(first.height));
  }
  const [compact, comfortable, normal] = heights;
  assert.ok(compact < normal && normal < comfortable, heights.join());
  await page.reload();
  await page.waitForSelector("[data-testid=grid-row]");
  assert.equal(await height(), comfortable);
  await pictures(page, "density");
  await page.click("[data-testid=columns-menu]");
  assert.match(await page.textContent("[data-testid=density-comfortable]"), /✓/);
});

const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const hostile = {
  ...sampleApp,
  "convex/crons.ts": `
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.interval(${JSON.stringify(evil)}, { hours: 24 }, internal.counters.tick, {});
export default crons;
`,
};

test("s41 scripts in names and values are shown and never run", async (t) => {
  const [server, browser] = [await sampleServer(t, { app: hostile }), await startBrowser(t)];
  await server.call("mutation", "messages:send", { channel: evil, body: evil });
  await server.call("mutation", "logs:many", { lines: 3, text: evil });
  await server.post("/api/mutation", { path: "messages:fail", args: { text: evil }, format: "json" });
  const page = await openConsole(browser, server, "/data?table=messages");
  const shows = (selector) => until(async () => (await page.locator(selector).allTextContents()).join().includes("<script>"), { what: `the text in ${selector}` });
  await until(async () => (await cell(page, 0, "body").textContent()).includes("<script>"), { what: "the text" });
  await page.click("[data-testid=nav-logs]");
  await shows(".log-message");
  await page.locator("[data-testid=log-row][data-level=error]").last().dblclick();
  await shows(".result.error");
  await page.goto(`${server.console}/files`);
  await page.setInputFiles("[data-testid=upload]", { name: `${evil.replaceAll("/", "∕")}.png`, mimeType: "image/png", buffer: Buffer.from("no picture") });
  await shows("[data-testid=file-row]");
  await page.goto(`${server.console}/schedules/crons`);
  await shows("[data-testid=cron-row]");
  await page.goto(`${server.console}/live/subscriptions`);
  const { ConvexClient } = await import("convex/browser");
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  client.onUpdate("messages:list", { channel: evil }, () => undefined);
  await shows("[data-testid=sub-query]");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const policy = (await fetch(`${server.console}/`)).headers.get("content-security-policy");
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.deepEqual(page.problems, []);
});
