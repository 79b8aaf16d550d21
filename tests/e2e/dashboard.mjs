// What the dashboard's tests share: a server with a sample app and some data, and the dashboard
// open in a browser.

import assert from "node:assert/strict";
import path from "node:path";

import { chromium } from "playwright-core";

import { Project, Server } from "./harness.mjs";

export const sampleApp = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  users: defineTable({
    name: v.string(),
    age: v.number(),
    team: v.optional(v.string()),
    manager: v.optional(v.id("users")),
    avatar: v.optional(v.id("_storage")),
    settings: v.optional(v.any()),
  })
    .index("by_age", ["age"])
    .index("by_team", ["team", "age"]),
  messages: defineTable({ channel: v.string(), author: v.id("users"), body: v.string() })
    .index("by_channel", ["channel"])
    .index("by_author", ["author"]),
  counters: defineTable({ name: v.string(), value: v.number() }).index("by_name", ["name"]),
});
`,
  "convex/users.ts": `
import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
export const get = query({ args: { id: v.id("users") }, handler: async (ctx, { id }) => await ctx.db.get(id) });
export const nameOf = query({
  args: { id: v.id("users") },
  handler: async (ctx, { id }) => (await ctx.db.get(id))?.name ?? null,
});
export const older = query({
  args: { than: v.number() },
  handler: async (ctx, { than }) =>
    await ctx.db.query("users").withIndex("by_age", (q) => q.gt("age", than)).take(20),
});
export const seed = mutation({
  args: { count: v.number(), from: v.optional(v.number()) },
  handler: async (ctx, { count, from = 0 }) => {
    const teams = ["red", "green", "blue"];
    const first = await ctx.db.query("users").first();
    for (let i = from; i < from + count; i++) {
      await ctx.db.insert("users", {
        name: ["Ada", "Grace", "Edsger", "Barbara", "Alan"][i % 5] + " " + i,
        age: 20 + (i % 50),
        team: i % 4 === 3 ? undefined : teams[i % 4],
        manager: first?._id,
        settings: { theme: i % 2 ? "dark" : "light", tags: ["a", "b"] },
      });
    }
  },
});
export const touch = mutation({
  args: { id: v.id("users"), age: v.number() },
  handler: async (ctx, { id, age }) => await ctx.db.patch(id, { age }),
});
export const whoami = query({ args: {}, handler: async (ctx) => await ctx.auth.getUserIdentity() });
`,
  "convex/messages.ts": `
import { action, query, mutation, internalMutation } from "./_generated/server";
import { api, internal } from "./_generated/api";
import { v } from "convex/values";
export const list = query({
  args: { channel: v.string() },
  handler: async (ctx, { channel }) =>
    await ctx.db.query("messages").withIndex("by_channel", (q) => q.eq("channel", channel)).order("desc").take(50),
});
export const send = mutation({
  args: { channel: v.string(), body: v.string() },
  handler: async (ctx, { channel, body }) => {
    const author = (await ctx.db.query("users").first()) ?? { _id: await ctx.db.insert("users", { name: "First", age: 30 }) };
    console.log("sending to", channel);
    return await ctx.db.insert("messages", { channel, body, author: author._id });
  },
});
export const wipe = internalMutation({
  args: {},
  handler: async (ctx) => {
    for (const message of await ctx.db.query("messages").take(500)) await ctx.db.delete(message._id);
  },
});
export const sendTwice = action({
  args: { channel: v.string() },
  handler: async (ctx, { channel }) => {
    await ctx.runMutation(api.messages.send, { channel, body: "one" });
    await ctx.runMutation(api.messages.send, { channel, body: "two" });
    return "sent";
  },
});
export const later = mutation({
  args: { count: v.number(), inMs: v.number() },
  handler: async (ctx, { count, inMs }) => {
    for (let i = 0; i < count; i++) {
      await ctx.scheduler.runAfter(inMs, i % 2 ? internal.messages.wipe : internal.counters.tick, {});
    }
  },
});
export const fail = mutation({
  args: { text: v.string() },
  handler: async (_, { text }) => {
    console.warn("about to fail");
    throw new Error(text);
  },
});
`,
  "convex/counters.ts": `
import { mutation, internalMutation, query } from "./_generated/server";
import { v } from "convex/values";
async function add(ctx, name) {
  const row = await ctx.db.query("counters").withIndex("by_name", (q) => q.eq("name", name)).unique();
  if (row) await ctx.db.patch(row._id, { value: row.value + 1 });
  else await ctx.db.insert("counters", { name, value: 1 });
  return (row?.value ?? 0) + 1;
}
export const bump = mutation({ args: { name: v.string() }, handler: async (ctx, { name }) => await add(ctx, name) });
export const tick = internalMutation({ args: {}, handler: async (ctx) => { await add(ctx, "ticks"); } });
export const read = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) =>
    (await ctx.db.query("counters").withIndex("by_name", (q) => q.eq("name", name)).unique())?.value ?? 0,
});
export const env = query({ args: { name: v.string() }, handler: async (_, { name }) => process.env[name] ?? null });
`,
  "convex/logs.ts": `
import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
export const many = mutation({
  args: { lines: v.number(), text: v.string() },
  handler: async (_, { lines, text }) => {
    for (let i = 0; i < lines; i++) (i % 10 === 9 ? console.error : console.log)(text, i);
  },
});
export const echo = query({ args: { text: v.string() }, handler: async (_, { text }) => { console.log(text); return text; } });
`,
  "convex/crons.ts": `
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.interval("tick the counter", { hours: 24 }, internal.counters.tick, {});
crons.daily("wipe messages", { hourUTC: 3, minuteUTC: 30 }, internal.messages.wipe, {});
export default crons;
`,
  "convex/http.ts": `
import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
const http = httpRouter();
http.route({ path: "/hello", method: "GET", handler: httpAction(async () => new Response("hello")) });
export default http;
`,
};

/** A server on which the sample app stands. */
export async function sampleServer(t, options = {}) {
  const { app = sampleApp, ...rest } = options;
  const server = await Server.start(t, { ...rest, args: ["--dashboard-port", "0", ...(rest.args ?? [])] });
  if (app) {
    const project = new Project(t, app);
    server.project = project;
    const { code, stdout, stderr } = await project.convex(server, ["deploy", "-y", "--typecheck", "disable"]);
    assert.equal(code, 0, stdout + stderr);
  }
  server.call = async (kind, fn, args = {}) => {
    const { json } = await server.post(`/api/${kind}`, { path: fn, args, format: "json" }, { authorization: `Convex ${server.key}` });
    assert.equal(json?.status, "success", `${fn}: ${JSON.stringify(json)}`);
    return json.value;
  };
  server.console = `${server.url}/_console`;
  return server;
}

export async function startBrowser(t, options = {}) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], ...options });
  t.after(() => browser.close());
  return browser;
}

/** A page of a browser profile of its own; what goes wrong in it is kept. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.requests = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("request", (request) => page.requests.push(request.url()));
  return page;
}

/** The dashboard of a server, logged in, at one of its pages. */
export async function openConsole(browser, server, route = "/", options = {}) {
  const page = await newPage(browser, options);
  await page.goto(server.console + route);
  await logIn(page, server.key);
  await page.waitForSelector("[data-testid=conn-state][data-state=connected]");
  return page;
}

/** A live page that sees what happens from now on. */
export async function openLive(browser, server, view) {
  const page = await openConsole(browser, server, `/live/${view}`);
  await page.waitForSelector("[data-testid=live][data-open=true]");
  return page;
}

export async function logIn(page, key) {
  await page.fill("[data-testid=login-key]", key);
  await page.click("[data-testid=login-submit]");
}

/** Keeps a picture, when somebody wants pictures. */
export async function picture(page, name) {
  const folder = process.env.LENTIL_SCREENSHOTS;
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

/** The same in both themes. */
export async function pictures(page, name) {
  if (!process.env.LENTIL_SCREENSHOTS) return;
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await picture(page, colorScheme === "dark" ? `${name}-dark` : name);
  }
}

export const cell = (page, row, field) => page.locator(`[data-testid=grid-row]`).nth(row).locator(`[data-field="${field}"]`);
