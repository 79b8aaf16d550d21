// The example app in a real browser: two people, one change, a server that dies and comes back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { freePort, root, run, Server, temporaryFolder, until } from "./harness.mjs";

const CHANGES = 15;
const example = path.join(root, "examples/realtime");

/** A copy of the example, so that what the CLI and Vite write stays out of the checkout. */
function copyOfExample(t) {
  const folder = temporaryFolder(t, "lentil-realtime");
  const skipped = new Set(["node_modules", "dist", ".lentil", ".env", ".env.local"]);
  fs.cpSync(example, folder, { recursive: true, filter: (source) => !skipped.has(path.basename(source)) });
  fs.symlinkSync(path.join(example, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

async function succeed(folder, env, args) {
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: folder, env, limitMs: 120_000 });
  assert.equal(code, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
}

/** Builds the pages against a server and serves them; gives their address. */
async function servePages(t, folder, server) {
  const vite = path.join(folder, "node_modules/vite/bin/vite.js");
  await succeed(folder, { VITE_CONVEX_SELF_HOSTED_URL: server.url }, [vite, "build"]);
  const port = await freePort();
  const args = [vite, "preview", "--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
  t.after(() => child.kill());
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(url)).ok, { what: "the pages" });
  return url;
}

async function startApp(t) {
  const folder = copyOfExample(t);
  const server = await Server.start(t);
  const cli = path.join(folder, "node_modules/convex/bin/main.js");
  const env = { CI: "1", ...server.environment };
  await succeed(folder, env, [cli, "dev", "--once"]);
  await succeed(folder, env, [cli, "import", "--table", "items", "--replace", "-y", "seed-data.json"]);
  const url = await servePages(t, folder, server);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  t.after(() => browser.close());
  return { server, url, browser, seeds: JSON.parse(fs.readFileSync(path.join(folder, "seed-data.json"), "utf8")) };
}

/** A page in a browser profile of its own, live, with a mark that a reload would wipe. */
async function openPage(browser, url) {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 800 } })).newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  await page.goto(url);
  await isLive(page);
  await page.evaluate(() => (window.mark = "not reloaded"));
  return page;
}

const badge = (page, state) =>
  page.waitForSelector(`[data-testid=connection-badge][data-state=${state}]`, { timeout: 30_000 });
const isLive = (page) => badge(page, "live");
const shownQuantity = (page, name) =>
  page.textContent(`[data-testid=item-row][data-name=${JSON.stringify(name)}] [data-testid=cell-quantity]`);
const plus = (page, name) =>
  page.locator(`[data-testid=picker-row][data-name=${JSON.stringify(name)}] [data-testid=increase]`);

/** Resolves with the time at which an item's cell shows something else than now. */
async function changeOf(page, name) {
  await page.evaluate((wanted) => {
    const rows = [...document.querySelectorAll("[data-testid=item-row]")];
    const cell = rows.find((row) => row.dataset.name === wanted).querySelector("[data-testid=cell-quantity]");
    const before = cell.textContent;
    window.changed = new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (cell.textContent === before) return;
        observer.disconnect();
        resolve(Date.now());
      });
      observer.observe(cell, { childList: true, characterData: true, subtree: true });
    });
  }, name);
  return { seen: () => page.evaluate(() => window.changed) };
}

/** Clicks and gives the time of the click. */
const click = (locator) =>
  locator.evaluate((button) => {
    const now = Date.now();
    button.click();
    return now;
  });

async function screenshot(page, name) {
  const folder = process.env.LENTIL_SCREENSHOTS;
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

test("a change in one browser shows in the other, also after the server was killed", async (t) => {
  const { server, url, browser, seeds } = await startApp(t);
  const [view, update] = await Promise.all([openPage(browser, `${url}/view`), openPage(browser, `${url}/update`)]);
  await view.waitForSelector("[data-testid=item-row]");
  await update.waitForSelector("[data-testid=picker-row]");
  assert.equal(await view.locator("[data-testid=item-row]").count(), seeds.length);
  const item = seeds[0].name;

  const delays = [];
  for (let i = 0; i < CHANGES; i++) {
    const change = await changeOf(view, item);
    const clicked = await click(plus(update, item));
    delays.push((await change.seen()) - clicked);
    await until(async () => Number(await shownQuantity(view, item)) === seeds[0].quantity + i + 1, { what: "the change" });
  }
  delays.sort((a, b) => a - b);
  t.diagnostic(`click to change in the other browser: median ${delays[CHANGES >> 1]} ms, slowest ${delays.at(-1)} ms`);
  await screenshot(view, "realtime-view");
  await screenshot(update, "realtime-update");

  await server.kill();
  await Promise.all([badge(view, "reconnecting"), badge(update, "reconnecting")]);
  await screenshot(update, "realtime-reconnecting");
  // Made while there is no server: sent when there is one again.
  await click(plus(update, item));
  await server.restart();
  const back = Date.now();
  await Promise.all([isLive(view), isLive(update)]);
  const expected = seeds[0].quantity + CHANGES + 1;
  await until(async () => Number(await shownQuantity(view, item)) === expected, { what: "the change made offline" });
  t.diagnostic(`live again ${Date.now() - back} ms after the server`);
  await click(plus(update, item));
  await until(async () => Number(await shownQuantity(view, item)) === expected + 1, { what: "a change after that" });

  for (const page of [view, update]) {
    assert.equal(await page.evaluate(() => window.mark), "not reloaded");
    assert.deepEqual(page.problems, []);
  }
});

test("what is typed into the form arrives, and what the server refuses is explained", async (t) => {
  const { url, browser } = await startApp(t);
  const [view, update] = await Promise.all([openPage(browser, `${url}/view`), openPage(browser, `${url}/update`)]);
  await update.click("[data-testid=new-item]");
  const form = { "field-name": "Rye <b>loaf</b> ü", "field-quantity": "7", "field-price": "3.50", "field-note": "fresh" };
  for (const [id, text] of Object.entries(form)) await update.fill(`[data-testid=${id}]`, text);
  await update.click("[data-testid=save-button]");
  const name = `[data-name=${JSON.stringify(form["field-name"])}]`;
  await view.waitForSelector(`[data-testid=item-row]${name}`);
  assert.equal(await shownQuantity(view, form["field-name"]), "7", "text is shown as text");

  await update.click(`[data-testid=picker-row]${name} [data-testid=edit-item]`);
  await update.fill("[data-testid=field-quantity]", "8");
  await update.click("[data-testid=save-button]");
  await update.waitForSelector("[data-testid=save-status][data-state=saved]");
  await until(async () => (await shownQuantity(view, form["field-name"])) === "8", { what: "the change" });
  await update.fill("[data-testid=field-quantity]", "-5");
  await update.click("[data-testid=save-button]");
  await update.waitForSelector("[data-testid=save-status][data-state=refused], [data-testid=error-quantity]");
  assert.equal(await shownQuantity(view, form["field-name"]), "8");
});
