// The live pages with a key that may see how the deployment does, and not what is in it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient } from "convex/browser";

import { logIn, newPage, openLive, pictures, sampleServer, startBrowser } from "./dashboard.mjs";
import { lentil, run, until } from "./harness.mjs";

const SECRET = "channel of the board";
const reaction = '[data-testid=reactivity-row][data-query="messages:list"][data-changed="true"]';

/** Somebody who watches the messages of a channel whose name others are not to know. */
async function watched(t, server) {
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  let answers = 0;
  client.onUpdate("messages:list", { channel: SECRET }, () => answers++);
  await until(() => answers > 0, { what: "the first answer" });
}

async function openLimited(browser, server, view) {
  const key = (await run(lentil, ["keys", "--read-only", "--data", server.data])).stdout.trim();
  const page = await newPage(browser);
  // What the page is sent, whatever it makes of it.
  page.bodies = [];
  page.on("response", (response) => {
    if (response.url().includes("/introspection/v1/snapshot")) response.text().then((text) => page.bodies.push(text), () => undefined);
  });
  await page.goto(`${server.console}/live/${view}`);
  await logIn(page, key);
  await page.waitForSelector("[data-testid=live][data-open=true]");
  return page;
}

test("s26 a limited key sees which queries run again and why, and neither arguments nor ids", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await watched(t, server);
  const page = await openLimited(browser, server, "reactivity");
  assert.match(await page.textContent("[data-testid=data-hidden]"), /need the right data:view/);
  await page.click("[data-testid=reactivity-list]");
  const id = await server.call("mutation", "messages:send", { channel: SECRET, body: "hello" });
  await page.waitForSelector(reaction, { timeout: 10_000 });
  assert.match(await page.textContent(reaction), /messages · by_channel\s+needs data:view/);
  await page.locator(reaction).locator("[data-testid=choose-query]").click();
  const why = page.locator("[data-testid=why-row]");
  await why.waitFor();
  assert.match(await why.textContent(), /messages:send[^]*needs data:view/);
  assert.equal(await page.locator("[data-testid=why-row] [data-testid=needs-right]").count(), 1);
  await pictures(page, "rights-reactivity");

  await page.click("[data-testid=live-subscriptions]");
  await page.waitForSelector('[data-testid=sub-query][data-label="messages:list"]');
  const row = page.locator("table[aria-label=Subscriptions] tbody tr", { hasText: "messages:list" });
  assert.match(await row.textContent(), /needs data:view/);
  await pictures(page, "rights-subscriptions");
  const shown = await page.textContent("main");
  for (const secret of [SECRET, id]) {
    assert.ok(!shown.includes(secret), `${secret} is on the page`);
    assert.ok(page.bodies.length > 0 && !page.bodies.join("").includes(secret), `${secret} was sent`);
  }
  await page.click("[data-testid=live-tables]");
  await page.waitForSelector("[data-testid=tree-map]");
  assert.equal(await page.locator("[data-testid=data-hidden]").count(), 0, "nothing is left out there");
  assert.deepEqual(page.problems, []);
});

test("s26 a key with every right sees them, and no page says otherwise", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  await watched(t, server);
  const page = await openLive(browser, server, "reactivity");
  await page.click("[data-testid=reactivity-list]");
  await server.call("mutation", "messages:send", { channel: SECRET, body: "hello" });
  await page.waitForSelector(reaction, { timeout: 10_000 });
  assert.match(await page.textContent(reaction), new RegExp(SECRET));
  assert.equal(await page.locator("[data-testid=needs-right], [data-testid=data-hidden]").count(), 0);
});
