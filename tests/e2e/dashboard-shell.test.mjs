// The dashboard's shell: login, connection, what it loads (dashboard C7).

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { logIn, newPage, openConsole, sampleServer, startBrowser } from "./dashboard.mjs";
import { lentil, run, until } from "./harness.mjs";

const PAGES = ["/", "/data", "/schema", "/functions", "/logs", "/files", "/schedules/functions", "/schedules/crons", "/history", "/usage", "/backups", "/settings", "/settings/environment-variables", "/settings/authentication", "/settings/pause"];

test("s01 a wrong key is refused, the right one opens the overview, and no key is kept", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await newPage(browser);
  await page.goto(`${server.console}/`);
  await logIn(page, "wrong|0123");
  await page.waitForSelector("[data-testid=login-error]:not(:empty)");
  assert.match(await page.textContent("[data-testid=login-error]"), /does not accept that key/);
  assert.ok(await page.isVisible("[data-testid=login]"));
  const started = Date.now();
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=overview] h1");
  assert.ok(Date.now() - started < 2000, `the overview took ${Date.now() - started} ms`);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie);
  const secret = server.key.split("|")[1];
  assert.ok(!kept.includes(secret), "the key is in localStorage or a cookie");
  assert.deepEqual(page.requests.filter((url) => url.includes(secret)), []);
  assert.ok(!page.url().includes(secret));
});

test("s02 every page loads with nothing but the server, and nothing fails", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server);
  const failed = [];
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    // Long polls are given up when a page is left.
    if (reason !== "net::ERR_ABORTED") failed.push(`${request.url()} ${reason}`);
  });
  page.on("response", (response) => response.status() >= 400 && failed.push(`${response.url()} ${response.status()}`));
  for (const route of PAGES) {
    await page.goto(server.console + route);
    await page.waitForSelector("main h1");
    await page.waitForSelector("[data-testid=conn-state][data-state=connected]");
    assert.equal(await page.locator("main h1").count(), 1, `${route} has one h1`);
  }
  const first = await newPage(browser);
  await first.goto(`${server.console}/`);
  await logIn(first, server.key);
  await first.waitForSelector("[data-testid=overview] .card");
  const assets = first.requests.filter((url) => url.includes("/assets/"));
  const sizes = await Promise.all(assets.map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  t.diagnostic(`first load: ${bytes} bytes compressed`);
  assert.ok(assets.length > 3 && bytes < 500_000, `${bytes} bytes`);
  const outside = page.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith(server.url.replace("http", "ws")) && !/^(blob|data):/.test(url));
  assert.deepEqual(outside, []);
  assert.deepEqual(failed, []);
  assert.deepEqual(page.problems, []);
});

test("s03 a server that dies shows, and its return needs no reload", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/data");
  await page.evaluate(() => (window.mark = "not reloaded"));
  await server.kill();
  await page.waitForSelector("[data-testid=conn-state][data-state=down]", { timeout: 6000 });
  await page.waitForSelector("[data-testid=disconnected]");
  await server.restart();
  await page.waitForSelector("[data-testid=conn-state][data-state=connected]", { timeout: 30_000 });
  await page.waitForSelector("[data-testid=disconnected]", { state: "detached" });
  assert.equal(await page.evaluate(() => window.mark), "not reloaded");
});

test("a clock that is wrong is told of", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await newPage(browser);
  await page.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() + 120_000;
  });
  await page.goto(`${server.console}/`);
  await logIn(page, server.key);
  const notice = page.locator("[data-testid=clock-skew]");
  await notice.waitFor();
  assert.match(await notice.textContent(), /clock is (119|12\d) s ahead of the server's/);
});

/** A page that embeds the dashboard and hands it a key. */
async function hostPage(t) {
  const state = {};
  const host = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<iframe width=1000 height=700 src="${state.src}"></iframe><script>
      addEventListener("message", (event) => {
        if (event.data?.type !== "dashboard-credentials-request") return;
        event.source.postMessage(${JSON.stringify(state.credentials)}, "*");
      });
    </script>`);
  });
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
  t.after(() => host.close());
  state.origin = `http://127.0.0.1:${host.address().port}`;
  return state;
}

test("s04 an allowed parent hands over the key and two pages; others are not listened to", async (t) => {
  const host = await hostPage(t);
  const server = await sampleServer(t, { args: ["--dashboard-parents", host.origin] });
  host.src = `${server.console}/data`;
  host.credentials = {
    type: "dashboard-credentials",
    adminKey: server.key,
    deploymentUrl: server.url,
    deploymentName: "embedded",
    visiblePages: ["data", "logs"],
  };
  const browser = await startBrowser(t);
  const page = await newPage(browser);
  await page.goto(host.origin);
  const frame = page.frameLocator("iframe");
  await frame.locator("[data-testid=nav-data]").waitFor();
  assert.deepEqual(await frame.locator("nav.rail a").evaluateAll((links) => links.map((link) => link.dataset.testid)), ["nav-data", "nav-logs"]);

  const stranger = await newPage(browser);
  await stranger.goto(host.origin.replace("127.0.0.1", "localhost"));
  const refused = await until(async () => {
    const inner = stranger.frames()[1];
    return inner && (inner.url().startsWith("chrome-error") || (await inner.locator("[data-testid=login]").count()) > 0);
  }, { what: "a refusal" });
  assert.ok(refused);
});

test("s26 a key that may only look finds its edit controls disabled, and the server refuses too", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 1 });
  const readOnly = (await run(lentil, ["keys", "--read-only", "--data", server.data])).stdout.trim();
  const page = await newPage(browser);
  await page.goto(`${server.console}/data?table=users`);
  await logIn(page, readOnly);
  const add = page.locator("[data-testid=add-documents]");
  await add.waitFor();
  assert.ok(await add.isDisabled());
  assert.match(await add.getAttribute("title"), /WriteData/);
  assert.ok(await page.locator("[data-testid=new-table]").isDisabled());
  await page.locator("[data-testid=grid-row] [data-field=age]").first().dblclick();
  assert.equal(await page.locator("[data-testid=cell-editor]").count(), 0, "cells stay closed");
  const [user] = await server.call("query", "users:older", { than: 0 });
  const calls = {
    "addDocument:default": { table: "users", documents: [{ name: "x", age: 1 }] },
    "patchDocumentsFields:default": { table: "users", ids: [user._id], fields: { age: 1 } },
    "deleteDocuments:default": { toDelete: [{ id: user._id, tableName: "users" }] },
    "createTable:default": { table: "t" },
  };
  for (const [name, args] of Object.entries(calls)) {
    const body = { path: `_system/frontend/${name}`, args, format: "json" };
    const { status, json } = await server.post("/api/mutation", body, { authorization: `Convex ${readOnly}` });
    assert.ok(status >= 400 || json.status === "error", `${name} was not refused`);
  }
  assert.deepEqual(await server.call("query", "users:older", { than: 0 }), [user]);
});
