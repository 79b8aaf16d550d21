// The example that reaches outside, in a real browser: a file, letters to a provider that is down
// and comes back, a signed webhook, the clock, a report read out line by line, a Node action.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import zlib from "node:zlib";

import { chromium } from "playwright-core";

import { fake } from "./fakes.mjs";
import { freePort, root, run, Server, temporaryFolder, until } from "./harness.mjs";

const example = path.join(root, "examples/outside");
const secret = "whsec_example";

/** A copy of the example, so that what the CLI and Vite write stays out of the checkout. */
function copyOfExample(t) {
  const folder = temporaryFolder(t, "lentil-outside");
  const skipped = new Set(["node_modules", "dist", ".env", ".env.local"]);
  fs.cpSync(example, folder, { recursive: true, filter: (source) => !skipped.has(path.basename(source)) });
  fs.symlinkSync(path.join(example, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

async function succeed(folder, env, args) {
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: folder, env, limitMs: 120_000 });
  assert.equal(code, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
}

async function servePage(t, folder, server) {
  const vite = path.join(folder, "node_modules/vite/bin/vite.js");
  const env = { VITE_CONVEX_SELF_HOSTED_URL: server.url, VITE_CONVEX_SITE_URL: `http://127.0.0.1:${server.sitePort}` };
  await succeed(folder, env, [vite, "build"]);
  const port = await freePort();
  const args = [vite, "preview", "--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
  t.after(() => child.kill());
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(url)).ok, { what: "the page" });
  return url;
}

/** A mail provider that is down as long as it is told to be. */
async function provider(t) {
  const state = { down: false, letters: [] };
  const { url } = await fake(t, {
    "/emails": ({ request, body }) => {
      if (state.down) return { status: 503, json: { error: "down" } };
      if (request.headers.authorization !== "Bearer letters") return { status: 401, json: {} };
      state.letters.push({ ...JSON.parse(body), key: request.headers["idempotency-key"] });
      return { json: { receipt: `letter-${state.letters.length}` } };
    },
  });
  return Object.assign(state, { url });
}

async function startApp(t) {
  const folder = copyOfExample(t);
  const server = await Server.start(t);
  const mail = await provider(t);
  const cli = path.join(folder, "node_modules/convex/bin/main.js");
  const env = { CI: "1", ...server.environment };
  fs.writeFileSync(path.join(folder, "settings.env"), `MAIL_URL=${mail.url}\nMAIL_TOKEN=letters\nWEBHOOK_SECRET=${secret}\n`);
  await succeed(folder, env, [cli, "env", "set", "--from-file", "settings.env"]);
  await succeed(folder, env, [cli, "dev", "--once"]);
  const url = await servePage(t, folder, server);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 900 } })).newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  await page.goto(url);
  return { server, mail, page };
}

/** What the shop sends, signed, unless something else is said. */
async function order(server, order, { key = secret, at = Math.floor(Date.now() / 1_000), altered } = {}) {
  const body = JSON.stringify(order);
  const v1 = crypto.createHmac("sha256", key).update(`${at}.${body}`).digest("hex");
  const response = await fetch(`http://127.0.0.1:${server.sitePort}/webhooks/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-signature": `t=${at},v1=${v1}` },
    body: altered ?? body,
  });
  return [response.status, await response.text()];
}

test("examples/outside, end to end in a browser", async (t) => {
  const { server, mail, page } = await startApp(t);
  const rows = (list) => page.locator(`[data-testid=${list}] li`);

  // A file.
  const bytes = crypto.randomBytes(300_000);
  await page.setInputFiles("[data-testid=file-input]", { name: "plan <b>.bin", mimeType: "application/octet-stream", buffer: bytes });
  const paper = page.locator('[data-testid=files] li[data-name="plan <b>.bin"]');
  await paper.waitFor();
  assert.match(await paper.textContent(), /plan <b>\.bin300\.0 kB/);
  const back = await fetch(await paper.locator("a").getAttribute("href"));
  assert.ok(bytes.equals(Buffer.from(await back.arrayBuffer())));

  // Packed by an action in Node.
  await page.click("[data-testid=archive]");
  const link = page.locator("[data-testid=archive-link]");
  await link.waitFor();
  const packed = Buffer.from(await (await fetch(await link.getAttribute("href"))).arrayBuffer());
  const { name, content } = JSON.parse(zlib.gunzipSync(packed).toString());
  assert.equal(name, "plan <b>.bin");
  assert.ok(bytes.equals(Buffer.from(content, "base64")));

  // Letters: one at once, one to a provider that is down at first.
  const post = async (to, subject, delay = "0") => {
    await page.fill("[name=to]", to);
    await page.fill("[name=subject]", subject);
    await page.selectOption("[name=delay]", delay);
    await page.click("[data-testid=mail-send]");
  };
  const letter = (subject, state) => page.locator(`[data-testid=letters] li[data-subject="${subject}"][data-state=${state}]`);
  await post("ada@example.com", "Hello");
  await letter("Hello", "sent").waitFor();
  mail.down = true;
  await post("grace@example.com", "Patience");
  await until(async () => /tried 1 times/.test(await letter("Patience", "waiting").textContent()), { what: "a first attempt" });
  mail.down = false;
  await letter("Patience", "sent").waitFor();
  await post("later@example.com", "Tomorrow", "3600");
  await letter("Tomorrow", "waiting").waitFor();
  assert.deepEqual(mail.letters.map(({ to, subject }) => [to, subject]), [["ada@example.com", "Hello"], ["grace@example.com", "Patience"]]);
  assert.equal(new Set(mail.letters.map(({ key }) => key)).size, 2);

  // Orders: what is signed, and nothing else; each once.
  const first = { event: "evt_1", customer: "Grace", cents: 1250 };
  assert.deepEqual(await order(server, first), [200, '{"noted":"noted"}']);
  assert.deepEqual(await order(server, first), [200, '{"noted":"known"}']);
  const forged = [{ key: "whsec_other" }, { at: 1 }, { altered: JSON.stringify({ ...first, event: "evt_2" }) }];
  for (const how of forged) assert.equal((await order(server, first, how))[0], 401, JSON.stringify(how));
  assert.equal((await order(server, { event: "evt_3" }))[0], 400);
  await page.locator("[data-testid=orders] li[data-event=evt_1]").waitFor();
  assert.equal(await rows("orders").count(), 1);

  // The clock.
  await page.waitForSelector("[data-testid=rounds][data-state=live]", { timeout: 30_000 });
  await until(async () => /, 1 waiting/.test(await page.textContent("[data-testid=rounds-text]")), { what: "a round", limitMs: 30_000 });

  // The report arrives line by line.
  await page.click("[data-testid=report-start]");
  await until(async () => /papers on file/.test(await page.textContent("[data-testid=report]")), { what: "its first line" });
  assert.equal(await page.getAttribute("[data-testid=report]", "data-state"), "reading");
  await page.waitForSelector("[data-testid=report][data-state=ended]");
  const report = await page.textContent("[data-testid=report]");
  assert.equal(report, "1 papers on file\n  plan <b>.bin, 300000 bytes\n2 of 3 letters sent\n1 orders, 12.50 in all\n");
  if (process.env.LENTIL_SCREENSHOTS) await page.screenshot({ path: path.join(process.env.LENTIL_SCREENSHOTS, "outside.png") });

  // Gone with its file.
  const url = await paper.locator("a").getAttribute("href");
  await paper.locator("button").click();
  await paper.waitFor({ state: "detached" });
  assert.equal((await fetch(url)).status, 404);
  assert.deepEqual(page.problems, []);
});
