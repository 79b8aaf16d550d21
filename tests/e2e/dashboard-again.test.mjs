// What is done again in a component: failed functions and saved calls; and the page of schedules on
// a phone (dashboard F31, F51).

import assert from "node:assert/strict";
import { test } from "node:test";

import { openConsole, picture, sampleServer, startBrowser } from "./dashboard.mjs";
import { callIn, choose, mounted } from "./dashboard-mounted.mjs";
import { until } from "./harness.mjs";

const schema = `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: defineTable({ text: v.string() }) });
`;

const functions = `
import { v } from "convex/values";
import { internalMutation, mutation, query } from "./_generated/server";
import { internal } from "./_generated/api";
export const start = mutation({
  args: { count: v.number(), why: v.string() },
  handler: async (ctx, args) => void (await ctx.scheduler.runAfter(0, (internal as any).work.pay, args)),
});
export const pay = internalMutation({
  args: { count: v.number(), why: v.string() },
  handler: async (ctx, { count, why }) => {
    const repaired = (await ctx.db.query("notes").collect()).some(({ text }) => text === "repaired");
    if (!repaired) throw new Error("out of luck with " + why);
    await ctx.db.insert("notes", { text: "paid " + count });
  },
});
export const add = mutation({ args: { text: v.string() }, handler: async (ctx, { text }) => await ctx.db.insert("notes", { text }) });
export const list = query({ args: {}, handler: async (ctx) => (await ctx.db.query("notes").collect()).map(({ text }) => text) });
export const later = mutation({
  args: {},
  handler: async (ctx) => {
    for (let i = 1; i <= 30; i++) await ctx.scheduler.runAfter(i * 100_000, (internal as any).work.pay, { count: i, why: "a reason that is long enough for two lines on a phone" });
  },
});
`;

const app = mounted(schema, "work", functions);

test("a failed function of a component is run again in its component", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  await callIn(server, "", "work:start", { count: 1, why: "the app" });
  await callIn(server, "notes", "work:start", { count: 2, why: "the component" });
  const page = await openConsole(browser, server, "/schedules/failed");
  const row = page.locator("[data-testid=failed-row]");
  await until(async () => /work:pay[^]*count: 1[^]*out of luck with the app/.test(await row.textContent({ timeout: 1000 })), { what: "what failed in the app" });
  await choose(page, "notes");
  await until(async () => /work:pay[^]*count: 2[^]*out of luck with the component/.test(await row.textContent({ timeout: 1000 })), { what: "what failed in the component" });
  assert.equal(await row.count(), 1);
  // Mended in the component alone: in the app it would fail again.
  await callIn(server, "notes", "work:add", { text: "repaired" });
  await page.click("[data-testid=retry-job]");
  await page.click("[data-testid=confirm]");
  await until(async () => (await callIn(server, "notes", "work:list")).includes("paid 2"), { what: "the run that works" });
  assert.deepEqual(await callIn(server, "", "work:list"), []);
  assert.equal(await row.count(), 1, "what has failed stays as it is");
  await page.click("[data-testid=nav-history]");
  await page.locator("[data-testid=history-row][data-action=retry_scheduled_function]", { hasText: "Ran work:pay again" }).waitFor();
});

test("a saved call of a component is made in it again, wherever one is", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  const page = await openConsole(browser, server, "/functions?f=work:add");
  await page.click("[data-testid=run-function]");
  const argument = page.locator('[data-testid="arg-text"]');
  const save = async (text, name) => {
    await argument.fill(text);
    await page.click("[data-testid=runner-save]");
    await page.fill("[data-testid=runner-save-name]", name);
    await page.click("[data-testid=runner-save-apply]");
    await page.locator("[data-testid=runner-save-name]").waitFor({ state: "detached" });
  };
  await save("into the app", "of the app");
  await page.selectOption("[data-testid=runner-component]", { label: "notes" });
  await page.selectOption("[data-testid=runner-function]", "work:add");
  await save("into the component", "of the component");
  await page.click("[data-testid=runner-run]");
  await until(async () => (await callIn(server, "notes", "work:list")).length === 1, { what: "the first run" });

  await page.goto(`${server.console}/functions?f=work:list`);
  await page.click("[data-testid=run-function]");
  const take = async (name) => {
    await page.click("[data-testid=runner-saved]");
    await page.click(`[data-testid=saved-call][data-name="${name}"]`);
  };
  await page.click("[data-testid=runner-saved]");
  assert.match(await page.locator('[data-testid=saved-call][data-name="of the component"]').textContent(), /@notes\/work:add/, "which one is meant can be seen");
  await page.keyboard.press("Escape");
  await take("of the component");
  await until(async () => (await argument.inputValue({ timeout: 1000 })) === "into the component", { what: "its arguments" });
  assert.equal(await page.locator("[data-testid=runner-component] option:checked").textContent(), "notes");
  assert.equal(await page.inputValue("[data-testid=runner-function]"), "work:add");
  await page.click("[data-testid=past-runs]");
  assert.equal(await page.locator("[data-testid=past-run]").count(), 1, "runs of the component's function");
  await page.click("[data-testid=runner-run]");
  await until(async () => (await callIn(server, "notes", "work:list")).length === 2, { what: "the run in the component" });
  assert.deepEqual(await callIn(server, "", "work:list"), []);

  await take("of the app");
  await until(async () => (await argument.inputValue({ timeout: 1000 })) === "into the app", { what: "the app's arguments" });
  assert.equal(await page.locator("[data-testid=runner-component] option:checked").textContent(), "app");
  assert.equal(await page.locator("[data-testid=past-runs]").count(), 0, "the app's function has not been run");
  await page.click("[data-testid=runner-run]");
  await until(async () => (await callIn(server, "", "work:list")).includes("into the app"), { what: "the run in the app" });
  assert.equal((await callIn(server, "notes", "work:list")).length, 2);
});

test("schedules on a phone: the strip of coming load, what waits and what failed fit", async (t) => {
  const [server, browser] = [await sampleServer(t, { app }), await startBrowser(t)];
  await callIn(server, "", "work:later");
  for (let n = 0; n < 3; n++) await callIn(server, "", "work:start", { count: n, why: "a very long reason ".repeat(6) });
  const page = await openConsole(browser, server, "/schedules/functions", { viewport: { width: 390, height: 844 } });
  const fits = async (name) => {
    const wide = await page.evaluate(() => {
      const out = [...document.querySelectorAll("#main *")].filter((one) => {
        const box = one.getBoundingClientRect();
        // What scrolls on purpose may hold more than is seen.
        return box.width > 0 && box.right > window.innerWidth + 1 && !one.closest(".tabs, .scroll-x, .sr-only, svg, .truncate");
      });
      return out.slice(0, 3).map((one) => `${one.tagName}.${one.className}`);
    });
    assert.deepEqual(wide, [], `${name}: out of the screen`);
    const narrow = await page.locator("main td[data-label]").evaluateAll((all) => all.filter((one) => one.clientWidth < 250).map((one) => `${one.dataset.label} ${one.clientWidth}`));
    assert.deepEqual(narrow, [], `${name}: too narrow to read`);
    for (const colorScheme of ["dark", "light"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.waitForSelector(`:root[data-theme=${colorScheme}]`);
      await picture(page, `phone-${name}${colorScheme === "dark" ? "-dark" : ""}`);
    }
  };
  await page.locator("[data-testid=scheduled-row]").first().waitFor();
  await page.waitForSelector("[data-testid=coming]:not([data-scheduled='0'])");
  await fits("scheduled");
  await page.click("text=Next day");
  await fits("coming-day");
  await page.locator("main .tab", { hasText: "Failed" }).click();
  await until(async () => (await page.locator("[data-testid=failed-row]").count()) === 3, { what: "three failures" });
  await fits("failed");
  await page.locator("[data-testid=retry-job]").first().click();
  await page.locator("[data-testid=confirm]").waitFor();
  const asked = page.locator("dialog p", { hasText: "count: 2" });
  await until(async () => (await asked.evaluate((one) => one.clientWidth)) > 250, { what: "the arguments, to be read" });
  await fits("failed-again");
});
