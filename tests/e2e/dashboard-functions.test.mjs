// The dashboard's functions, runner, logs and schema (dashboard C7).

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, newPage, openConsole, pictures, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const run = (fn, args) => `/functions?f=${encodeURIComponent(fn)}&run=${encodeURIComponent(fn)}&args=${encodeURIComponent(args)}`;
const result = (page) => page.locator("[data-testid=runner-result]").textContent();

async function openRunner(page, server, fn, args) {
  await page.goto(server.console + run(fn, args));
  await page.click("[data-testid=run-function]");
  await page.waitForSelector("[data-testid=runner]");
}

test("s15 the schema has an edge for every reference, and a moved table stays", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/schema");
  await page.waitForSelector(".react-flow__edge");
  const edges = await page.locator("[data-testid=schema-edges] li").allTextContents();
  assert.deepEqual(edges.sort(), ["messages.author refers to users", "users.manager refers to users"]);
  assert.equal(await page.locator(".react-flow__edge").count(), 2);
  const node = page.locator(".react-flow__node[data-id=counters]");
  const box = await node.boundingBox();
  await page.mouse.move(box.x + 30, box.y + 12);
  await page.mouse.down();
  await page.mouse.move(box.x + 110, box.y + 60, { steps: 6 });
  await page.mouse.up();
  const placed = () => node.evaluate((element) => element.style.transform);
  const moved = await placed();
  await page.reload();
  await node.waitFor();
  await until(async () => (await placed()) === moved, { what: "the same place" });
});

/** Notes every share that a page shows of an index that is being filled. */
async function noteShares(page) {
  await page.evaluate(() => {
    window.shares = [];
    const look = () => {
      const text = document.querySelector("[data-testid=index-filling]")?.textContent ?? "";
      const share = /backfilling (\d+)%/.exec(text)?.[1];
      if (share !== undefined && window.shares.at(-1) !== Number(share)) window.shares.push(Number(share));
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  return () => page.evaluate(() => window.shares);
}

test("s16 an index that is filled shows how far it is, and then that it is ready", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const rows = Array.from({ length: 20_000 }, (_, n) => JSON.stringify({ name: `counter ${n}`, value: n }));
  server.project.write({ "rows.jsonl": rows.join("\n") });
  const imported = await server.project.convex(server, ["import", "--table", "counters", "--replace", "-y", "rows.jsonl"]);
  assert.equal(imported.code, 0, imported.stderr);
  const [schema, data, live] = [
    await openConsole(browser, server, "/schema"),
    await openConsole(browser, server, "/data?table=counters"),
    await openConsole(browser, server, "/live/tables?table=counters"),
  ];
  await schema.locator(".react-flow__node[data-id=counters]").click();
  await until(async () => /ready/.test(await schema.textContent("[data-testid=index-by_name]")), { what: "ready" });
  await data.waitForSelector("[data-testid=grid-row]");
  await live.waitForSelector("[data-testid=index-bar-by_name]");
  const seen = await Promise.all([schema, data, live].map(noteShares));

  const text = sampleApp["convex/schema.ts"].replace('.index("by_name", ["name"])', '.index("by_name", ["name"]).index("by_value", ["value"])');
  server.project.write({ "convex/schema.ts": text });
  const pushing = server.project.convex(server, ["deploy", "-y", "--typecheck", "disable"]);
  await until(async () => (await schema.locator("[data-testid=index-by_value] [data-testid=index-filling]").count()) > 0, { what: "the badge" });
  if (process.env.LENTIL_SCREENSHOTS) {
    await until(async () => (await seen[0]()).length > 1, { what: "a step" });
    await Promise.all([pictures(schema, "filling-schema"), pictures(data, "filling-data"), pictures(live, "filling-live")]);
  }
  const { code, stdout, stderr } = await pushing;
  assert.equal(code, 0, stdout + stderr);
  await until(async () => /by_value.*ready/.test(await schema.textContent("[data-testid=index-by_value]")), { what: "ready" });
  await until(async () => (await live.locator("[data-testid=index-bar-by_value]").count()) === 1 && (await live.locator("[data-testid=index-filling]").count()) === 0, { what: "no badge" });
  assert.equal(await data.locator("[data-testid=index-filling]").count(), 0);
  assert.equal(await data.locator("[data-testid=index-picker] option[value=by_value]").isEnabled(), true);
  for (const [at, shares] of (await Promise.all(seen.map((of) => of()))).entries()) {
    t.diagnostic(`page ${at}: ${shares.join(" ")}`);
    assert.ok(shares.length >= 2, `page ${at} shows ${shares}`);
    assert.deepEqual(shares, [...shares].sort((a, b) => a - b), "it grows");
  }
});

test("s17 queries stay live, mutations run once a click, and users can be impersonated", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server);
  await openRunner(page, server, "counters:read", '{ name: "a" }');
  await until(async () => (await result(page)) === "0", { what: "the first result" });
  await server.call("mutation", "counters:bump", { name: "a" });
  await until(async () => (await result(page)) === "1", { what: "the live result" });

  await openRunner(page, server, "counters:bump", '{ name: "a" }');
  await page.click("[data-testid=runner-run]");
  await until(async () => (await result(page)) === "2", { what: "one more" });
  assert.equal(await server.call("query", "counters:read", { name: "a" }), 2);

  await openRunner(page, server, "users:whoami", "{ }");
  await page.click("[data-testid=act-as]");
  await page.fill("[data-testid=act-as-subject]", "ada");
  await page.fill("[data-testid=act-as-issuer]", "https://issuer.example");
  await page.click("[data-testid=act-as-apply]");
  await until(async () => /"ada"/.test(await result(page)) && /https:\/\/issuer\.example/.test(await result(page)), { what: "the identity" });

  await openRunner(page, server, "messages:fail", '{ text: "told so" }');
  await page.click("[data-testid=runner-run]");
  await page.waitForSelector("[data-testid=runner-error]");
  assert.match(await page.textContent("[data-testid=runner-error]"), /told so[^]*messages\.ts/);
  assert.match(await page.textContent("[data-testid=runner-logs]"), /about to fail/);
});

test("s18 a query typed here runs, and cannot write", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 5 });
  const page = await openConsole(browser, server);
  await page.click("[data-testid=runner-button]");
  await page.selectOption("[data-testid=runner-function]", { label: "Custom query…" });
  await page.fill("[data-testid=custom-query]", 'return (await ctx.db.query("users").collect()).map((u) => u.age).sort((a, b) => b - a).join();');
  await page.click("[data-testid=custom-run]");
  await until(async () => (await result(page)) === '"24,23,22,21,20"', { what: "the sorted list" });
  await page.fill("[data-testid=custom-query]", 'await ctx.db.insert("counters", { name: "x", value: 1 });');
  await page.click("[data-testid=custom-run]");
  await page.waitForSelector("[data-testid=runner-error]");
});

test("s18 explaining tells table, index, documents and bytes", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 40 });
  const page = await openConsole(browser, server);
  await page.click("[data-testid=runner-button]");
  await page.selectOption("[data-testid=runner-function]", { label: "Custom query…" });
  await page.fill("[data-testid=custom-query]", 'return (await ctx.db.query("users").withIndex("by_age", (q) => q.gt("age", 54)).collect()).length;');
  await page.click("[data-testid=custom-explain]");
  const explanation = page.locator("[data-testid=explanation]");
  await explanation.waitFor();
  const used = await explanation.locator("tbody tr", { hasText: "by_age" }).locator("td").allTextContents();
  assert.deepEqual(used.slice(0, 3), ["users", "by_age", "1"]);
  assert.match(used[3], /^5 of 40$/);
  assert.match(used[4], /^[\d.]+ (B|kB)$/);
  assert.match(await explanation.textContent(), /Read 5 documents[^]*Depends on[^]*users by_age/);
  await page.fill("[data-testid=custom-query]", 'return (await ctx.db.query("users").collect()).length;');
  await page.click("[data-testid=custom-explain]");
  await until(async () => /full scan/.test(await explanation.textContent()), { what: "the warning" });
});

const lines = (page) => page.locator("[data-testid=log-row]");

test("s20 5,000 lines a second leave the page responsive; filters, jumps and copies work", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/logs", { permissions: ["clipboard-read", "clipboard-write"] });
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    }).observe({ type: "longtask" });
  });
  const started = Date.now();
  for (let sent = 0; sent < 10_000; sent += 250) await server.call("mutation", "logs:many", { lines: 250, text: "busy" });
  t.diagnostic(`10,000 lines in ${Date.now() - started} ms`);
  await until(async () => /\d,\d{3} lines/.test(await page.textContent("[data-testid=log-count]")), { what: "thousands of lines" });
  const longest = await page.evaluate(() => window.longest);
  t.diagnostic(`longest task ${longest} ms`);
  assert.ok(longest < 200, `a task took ${longest} ms`);
  await page.waitForSelector("[data-testid=gap]");

  await page.fill("[data-testid=log-query]", "level:error");
  await until(async () => (await lines(page).evaluateAll((all) => all.length > 0 && all.every((row) => row.dataset.level === "error"))), { what: "errors only" });
  await page.fill("[data-testid=log-query]", "fn:logs:many");
  await page.locator("[data-testid=log-query]").blur();
  await page.keyboard.press("e");
  await page.waitForSelector("[data-testid=log-row].active[data-level=error]");
  await page.keyboard.press("c");
  const copied = await until(() => page.evaluate(() => navigator.clipboard.readText()), { what: "the copy" });
  assert.match(copied, /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] \[ERROR\] logs:many: .*busy.* \d+$/);
});

test("s21 a request is shown with all that it called", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("action", "messages:sendTwice", { channel: "c" });
  const page = await openConsole(browser, server, "/logs?q=fn:sendTwice");
  await lines(page).last().dblclick();
  const nodes = page.locator("[data-testid=request-node]");
  await until(async () => (await nodes.count()) === 3, { what: "three calls" });
  const calls = await nodes.evaluateAll((all) => all.map(({ dataset }) => ({ ...dataset, ms: Number(dataset.ms) })));
  const [action, ...mutations] = calls;
  assert.equal(action.parent, "");
  for (const mutation of mutations) assert.equal(mutation.parent, action.execution);
  assert.ok(mutations.reduce((sum, { ms }) => sum + ms, 0) <= action.ms);
  for (const [at, { ms }] of calls.entries()) {
    const phases = await nodes.nth(at).locator("[data-testid^=phase-]").evaluateAll((all) => all.map((one) => [one.dataset.testid, Number(one.dataset.ms)]));
    assert.deepEqual(phases.map(([name]) => name), ["phase-wait", "phase-run", "phase-commit"]);
    assert.ok(Math.abs(phases.reduce((sum, [, part]) => sum + part, 0) - ms) < 1e-6, JSON.stringify(phases));
    assert.equal(phases[2][1] > 0, at > 0, "mutations are committed, the action is not");
  }
});

test("what a function touches and who calls it is told, and how busy it is", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "messages:send", { channel: "c", body: "first" });
  const page = await openConsole(browser, server, "/functions?f=messages%3Asend&tab=Profile");
  await page.waitForSelector("text=Waiting for a call");
  await until(
    async () => {
      await server.call("action", "messages:sendTwice", { channel: "c" });
      return (await page.locator("[data-testid=caller]").count()) > 0;
    },
    { what: "a call" },
  );
  await page.waitForSelector('[data-testid=profile-read][data-name="users.by_creation_time"]');
  const written = page.locator('[data-testid=profile-write][data-name="messages"] td');
  assert.deepEqual((await written.allTextContents()).slice(1), ["1", "0", "0"]);
  await page.waitForSelector('[data-testid=caller][data-name="messages:sendTwice"]');
  const busy = page.locator("[data-testid=function-item]", { hasText: "send" }).locator("[data-testid=function-heat]").first();
  await until(async () => Number(await busy.getAttribute("data-calls")) >= 3, { what: "calls of the last minute" });
  await page.goto(`${server.console}/functions?f=messages%3AsendTwice&tab=Profile`);
  await until(
    async () => {
      await server.call("action", "messages:sendTwice", { channel: "c" });
      return (await page.locator('[data-testid=callee][data-name="messages:send"]').count()) > 0;
    },
    { what: "what it calls" },
  );
});

test("s40 the palette, data and logs are reached with the keyboard alone", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 3 });
  const page = await newPage(browser, { reducedMotion: "reduce" });
  await page.goto(`${server.console}/`);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=overview]");
  await page.keyboard.press("Control+k");
  await page.waitForSelector("[data-testid=palette]");
  await page.keyboard.type("users");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-testid=grid-row]");
  assert.match(page.url(), /table=users/);
  for (let i = 0; i < 60 && (await page.evaluate(() => document.activeElement.getAttribute("role"))) !== "grid"; i++) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "grid");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-testid=cell-editor]");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Renamed");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-testid=grid-row] >> text=Renamed");
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, textarea, a[href]")]
      .filter((element) => element.offsetParent !== null)
      .filter((element) => {
        const name = element.getAttribute("aria-label") || element.textContent.trim() || element.title || element.placeholder || element.labels?.[0]?.textContent;
        return !name;
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(unnamed, []);
  // Nothing travels for who wants no motion; the numbers are there.
  const { ConvexClient } = await import("convex/browser");
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  await new Promise((resolve) => client.onUpdate("counters:read", { name: "a" }, resolve));
  await page.goto(`${server.console}/live/reactivity`);
  await page.evaluate(() => {
    window.drawn = 0;
    const arc = CanvasRenderingContext2D.prototype.arc;
    CanvasRenderingContext2D.prototype.arc = function (...args) {
      window.drawn++;
      return arc.apply(this, args);
    };
  });
  const bump = () => server.call("mutation", "counters:bump", { name: "a" });
  await until(async () => (await bump(), (await page.locator("[data-testid=reactivity-row][data-changed=true]").count()) >= 3), { what: "rows" });
  assert.equal(await page.evaluate(() => window.drawn), 0);
  assert.match(await page.locator(".lane-node.lane-2").first().textContent(), /counters:read/);
});
