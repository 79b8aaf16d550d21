// The runner's form, history, saved calls and links (dashboard F31).

import assert from "node:assert/strict";
import { test } from "node:test";

import { openConsole, picture, sampleApp, sampleServer, startBrowser } from "./dashboard.mjs";
import { until } from "./harness.mjs";

const app = {
  ...sampleApp,
  "convex/forms.ts": `
import { mutation } from "./_generated/server";
import { v } from "convex/values";
export const all = mutation({
  args: {
    text: v.string(),
    count: v.int64(),
    ratio: v.number(),
    on: v.boolean(),
    nothing: v.null(),
    blob: v.bytes(),
    author: v.id("users"),
    state: v.union(v.literal("open"), v.literal("closed")),
    content: v.union(
      v.object({ kind: v.literal("text"), body: v.string() }),
      v.object({ kind: v.literal("image"), width: v.number() }),
    ),
    tags: v.array(v.string()),
    place: v.object({ city: v.string(), zip: v.optional(v.string()) }),
    scores: v.record(v.string(), v.number()),
    rest: v.any(),
    note: v.optional(v.string()),
  },
  handler: async (_, args) => args,
});
`,
};

const at = (page, path) => page.locator(`[data-testid="arg-${path}"]`);
const wrong = (page, path) => page.locator(`[data-testid="arg-error-${path}"]`);
const enabled = (page) => page.locator("[data-testid=runner-run]").isEnabled();

async function openFunction(page, name) {
  await page.click("[data-testid=runner-button]");
  await page.selectOption("[data-testid=runner-function]", name);
  await page.waitForSelector("[data-testid=runner-form]");
}

test("the form of a function takes every kind of value, and text means the same", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  await server.call("mutation", "users:seed", { count: 3 });
  const [user] = await server.call("query", "users:older", { than: 0 });
  const message = await server.call("mutation", "messages:send", { channel: "c", body: "x" });
  const page = await openConsole(browser, server);
  await openFunction(page, "forms:all");
  await page.click("[aria-label=Higher]");

  // Only the id has no value to begin with.
  assert.deepEqual(await page.locator("[data-testid^=arg-error-]").evaluateAll((all) => all.map((one) => one.dataset.testid)), ["arg-error-author"]);
  assert.equal(await enabled(page), false);
  await at(page, "author").fill(message);
  assert.match(await wrong(page, "author").textContent(), /id of a document of messages, not of users/);
  await page.click("[data-testid=arg-pick-author]");
  await page.locator(`[data-testid=id-choice][data-id="${user._id}"]`).click();
  assert.equal(await at(page, "author").inputValue(), user._id);
  assert.equal(await wrong(page, "author").count(), 0);

  await at(page, "text").fill('two\n"lines"');
  await at(page, "count").fill("9223372036854775808");
  assert.match(await wrong(page, "count").textContent(), /2\^63/);
  assert.equal(await enabled(page), false);
  await at(page, "count").fill("9223372036854775807");
  await at(page, "ratio").fill("1.");
  await at(page, "ratio").pressSequentially("5e3");
  assert.equal(await at(page, "ratio").inputValue(), "1.5e3");
  await at(page, "on").check();
  await at(page, "blob").fill("AQI=");
  await at(page, "state").selectOption({ label: '"closed"' });
  await page.locator('[data-testid="arg-kind-content"]').selectOption({ index: 1 });
  await at(page, "content.width").fill("wide");
  assert.match(await wrong(page, "content.width").textContent(), /a number/);
  await at(page, "content.width").fill("640");
  await page.click('[data-testid="arg-add-tags"]');
  await page.click('[data-testid="arg-add-tags"]');
  await at(page, "tags[0]").fill("a");
  await at(page, "tags[1]").fill("b");
  await at(page, "place.city").fill("Ulm");
  await page.check('[data-testid="arg-give-place.zip"]');
  await at(page, "place.zip").fill("89073");
  for (const [index, key] of ["one", "one"].entries()) {
    await page.click('[data-testid="arg-add-scores"]');
    await at(page, `scores[${index}].key`).fill(key);
    await at(page, `scores[${index}].value`).fill(String(index + 1));
  }
  assert.match(await wrong(page, "scores[1].key").textContent(), /there already/);
  await at(page, "scores[1].key").fill("two");
  await at(page, "rest").fill("{ deep: [1, 2n] }");
  await picture(page, "runner-form");

  // The same as text, and changed there.
  await page.click("[data-testid=runner-as-text]");
  const text = await page.inputValue("[data-testid=runner-args]");
  assert.match(text, /count: 9223372036854775807n,[^]*blob: Bytes\("AQI="\)/);
  await page.fill("[data-testid=runner-args]", text.replace('city: "Ulm"', 'city: "Bonn"'));
  await page.click("[data-testid=runner-as-form]");
  assert.equal(await at(page, "place.city").inputValue(), "Bonn");

  await page.click("[data-testid=runner-run]");
  const result = page.locator("[data-testid=runner-result]");
  await result.waitFor();
  for (const part of [/9223372036854775807n/, /Bonn/, /89073/, /1500/, /AQI=/, /640/]) assert.match(await page.locator("[data-testid=runner]").textContent(), part);
  assert.deepEqual(page.problems, []);
});

test("text that is wrong is told of and can be sent; the form waits", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server);
  await openFunction(page, "users:older");
  await at(page, "than").fill("1 2");
  assert.match(await page.textContent("[data-testid=runner-waiting]"), /than/);
  await page.click("[data-testid=runner-as-text]");
  assert.equal(await page.inputValue("[data-testid=runner-args]"), "{ than: 1 2 }");
  await page.click("[data-testid=runner-as-form]");
  assert.equal(await at(page, "than").inputValue(), "1 2", "nothing typed is lost");
  await page.click("[data-testid=runner-as-text]");
  await page.fill("[data-testid=runner-args]", '{ than: "old", more: 1 }');
  const doubts = await page.locator("[data-testid=runner-doubts] li").allTextContents();
  assert.deepEqual(doubts.map((text) => text.split(" ")[0]), ["than", "more"]);
  await page.waitForSelector("[data-testid=runner-error]");
  await page.fill("[data-testid=runner-args]", "{ than: ");
  await page.waitForSelector("[data-testid=runner-args-error]");
  assert.ok(await page.isDisabled("[data-testid=runner-as-form]"));
});

test("runs and saved calls are there after a reload, and no secret is kept with them", async (t) => {
  const [server, browser] = [await sampleServer(t), await startBrowser(t)];
  const page = await openConsole(browser, server, "/", { permissions: ["clipboard-read", "clipboard-write"] });
  await openFunction(page, "counters:bump");
  await at(page, "name").fill("hits");
  // In somebody's name: that is not kept either.
  await page.click("[data-testid=act-as]");
  await page.fill("[data-testid=act-as-subject]", "secret-subject");
  await page.click("[data-testid=act-as-apply]");
  await page.click("[data-testid=runner-run]");
  await page.waitForSelector("[data-testid=runner-result]");
  await page.click("[data-testid=runner-save]");
  await page.fill("[data-testid=runner-save-name]", "one more hit");
  await page.click("[data-testid=runner-save-apply]");
  await page.waitForSelector("[data-testid=runner-saved] >> text=(1)");

  // Arguments that hold the key are neither kept nor linked to.
  await at(page, "name").fill(server.key);
  await page.click("[data-testid=runner-run]");
  await until(async () => (await server.call("query", "counters:read", { name: server.key })) === 1, { what: "the run" });
  await page.click("[data-testid=runner-save]");
  await page.fill("[data-testid=runner-save-name]", "with a key");
  await page.click("[data-testid=runner-save-apply]");
  await page.waitForSelector("text=It holds a key");
  await page.keyboard.press("Escape");
  await page.click("[data-testid=runner-share]");
  await page.waitForSelector("text=These arguments hold your key");
  await at(page, "name").fill("hits");
  await page.click("[data-testid=runner-share]");
  const link = await until(() => page.evaluate(() => navigator.clipboard.readText()), { what: "the link" });
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.match(kept, /one more hit/);
  for (const secret of [server.key, server.key.split("|")[1], "secret-subject"]) assert.ok(!kept.includes(secret) && !link.includes(secret), "a secret is kept");

  await page.reload();
  await openFunction(page, "messages:list");
  await page.click("[data-testid=runner-saved]");
  await picture(page, "runner-saved");
  await page.click('[data-testid=saved-call][data-name="one more hit"]');
  await until(async () => (await at(page, "name").inputValue()) === "hits", { what: "the saved arguments" });
  assert.equal(await page.inputValue("[data-testid=runner-function]"), "counters:bump");
  await page.click("[data-testid=past-runs]");
  assert.equal(await page.locator("[data-testid=past-run]").count(), 1);
  await at(page, "name").fill("other");
  await page.locator("[data-testid=past-run]").click();
  assert.equal(await at(page, "name").inputValue(), "hits");
  await page.click("[data-testid=forget-past]");
  await page.waitForSelector("[data-testid=past-runs]", { state: "detached" });

  // A link opens the dock with the call in it, and runs nothing by itself.
  await page.goto(link);
  await until(async () => (await at(page, "name").inputValue()) === "hits", { what: "the linked arguments" });
  assert.equal(await server.call("query", "counters:read", { name: "hits" }), 1);
  assert.deepEqual(page.problems, []);
});
