// A person who opens a fresh install pushes an app, finds a document, edits it, runs a function, and
// sees why a query ran again and which mutation caused it: by what the pages show, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient } from "convex/browser";

import { cell, logIn, newPage, sampleServer, startBrowser } from "./dashboard.mjs";
import { Project, until } from "./harness.mjs";

test("from an empty server to why a query ran again", async (t) => {
  const [server, browser] = [await sampleServer(t, { app: null }), await startBrowser(t)];
  const page = await newPage(browser);
  await page.goto(`${server.console}/`);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=set-up]");
  await page.click("[data-testid=nav-data]");
  await page.click("main >> text=how to push an app");

  // The code is the page's own, and the page sees the push.
  const code = await page.locator("[data-testid=set-up] pre", { hasText: "convex/messages.ts" }).textContent();
  const project = new Project(t, { "convex/messages.ts": code });
  const pushed = await project.convex(server, ["deploy", "-y", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stdout + pushed.stderr);
  await page.waitForSelector("[data-testid=set-up]", { state: "detached" });

  await page.click("[data-testid=nav-functions]");
  await page.locator("[data-testid=function-item]", { hasText: "send" }).click();
  await page.click("[data-testid=run-function]");
  await page.waitForSelector("[data-testid=arg-body]");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "arg-body");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("hello");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("[data-testid=runner-result]");
  await page.keyboard.press("Control+`");

  await page.click("[data-testid=nav-data]");
  await cell(page, 0, "body").dblclick();
  await page.fill("[data-testid=cell-editor]", "hello again");
  await page.keyboard.press("Enter");
  const app = new ConvexClient(server.url);
  t.after(() => app.close());
  const seen = [];
  app.onUpdate("messages:list", {}, (messages) => seen.push(messages.map(({ body }) => body).join()));
  await until(() => seen.at(-1) === "hello again", { what: "the edit" });

  await page.click("[data-testid=nav-live]");
  await page.click("[data-testid=live-reactivity]");
  await page.click("main >> text=run a mutation");
  await page.click("[data-testid=runner-button]");
  await page.selectOption("[data-testid=runner-function]", "messages:send");
  await page.fill("[data-testid=arg-body]", "why?");
  await page.click("[data-testid=nav-live]");
  await page.click("[data-testid=live-reactivity]");
  const query = page.locator(".lane-node.lane-2", { hasText: "messages:list" });
  await until(async () => (await page.click("[data-testid=runner-run]"), (await query.count()) === 1), { what: "the query in the picture", everyMs: 300 });
  await query.click();
  const why = page.locator("[data-testid=why-row]").first();
  await why.waitFor();
  assert.match(await why.textContent(), /messages:send[^]*wrote[^]*messages by_creation_time/);
  assert.deepEqual(page.problems, []);
});
