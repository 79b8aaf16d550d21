// Every table is an ARIA grid: one tab stop, arrow keys inside, rows and cells in the accessibility
// tree (dashboard C3, C7 40).

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, newPage, openConsole, openLive, sampleServer, startBrowser } from "./dashboard.mjs";
import { PAGES, fill } from "./dashboard-pages.mjs";
import { until } from "./harness.mjs";

/** What is focused: the row and the cell of its grid, and its text. */
const focused = (page) =>
  page.evaluate(() => {
    const cell = document.activeElement.closest("[role=gridcell], [role=columnheader]");
    const row = cell?.closest("[role=row]");
    return cell && { row: Number(row.getAttribute("aria-rowindex")), cell: [...row.children].indexOf(cell), tag: document.activeElement.tagName, text: document.activeElement.textContent };
  });

/** Names of the roles in the browser's accessibility tree below the first grid. */
async function roles(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send("Accessibility.getFullAXTree");
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const grid = nodes.find((node) => node.role?.value === "grid");
  const found = {};
  const walk = (node) => {
    const role = node.role?.value;
    if (role) found[role] = (found[role] ?? 0) + 1;
    for (const id of node.childIds ?? []) if (byId.has(id)) walk(byId.get(id));
  };
  walk(grid);
  const property = (name) => grid.properties?.find((one) => one.name === name)?.value?.value;
  return { ...found, name: grid.name?.value, focusable: property("focusable") };
}

test("a plain table: one tab stop, arrows, ends and pages, sorted column", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 5 });
  for (let n = 0; n < 3; n++) await server.call("query", "logs:echo", { text: `t${n}` });
  const page = await openConsole(browser, server, "/usage");
  const rows = page.locator("[data-testid=usage-row]");
  await until(async () => (await rows.count()) >= 3, { what: "three functions" });
  const count = await rows.count();
  const table = page.locator("[data-testid=usage-table]");
  assert.deepEqual([await table.getAttribute("role"), await table.getAttribute("aria-rowcount")], ["grid", String(count + 1)]);
  assert.equal(await table.locator("[aria-sort=descending]").textContent(), "Calls ↓");
  const tree = await roles(page);
  assert.deepEqual([tree.name, tree.row, tree.columnheader, tree.gridcell], ["Usage", count + 1, 9, 9 * count]);

  assert.equal(await table.locator("[tabindex='0']").count(), 1);
  await table.locator("[tabindex='0']").focus();
  assert.deepEqual(await focused(page).then(({ row, cell, tag }) => [row, cell, tag]), [2, 0, "A"], "the link of the first row");
  const steps = [
    ["ArrowRight", 2, 1],
    ["ArrowDown", 3, 1],
    ["End", 3, 8],
    ["ArrowRight", 3, 8],
    ["Home", 3, 0],
    ["PageDown", count + 1, 0],
    ["PageUp", 2, 0],
    ["Control+End", count + 1, 8],
    ["Control+Home", 1, 0],
    ["ArrowRight", 1, 1],
  ];
  for (const [key, row, cell] of steps) {
    await page.keyboard.press(key);
    assert.deepEqual(await focused(page).then((at) => [at.row, at.cell]), [row, cell], key);
  }
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await until(async () => (await table.locator("[aria-sort=descending]").textContent()) === "Failed ↓", { what: "another order" });
  assert.equal(await table.locator("[tabindex='0']").count(), 1);
  assert.equal(await focused(page).then(({ tag }) => tag), "BUTTON", "the focus stays");
  await page.keyboard.press("Tab");
  assert.equal(await table.evaluate((grid) => grid.contains(document.activeElement)), false, "Tab leads out");
  await page.keyboard.press("Shift+Tab");
  assert.deepEqual(await focused(page).then((at) => [at.row, at.cell]), [1, 2], "and back to where one was");
});

test("the virtual grid of documents: all rows are counted, the order is told, ends are reached", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 60 });
  const page = await openConsole(browser, server, "/data?table=users");
  const grid = page.locator("[data-testid=grid]");
  await page.locator("[data-testid=grid-row]").first().waitFor();
  const tree = await roles(page);
  assert.ok(tree.row < 61 && tree.gridcell > 0 && tree.focusable, JSON.stringify(tree));
  await until(async () => (await grid.getAttribute("aria-rowcount")) === "61", { what: "60 rows and the heading" });
  assert.equal(await page.locator("[aria-sort]").evaluateAll((all) => all.map((one) => `${one.textContent} ${one.getAttribute("aria-sort")}`).join()), "_creationTime descending");
  assert.equal(await grid.evaluate((one) => one.querySelectorAll("button:not([tabindex='-1']), input:not([tabindex='-1']), a:not([tabindex='-1'])").length), 0, "one tab stop");
  await grid.focus();
  const active = async () => await grid.getAttribute("aria-activedescendant");
  const columns = Number(await grid.getAttribute("aria-colcount")) - 1;
  for (const [key, at] of [["ArrowDown", "cell-1-0"], ["End", `cell-1-${columns - 1}`], ["Control+End", `cell-59-${columns - 1}`], ["Home", "cell-59-0"], ["Control+Home", "cell-0-0"], ["PageDown", "cell-20-0"]]) {
    await page.keyboard.press(key);
    await until(async () => (await active()) === at, { what: `${at} by ${key}` });
    await page.locator(`#${at}`).waitFor();
  }
  await page.keyboard.press("Control+a");
  await page.locator("[data-testid=selection-bar]", { hasText: "60 selected" }).waitFor();
  assert.equal(await page.locator("[data-testid=grid-row]").first().getAttribute("aria-selected"), "true");
});

test("a live table keeps the focus while rows come", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "messages:send", { channel: "a", body: "first" });
  const page = await openLive(browser, server, "tables?table=messages");
  const table = page.locator("table[role=grid]");
  await table.waitFor();
  await page.locator("[data-testid=index-bar-by_channel]").waitFor();
  assert.equal(await table.getAttribute("aria-label"), "Indexes of messages");
  await table.locator("[tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  const before = await focused(page);
  for (let n = 0; n < 5; n++) await server.call("query", "messages:list", { channel: `c${n}` });
  await until(async () => (await page.locator("[data-testid=index-bar-by_channel]").getAttribute("data-lookups")) !== "0", { what: "look-ups" });
  const after = await focused(page);
  assert.deepEqual([after.row, after.cell], [before.row, before.cell]);
  assert.equal(await table.locator("[tabindex='0']").count(), 1);
  const tree = await roles(page);
  assert.ok(tree.row >= 4 && tree.gridcell >= 4 * 8, JSON.stringify(tree));
});

test("every table of every page is a grid with a name and one tab stop, on a phone too", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await fill(t, server);
  const page = await newPage(browser, { viewport: { width: 390, height: 844 }, reducedMotion: "reduce" });
  await page.goto(`${server.console}/`);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=overview]");
  const wrong = [];
  let seen = 0;
  for (const [name, { route, ready, act, before }] of Object.entries(PAGES)) {
    if (before) await before(server);
    await page.goto(server.console + route);
    await page.waitForSelector(ready, { state: "attached" });
    const grids = await page.evaluate(() =>
      // A chart's legend is for the eye; its numbers are in a table for the ear.
      [...document.querySelectorAll("table:not(.sr-only, [aria-hidden=true] *), [role=grid]")].map((grid) => ({
        name: grid.getAttribute("aria-label"),
        role: grid.getAttribute("role"),
        stops: grid.querySelectorAll("[tabindex='0']").length + (grid.tabIndex === 0 ? 1 : 0),
        other: grid.querySelectorAll(":is(a[href], button, input, select):not([tabindex])").length,
        bare: grid.querySelectorAll("tr:not([role]), td:not([role]), th:not([role])").length,
      })),
    );
    seen += grids.length;
    for (const grid of grids) if (!grid.name || grid.role !== "grid" || grid.stops !== 1 || grid.other + grid.bare > 0) wrong.push(`${name}: ${JSON.stringify(grid)}`);
    void act;
  }
  assert.deepEqual(wrong, []);
  assert.ok(seen >= 8, `${seen} tables were seen`);
});
