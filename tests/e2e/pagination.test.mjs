// Paging through a list that others write to, with the real `usePaginatedQuery` in a browser and
// with the HTTP client.

import assert from "node:assert/strict";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { chromium } from "playwright-core";

import { here, long, Project, root, Server } from "./harness.mjs";

const SCHEDULES = long ? 1_000 : 96;

const app = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ items: defineTable({ list: v.string(), n: v.number() }).index("by_list", ["list", "n"]) });
`,
  "convex/items.ts": `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";
const inList = (ctx: any, list: string) => ctx.db.query("items").withIndex("by_list", (q: any) => q.eq("list", list));
export const page = query({
  args: { list: v.string(), paginationOpts: v.any() },
  handler: async (ctx, { list, paginationOpts }) => await inList(ctx, list).paginate(paginationOpts),
});
export const all = query({ args: { list: v.string() }, handler: async (ctx, { list }) => await inList(ctx, list).collect() });
export const insert = mutation({
  args: { list: v.string(), n: v.number() },
  handler: async (ctx, item) => await ctx.db.insert("items", item),
});
export const remove = mutation({ args: { id: v.id("items") }, handler: async (ctx, { id }) => await ctx.db.delete(id) });
`,
};

async function start(t) {
  const server = await Server.start(t);
  const { code, stderr } = await new Project(t, app).convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(code, 0, stderr);
  return server;
}

/** A page that has the script of pages/pagination.jsx, at an address of its own. */
async function servePage(t) {
  const { build } = createRequire(path.join(here, "x.js"))("esbuild");
  // One React for the page and for the client: packages of the tests may bring another.
  const modules = path.join(root, "examples/realtime/node_modules");
  const alias = Object.fromEntries(["react", "react-dom"].map((name) => [name, path.join(modules, name)]));
  const { outputFiles } = await build({
    entryPoints: [path.join(here, "pages/pagination.jsx")], bundle: true, write: false, format: "iife",
    nodePaths: [modules], alias, define: { "process.env.NODE_ENV": '"production"' },
  });
  const html = `<!doctype html><meta charset="utf-8"><script>${outputFiles[0].text.replaceAll("</script", "<\\/script")}</script>`;
  const pages = http.createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
  t.after(() => pages.close());
  return `http://127.0.0.1:${pages.address().port}`;
}

test(`usePaginatedQuery never skips or doubles, in ${SCHEDULES} random schedules of writes`, async (t) => {
  const [server, url] = await Promise.all([start(t), servePage(t)]);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(url);
  const renders = await page.evaluate(
    ([address, count]) => window.runSchedules(address, 1, count),
    [server.url, SCHEDULES],
  );
  t.diagnostic(`${renders} renders`);
  assert.ok(renders > SCHEDULES * 5, "something was shown");
});

test("ConvexHttpClient pages see what stood there all the time exactly once", async (t) => {
  const server = await start(t);
  const client = new ConvexHttpClient(server.url);
  const list = "http";
  const stays = [];
  for (let n = 0; n < 60; n++) stays.push(await client.mutation("items:insert", { list, n }));
  let going = true;
  const writer = (async () => {
    for (let n = 0; going; n = (n + 7) % 60) {
      const id = await client.mutation("items:insert", { list, n: n + 0.5 }, { skipQueue: true });
      await client.mutation("items:remove", { id }, { skipQueue: true });
    }
  })();
  for (let round = 0; round < (long ? 60 : 8); round++) {
    const seen = [];
    let cursor = null;
    for (let isDone = false; !isDone; ) {
      const paginationOpts = { numItems: 1 + (round % 9), cursor };
      const answer = await client.query("items:page", { list, paginationOpts });
      seen.push(...answer.page.map((item) => item._id));
      ({ isDone, continueCursor: cursor } = answer);
    }
    assert.equal(new Set(seen).size, seen.length, "nothing twice");
    assert.deepEqual(seen.filter((id) => stays.includes(id)), stays, "all that stayed, in order");
  }
  going = false;
  await writer;
});
