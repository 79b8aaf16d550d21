// The range of time in the top bar (dashboard C3 shell, C2 F12).

import assert from "node:assert/strict";
import { test } from "node:test";

import { openConsole, picture, pictures, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

test("the range of time is in the address, goes along from page to page, and is there where it means something", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  for (let n = 0; n < 7; n++) await server.call("query", "logs:echo", { text: `t${n}` });
  await server.call("mutation", "_system/frontend/crons:runNow", { name: "tick the counter" });
  const page = await openConsole(browser, server);
  const picker = page.locator("[data-testid=topbar] [data-testid=range]");
  const options = async () => await picker.locator("option").evaluateAll((all) => all.map(({ value }) => value));
  const range = () => new URL(page.url()).searchParams.get("range");
  await picker.waitFor();
  assert.deepEqual([await picker.inputValue(), range()], ["1h", null], "the usual one is not in the address");
  await picker.selectOption("7d");
  await until(() => range() === "7d", { what: "the range in the address" });
  await page.locator("[data-testid=history-charts]", { hasText: "last 7 days" }).waitFor();
  await pictures(page, "range-overview");

  await page.click("[data-testid=nav-usage]");
  await until(async () => (await picker.inputValue()) === "7d" && range() === "7d", { what: "the same range on another page" });
  assert.deepEqual(await options(), ["7d", "30d", "90d", "400d"]);
  await until(async () => /^\D*7/.test((await page.locator('[data-testid=usage-row][data-name="Query logs:echo"] td').nth(1).textContent({ timeout: 1000 }))), { what: "seven calls" });

  await page.goto(`${server.console}/functions?f=${encodeURIComponent("logs:echo")}`);
  const chart = page.locator("[data-testid=chart-calls]");
  await until(async () => (await picker.inputValue()) === "7d" && range() === "7d", { what: "the range of a page that was opened anew" });
  await page.locator("h2", { hasText: "Calls a day" }).waitFor();
  await until(async () => (await chart.locator("td[data-value]").last().getAttribute("data-value", { timeout: 1000 })) === "7", { what: "seven calls today" });
  await pictures(page, "range-function");
  await picker.selectOption("5m");
  await page.locator("h2", { hasText: "Calls a minute" }).waitFor();
  await chart.waitFor();

  for (const nav of ["data", "live", "files", "schedules", "settings"]) {
    await page.click(`[data-testid=nav-${nav}]`);
    // The page that is left stays until the next one is there.
    await page.waitForFunction((nav) => document.querySelector(`[data-testid=nav-${nav}]`)?.getAttribute("aria-current") === "page", nav);
    await page.locator("#main h1, #main [data-testid=live]").first().waitFor();
    await until(async () => (await picker.count()) === 0, { what: `no dead control on ${nav}` });
  }
  await page.click("[data-testid=nav-history]");
  await until(async () => (await picker.inputValue({ timeout: 1000 })) === "1h" && range() === "1h", { what: "the next longer one" });

  await page.goto(`${server.console}/schedules/crons?range=1h`);
  const runs = page.locator("[data-testid=cron-row]", { hasText: "tick the counter" }).locator("[data-testid=cron-runs]");
  await until(async () => /^\d runs?$/.test(await runs.textContent({ timeout: 1000 })), { what: "runs of the last hour" });
  await page.setViewportSize({ width: 390, height: 844 });
  await picker.waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than a phone`);
  const inside = await picker.evaluate((one) => one.getBoundingClientRect().right <= window.innerWidth);
  assert.ok(inside, "the range can be reached on a phone");
  await picture(page, "range-phone");
});

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** As a field for a date and a time is filled, and as an address says it. */
const field = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const said = (ms) => `${new Date(ms).toISOString().slice(0, 16)}Z`;

test("a range may have ends of its own, given by keys, which history and logs keep to", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("query", "logs:echo", { text: "now" });
  const page = await openConsole(browser, server, "/history");
  const picker = page.locator("[data-testid=topbar] [data-testid=range]");
  const range = () => new URL(page.url()).searchParams.get("range");
  const entries = page.locator("[data-testid=history-row]");
  const nothing = page.locator("text=Nothing of this in this time");
  const focused = () => page.evaluate(() => document.activeElement.dataset.testid);
  await entries.first().waitFor();
  assert.deepEqual([await picker.inputValue(), range()], ["all", null]);
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  await page.clock.setFixedTime(now + 2 * DAY_MS);
  await picker.selectOption("24h");
  await nothing.waitFor();
  assert.equal(range(), "24h");
  await picker.selectOption("7d");
  await entries.first().waitFor();
  await page.selectOption("[data-testid=history-action]", "Files");
  await nothing.waitFor();
  await page.selectOption("[data-testid=history-action]", "Pushes");
  await entries.first().waitFor();
  assert.equal(new URL(page.url()).searchParams.get("what"), "Pushes");

  await picker.focus();
  await page.keyboard.press("End");
  await until(async () => (await focused()) === "range-from", { what: "the first of both ends" });
  await page.keyboard.press("Escape");
  await until(async () => (await focused()) === "range", { what: "the way back" });
  assert.equal(await picker.inputValue(), "7d");
  await page.keyboard.press("End");
  await page.fill("[data-testid=range-from]", field(now + HOUR_MS));
  await page.fill("[data-testid=range-to]", field(now - HOUR_MS));
  await page.keyboard.press("Enter");
  await page.locator("[data-testid=range-ends] [role=alert]", { hasText: "begin before it ends" }).waitFor();
  await pictures(page, "range-ends");
  await page.fill("[data-testid=range-to]", field(now + 2 * HOUR_MS));
  await page.keyboard.press("Enter");
  await nothing.waitFor();
  await until(async () => (await focused()) === "range", { what: "the way back" });
  assert.equal(range(), `${said(now + HOUR_MS)}..${said(now + 2 * HOUR_MS)}`);
  await page.keyboard.press("End");
  await page.fill("[data-testid=range-from]", field(now - HOUR_MS));
  await page.keyboard.press("Enter");
  const own = `${said(now - HOUR_MS)}..${said(now + 2 * HOUR_MS)}`;
  await entries.first().waitFor();
  assert.deepEqual([range(), await picker.inputValue()], [own, own]);
  await pictures(page, "range-own");
  await page.reload();
  await entries.first().waitFor();
  assert.equal(await picker.inputValue(), own);
  assert.equal(await page.inputValue("[data-testid=history-action]"), "Pushes");

  await page.click("[data-testid=nav-logs]");
  await page.locator(`[data-testid=kept-logs][data-range="${own}"] [data-testid=log-row]`, { hasText: "logs:echo" }).first().waitFor();
  assert.deepEqual([range(), await picker.inputValue()], [own, own]);
  await page.click("[data-testid=nav-usage]");
  await until(async () => (await picker.inputValue({ timeout: 1000 })) === "7d" && range() === "7d", { what: "what reaches back as far" });
  assert.deepEqual(page.problems, []);
});
