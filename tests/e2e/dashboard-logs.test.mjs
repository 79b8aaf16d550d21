// The dashboard's kept logs (dashboard C7).

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { openConsole, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { run, until } from "./harness.mjs";

const HOUR_MS = 3_600_000;
const lines = (page) => page.locator("[data-testid=log-row]");
const searched = (page) => page.waitForSelector("[data-testid=log-searched][data-searching=false]");

/** Makes what a server that stands has kept older than it is. */
async function age(server, byMs) {
  const script = `
import json, sqlite3, sys
base = sqlite3.connect(sys.argv[1])
rows = base.execute("SELECT at, body FROM entries ORDER BY at").fetchall()
for at, body in rows:
    entry = json.loads(body)
    entry["timestamp"] -= ${byMs} / 1000
    for line in entry["logLines"]:
        line["timestamp"] -= ${byMs}
    base.execute("UPDATE entries SET at = ?, body = ? WHERE at = ?", (at - ${byMs} * 1000, json.dumps(entry), at))
base.commit()`;
  const { code, stderr } = await run("python3", ["-c", script, path.join(server.data, "logs.sqlite3")]);
  assert.equal(code, 0, stderr);
}

test("s22 a request of an hour ago is found after a restart, by its id and by its words", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("action", "messages:sendTwice", { channel: "the-old-channel" });
  for (let n = 0; n < 30; n++) await server.call("query", "logs:echo", { text: `line ${n}` });
  const failed = await server.post("/api/mutation", { path: "messages:fail", args: { text: "told so" }, format: "json" });
  const [, requestId] = /\[Request ID: (\w+)\]/.exec(failed.json.errorMessage);
  assert.equal(await server.stop(), 0);
  await age(server, HOUR_MS + 60_000);
  await server.restart();

  const page = await openConsole(browser, server, "/logs");
  await page.fill("[data-testid=log-query]", requestId);
  await page.waitForSelector("text=Nothing has been logged yet");
  await page.click("[data-testid=logs-kept]");
  await until(async () => (await lines(page).count()) === 2, { what: "the two lines of the request" });
  assert.match((await lines(page).allTextContents()).join("\n"), /warn.*about to fail[^]*failure.*told so/);
  await page.keyboard.press("Escape");
  await page.selectOption("[data-testid=range]", "1h");
  await page.waitForSelector("text=No kept line matches");
  await page.selectOption("[data-testid=range]", "all");
  await until(async () => (await lines(page).count()) === 2, { what: "the lines again" });

  await page.fill("[data-testid=log-query]", "the-old-channel level:log");
  await until(async () => (await lines(page).count()) === 2 && /sending to/.test((await lines(page).allTextContents()).join()), { what: "what it said" });
  await lines(page).last().dblclick();
  await until(async () => (await page.locator("[data-testid=request-node]").count()) === 3, { what: "the whole request, the action included" });
  await page.keyboard.press("Escape");

  await page.fill("[data-testid=log-query]", "");
  await until(async () => (await lines(page).count()) > 20, { what: "everything" });
  await searched(page);
  await picture(page, "kept-logs");
  await page.reload();
  await until(async () => (await lines(page).count()) > 20, { what: "the same after a reload" });
});

test("s22 a search over many entries goes on where it stands", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("query", "logs:echo", { text: "the first of all" });
  for (let n = 0; n < 6; n++) await server.call("mutation", "logs:many", { lines: 100, text: `batch ${n}` });
  const page = await openConsole(browser, server, "/logs?view=kept");
  await searched(page);
  const shown = async () => Number((await page.textContent("[data-testid=log-count]")).replace(/\D/g, ""));
  const first = await shown();
  assert.ok(first >= 200, `${first} lines`);
  for (let step = 0; step < 10 && (await page.locator("[data-testid=log-older]").count()); step++) {
    await page.click("[data-testid=log-older]");
    await searched(page);
  }
  assert.ok((await shown()) >= 600, `${await shown()} lines`);
  await page.fill("[data-testid=log-query]", "the first of all");
  await until(async () => (await lines(page).count()) === 1, { what: "the oldest" });
});

test("a range that goes on limits the tail, and one that is over is looked up in what is kept", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("query", "logs:echo", { text: "the early one" });
  assert.equal(await server.stop(), 0);
  await age(server, 2 * HOUR_MS);
  await server.restart();
  await server.call("query", "logs:echo", { text: "the late one" });
  const said = (ms) => new Date(ms).toISOString().replace(/:\d\d\..*/, "Z");
  const [from, to] = [Date.now() - 3 * HOUR_MS, Date.now() - HOUR_MS];
  const line = (text) => page.locator("[data-testid=log-row][data-level=log]", { hasText: text });
  const current = async () => await page.locator("nav[aria-label=Logs] [aria-current=page]").getAttribute("data-testid");

  const page = await openConsole(browser, server, `/logs?range=${encodeURIComponent(`${said(from)}..${said(to)}`)}`);
  await line("the early one").waitFor();
  await searched(page);
  assert.equal(await line("the late one").count(), 0);
  assert.equal(await current(), "logs-kept");
  await page.click("[data-testid=logs-live]");
  await page.locator("[data-testid=logs][data-range=all]").waitFor();
  await line("the late one").waitFor();
  assert.deepEqual([await line("the early one").count(), await current()], [0, "logs-live"]);
  await page.locator(".logs-status", { hasText: "Earlier ones are in the kept logs" }).waitFor();

  await page.selectOption("[data-testid=range]", "5m");
  await page.locator("[data-testid=logs][data-range='5m']").waitFor();
  await line("the late one").waitFor();
  // As minutes pass it goes out of sight, although nothing comes.
  await page.clock.setFixedTime(Date.now() + HOUR_MS / 6);
  await page.waitForSelector("text=Nothing was logged in this time");
  await page.selectOption("[data-testid=range]", "1h");
  await line("the late one").waitFor();
  await page.goto(`${server.console}/functions?f=${encodeURIComponent("logs:echo")}&tab=Logs&range=5m`);
  await page.locator("[data-testid=logs][data-range='5m']").waitFor();
  await page.waitForSelector("text=Nothing was logged in this time");
  await page.selectOption("[data-testid=range]", "all");
  await line("the late one").waitFor();
  assert.deepEqual(page.problems, []);
});

test("a server that is to keep no logs says so", async (t) => {
  const [server, browser] = [await sampleServer(t, { args: ["--log-days", "0"] }), await startBrowser(t)];
  const page = await openConsole(browser, server, "/logs?view=kept");
  await page.waitForSelector("text=This server keeps no logs");
  assert.deepEqual(page.problems, []);
});
