// Every page of the dashboard with data on it, in both themes and on a phone: nothing breaks,
// nothing hangs over the edge. With LENTIL_SCREENSHOTS it leaves the pictures of docs/dashboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, newPage, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

async function fill(server) {
  await server.call("mutation", "users:seed", { count: 120 });
  for (let i = 0; i < 40; i++) {
    await server.call("mutation", "messages:send", { channel: i % 3 ? "general" : "random", body: `Message number ${i}` });
  }
  await server.call("action", "messages:sendTwice", { channel: "general" });
  await server.call("mutation", "messages:later", { count: 6, inMs: 3_600_000 });
  await server.call("mutation", "logs:many", { lines: 12, text: "a line from a function" });
  for (let i = 0; i < 5; i++) await server.call("query", "messages:list", { channel: "general" });
  await server.post("/api/mutation", { path: "messages:fail", args: { text: "no such channel" }, format: "json" });
  const headers = { authorization: `Convex ${server.key}` };
  const changes = [
    { name: "API_KEY", value: "sk-123" },
    { name: "GREETING", value: "hello" },
  ];
  await server.post("/api/update_environment_variables", { changes }, headers);
  const url = (await server.post("/api/mutation", { path: "_system/frontend/fileStorageV2:generateUploadUrl", args: {}, format: "json" }, headers)).json.value;
  if (url) await fetch(url, { method: "POST", headers: { "content-type": "image/png" }, body: Buffer.from(PNG, "base64") });
}

async function runAndWait(page) {
  await page.click("[data-testid=run-function]");
  await page.waitForSelector("[data-testid=runner-result]");
}

const PAGES = {
  overview: { route: "/", ready: "[data-testid=overview] .facts" },
  data: { route: "/data?table=users", ready: "[data-testid=grid-row]" },
  document: { route: "/data?table=users", ready: "[data-testid=grid-row]", act: (page) => page.locator("[data-field=_id]").nth(2).dblclick() },
  schema: { route: "/schema", ready: ".table-node" },
  functions: { route: "/functions?f=messages:list", ready: "[data-testid=run-function]" },
  runner: { route: "/functions?f=messages:list&run=messages:list&args=%7B%20channel%3A%20%22general%22%20%7D", ready: "[data-testid=run-function]", act: runAndWait },
  logs: { route: "/logs", ready: "[data-testid=log-row]" },
  request: { route: "/logs?q=fn:sendTwice", ready: "[data-testid=log-row]", act: (page) => page.locator("[data-testid=log-row]").last().dblclick() },
  files: { route: "/files", ready: "[data-testid=file-row]" },
  scheduled: { route: "/schedules/functions", ready: "[data-testid=scheduled-row]" },
  crons: { route: "/schedules/crons", ready: "[data-testid=cron-row]" },
  history: { route: "/history", ready: "[data-testid=history-row]" },
  "kept-logs": { route: "/logs?view=kept", ready: "[data-testid=log-row]" },
  usage: { route: "/usage", ready: "[data-testid=usage-row]" },
  backups: { route: "/backups", ready: "[data-testid=backup-row]", before: backUp },
  settings: { route: "/settings", ready: "main h2" },
  environment: { route: "/settings/environment-variables", ready: "[data-testid=env-API_KEY]" },
};

async function backUp(server) {
  const headers = { authorization: `Convex ${server.key}` };
  await server.post("/api/backups", {}, headers);
  const there = async () => (await (await fetch(`${server.url}/api/backups`, { headers })).json()).backups.length > 0;
  await until(there, { what: "a backup", limitMs: 60_000 });
}

async function visit(page, server, name, { route, ready, act, before }) {
  if (before) await before(server);
  await page.goto(server.console + route);
  await page.waitForSelector(ready);
  if (act) await act(page);
  await page.waitForLoadState("networkidle", { timeout: 1500 }).catch(() => undefined);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${name} is ${over} px wider than the window`);
  await picture(page, name);
}

for (const [look, options] of [
  ["light", {}],
  ["dark", {}],
  ["phone", { viewport: { width: 390, height: 780 } }],
]) {
  test(`s02 every page with data, ${look}`, async (t) => {
    const [server, browser] = [await sampleServer(t), await startBrowser(t)];
    await fill(server);
    const page = await newPage(browser, { ...options, colorScheme: look === "dark" ? "dark" : "light" });
    await page.goto(`${server.console}/`);
    await page.waitForSelector("[data-testid=login]");
    await picture(page, `${look}-login`);
    await logIn(page, server.key);
    await page.waitForSelector("[data-testid=overview]");
    for (const [name, one] of Object.entries(PAGES)) await visit(page, server, `${look}-${name}`, one);
    assert.deepEqual(page.problems, []);
  });
}

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
