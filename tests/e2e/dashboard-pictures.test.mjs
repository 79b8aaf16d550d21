// Every page of the dashboard with data on it, in both themes and on a phone: nothing breaks,
// nothing hangs over the edge. With LENTIL_DOCS_PICTURES=docs/screenshots it makes those of
// docs/dashboard.md anew, with LENTIL_SCREENSHOTS=folder it leaves one of every page.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { logIn, newPage, openConsole, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { PAGES, fill } from "./dashboard-pages.mjs";
import { until } from "./harness.mjs";

/** The pictures of docs/dashboard.md, when somebody makes them anew. */
async function documented(page, look, { docs, phone }) {
  const folder = process.env.LENTIL_DOCS_PICTURES;
  if (!folder || !docs || (look === "phone" && !phone)) return;
  const name = `dashboard-${docs}${look === "light" ? "" : `-${look}`}.png`;
  await page.screenshot({ path: path.join(folder, name) });
}

async function visit(page, server, look, name, one) {
  const { route, ready, act, before } = one;
  if (before) await before(server);
  await page.goto(server.console + route);
  await page.waitForSelector(ready);
  if (act) await act(page, server);
  await page.waitForLoadState("networkidle", { timeout: 1500 }).catch(() => undefined);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${name} is ${over} px wider than the window`);
  await picture(page, `${look}-${name}`);
  await documented(page, look, one);
}

for (const [look, options] of [
  ["light", {}],
  ["dark", {}],
  ["phone", { viewport: { width: 390, height: 780 } }],
]) {
  test(`s02 every page with data, ${look}`, async (t) => {
    const [server, browser] = [await sampleServer(t), await startBrowser(t)];
    await fill(t, server);
    const page = await newPage(browser, { ...options, colorScheme: look === "dark" ? "dark" : "light" });
    await page.goto(`${server.console}/`);
    await page.waitForSelector("[data-testid=login]");
    await picture(page, `${look}-login`);
    await logIn(page, server.key);
    await page.waitForSelector("[data-testid=overview]");
    for (const [name, one] of Object.entries(PAGES)) await visit(page, server, look, name, one);
    assert.deepEqual(page.problems, []);
  });
}

/** Whether all of it can be seen, from left to right. */
const inSight = (one) =>
  one.evaluate((element) => {
    const [own, row] = [element.getBoundingClientRect(), element.parentElement.getBoundingClientRect()];
    // A pixel is what rounding may take.
    return own.left >= row.left - 1 && own.right <= row.right + 1 && own.right <= window.innerWidth;
  });

test("on a phone the tab that is shown is in sight, and names are read along a line", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await fill(t, server);
  const page = await openConsole(browser, server, "/settings/pause", { viewport: { width: 390, height: 780 }, colorScheme: "dark" });
  const current = page.locator(".tabs").locator("[aria-current=page], [aria-selected=true]");
  for (const [route, name] of [
    ["/settings/pause", "Pause"],
    ["/live/tables", "Tables & indexes"],
    ["/functions?f=messages:list&tab=Code", "Code"],
  ]) {
    await page.goto(server.console + route);
    await current.filter({ hasText: name }).waitFor();
    await until(() => inSight(current), { what: `the tab ${name}` });
  }
  await page.goto(`${server.console}/files`);
  const { height, width } = await page.locator("[data-testid=file-row] .file-name > span").boundingBox();
  assert.ok(width > 2 * height, `a name of ${width} x ${height} px`);
  await page.goto(`${server.console}/history`);
  const push = page.locator("[data-testid=history-row][data-action^=push_config]").last();
  await push.locator("summary").click();
  const [list, diff] = [await page.locator(".history").boundingBox(), await push.locator(".push-diff").boundingBox()];
  assert.ok(diff.x + diff.width <= list.x + list.width, "what a push changed stays inside");
  assert.deepEqual(page.problems, []);
});

test("s02 an empty server shows the way to an app", async (t) => {
  const [server, browser] = [await sampleServer(t, { app: null }), await startBrowser(t)];
  const page = await newPage(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(`${server.console}/`);
  await logIn(page, server.key);
  await page.click("[data-testid=copy-env]");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `CONVEX_SELF_HOSTED_URL=${server.url}\nCONVEX_SELF_HOSTED_ADMIN_KEY='${server.key}'\n`);
  assert.ok(!(await page.content()).includes(server.key), "the key is only shown when asked for");
  await picture(page, "empty-overview");
  for (const route of ["/data", "/functions", "/logs", "/files", "/history", "/schema"]) {
    await page.goto(server.console + route);
    await page.waitForSelector("main h1");
    await picture(page, `empty${route.replace("/", "-")}`);
  }
  assert.deepEqual(page.problems, []);
});
