// The pages of the dashboard, how each is reached with data on it, and that data.

import { ConvexClient } from "convex/browser";

import { until } from "./harness.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** A server with something of everything, and a client of the app that watches it. */
export async function fill(t, server) {
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
  watch(t, server);
  if (url) await fetch(url, { method: "POST", headers: { "content-type": "image/png" }, body: Buffer.from(PNG, "base64") });
}

function watch(t, server) {
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  for (const channel of ["general", "random"]) client.onUpdate("messages:list", { channel }, () => undefined);
  client.onUpdate("counters:read", { name: "hot" }, () => undefined);
}

/** Something for the live pages to show, until they do. */
async function untilShown(page, server, selector) {
  const what = async (n) => {
    await server.call("mutation", "messages:send", { channel: n % 2 ? "general" : "random", body: `Live ${n}` });
    await Promise.all(Array.from({ length: 12 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
  };
  let n = 0;
  await until(async () => (await what(n++), n > 4 && (await page.locator(selector).count()) > 0), { what: selector, limitMs: 30_000 });
}

async function fillForm(page) {
  await page.click("[data-testid=run-function]");
  await page.fill('[data-testid="arg-age"]', "thirty");
  await page.click("[data-testid=arg-pick-id]");
  await page.waitForSelector("[data-testid=id-choice]");
}

/** Where one of several commits is shown, some time after it. */
async function stopAtCommit(page, server) {
  await untilShown(page, server, "[data-testid=reactivity-row][data-changed=true]");
  await page.locator("[data-testid=freeze-commit]").first().evaluate((button) => button.click());
  await page.waitForSelector("[data-testid=frozen-commit]");
}

async function runAndWait(page) {
  await page.click("[data-testid=run-function]");
  await page.waitForSelector("[data-testid=runner-result]");
}

/** `docs` names what docs/dashboard.md shows, in both themes; `phone` what it shows on a phone, too. */
export const PAGES = {
  overview: { docs: "overview", phone: true, route: "/", ready: "[data-testid=overview] .facts" },
  advice: { docs: "advice", phone: true, route: "/", ready: "[data-testid=overview]", act: untilAdvised },
  data: { docs: "data", route: "/data?table=users", ready: "[data-testid=grid-row]" },
  document: { route: "/data?table=users", ready: "[data-testid=grid-row]", act: (page) => page.locator("[data-field=_id]").nth(2).dblclick() },
  schema: { docs: "schema", route: "/schema", ready: ".table-node" },
  functions: { route: "/functions?f=messages:list", ready: "[data-testid=run-function]" },
  profile: { docs: "profile", route: "/functions?f=messages:send&tab=Profile", ready: "main h1", act: (page, server) => untilCalled(page, server, "[data-testid=caller] >> nth=1") },
  runner: { docs: "runner", route: "/functions?f=messages:list&run=messages:list&args=%7B%20channel%3A%20%22general%22%20%7D", ready: "[data-testid=run-function]", act: runAndWait },
  "runner-form": { docs: "runner-form", phone: true, route: "/functions?f=users:touch", ready: "[data-testid=run-function]", act: fillForm },
  logs: { docs: "logs", route: "/logs", ready: "[data-testid=log-row]" },
  request: { docs: "request", route: "/logs?q=fn:sendTwice", ready: "[data-testid=log-row]", act: (page) => page.locator("[data-testid=log-row]").last().dblclick() },
  files: { route: "/files", ready: "[data-testid=file-row]" },
  scheduled: { route: "/schedules/functions", ready: "[data-testid=scheduled-row]" },
  crons: { route: "/schedules/crons", ready: "[data-testid=cron-row]" },
  history: { route: "/history", ready: "[data-testid=history-row]" },
  "kept-logs": { docs: "kept-logs", phone: true, route: "/logs?view=kept", ready: "[data-testid=log-row]" },
  usage: { docs: "usage", phone: true, route: "/usage", ready: "[data-testid=usage-row]" },
  backups: { docs: "backups", phone: true, route: "/backups", ready: "[data-testid=backup-row]", before: backUp },
  restore: { docs: "restore", phone: true, route: "/backups", ready: "[data-testid=backup-row]", act: dryRun },
  "live-pulse": { route: "/live/pulse", ready: "[data-testid=heat-map]", act: (page, server) => untilShown(page, server, "[data-testid=pulse-strip] td") },
  "live-reactivity": { docs: "reactivity", phone: true, route: "/live/reactivity?query=counters:read", ready: "main h1", act: (page, server) => untilShown(page, server, "[data-testid=why-row]") },
  "live-commit": { docs: "commit", phone: true, route: "/live/reactivity", ready: "main h1", act: stopAtCommit },
  "live-subscriptions": { route: "/live/subscriptions", ready: "[data-testid=sub-query]" },
  "live-cache": { route: "/live/cache", ready: "[data-testid=cache-ring]" },
  "live-conflicts": { docs: "conflicts", route: "/live/conflicts", ready: "main h1", act: (page, server) => untilShown(page, server, "[data-testid=conflict-row]") },
  "live-tables": { docs: "tables", route: "/live/tables", ready: "[data-testid=tree-map]" },
  settings: { route: "/settings", ready: "main h2" },
  environment: { route: "/settings/environment-variables", ready: "[data-testid=env-API_KEY]" },
};

/** The variable that the code reads and nobody has set, and the counter that everybody writes. */
async function untilAdvised(page, server) {
  const bumps = () => Promise.all(Array.from({ length: 20 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
  await until(async () => (await bumps(), (await page.locator("[data-testid=advice-A4]").count()) > 0), { what: "advice", limitMs: 60_000 });
  await page.locator("[data-testid=advice-A4]").scrollIntoViewIfNeeded();
}

async function dryRun(page, server) {
  await server.call("mutation", "users:seed", { count: 12, from: 500 });
  await page.locator("[data-testid=backup-restore]").first().click();
  await page.waitForSelector("[data-testid=restore-row]", { timeout: 60_000 });
}

async function untilCalled(page, server, selector) {
  const call = async () => {
    await server.call("action", "messages:sendTwice", { channel: "general" });
    await server.call("mutation", "messages:send", { channel: "random", body: "Called by a client" });
  };
  await until(async () => (await call(), (await page.locator(selector).count()) > 0), { what: selector, everyMs: 200 });
}

async function backUp(server) {
  const headers = { authorization: `Convex ${server.key}` };
  await server.post("/api/backups", {}, headers);
  const there = async () => (await (await fetch(`${server.url}/api/backups`, { headers })).json()).backups.length > 0;
  await until(there, { what: "a backup", limitMs: 60_000 });
}
