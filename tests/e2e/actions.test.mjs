// Actions, through the stock clients and CLI.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, basicApp } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;
const api = anyApi;

const acts = `
import { action, internalAction, internalMutation, internalQuery } from "./_generated/server";
import { internal, api } from "./_generated/api";
import { ConvexError, v } from "convex/values";

export const add = internalMutation({
  args: { body: v.string() },
  handler: async (ctx, { body }) => await ctx.db.insert("messages", { body }),
});
export const count = internalQuery({
  args: {},
  handler: async (ctx) => (await ctx.db.query("messages").collect()).length,
});
export const inner = internalAction({
  args: {},
  handler: async (ctx): Promise<number> => {
    console.log("inner line");
    return await ctx.runQuery(internal.acts.count, {});
  },
});
export const addTwice = action({
  args: { body: v.string() },
  handler: async (ctx, { body }): Promise<number> => {
    console.log("outer line", body);
    await Promise.all([1, 2].map((n) => ctx.runMutation(internal.acts.add, { body: body + n })));
    return await ctx.runAction(internal.acts.inner, {});
  },
});
export const fails = action({
  args: { convex: v.boolean() },
  handler: async (ctx, { convex }) => {
    throw convex ? new ConvexError({ code: 7, text: "no" }) : new Error("boom");
  },
});
export const echo = action({ args: { value: v.any() }, handler: async (ctx, { value }) => value });
export const waits = action({
  args: { ms: v.number() },
  handler: async (ctx, { ms }) => {
    const begun = Date.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return Date.now() - begun;
  },
});
`;

async function pushed(t, options) {
  const server = await Server.start(t, options);
  const project = new Project(t, { ...basicApp, "convex/acts.ts": acts });
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(result.code, 0, result.stderr);
  return { server, project };
}

test("ConvexClient.action: results, errors with data, nested calls", async (t) => {
  const { server } = await pushed(t);
  const one = new ConvexClient(server.url);
  t.after(() => one.close());
  const seen = [];
  one.onUpdate(api.messages.list, {}, (rows) => seen.push(rows.length));
  assert.equal(await one.action(api.acts.addTwice, { body: "x" }), 2);
  assert.equal((await one.query(api.messages.list, {})).length, 2);
  const values = [null, NaN, 2n ** 62n, "ü\u{1F600}", new Uint8Array([1, 255]).buffer, { a: [] }];
  assert.deepEqual(await one.action(api.acts.echo, { value: values }), values);
  const error = await one.action(api.acts.fails, { convex: true }).catch((e) => e);
  assert.deepEqual(error.data, { code: 7, text: "no" });
  await assert.rejects(one.action(api.acts.fails, { convex: false }), /Uncaught Error: boom\n {4}at handler \(\.\.\/convex\/acts\.ts:/);
  await assert.rejects(one.action(api.acts.inner, {}), /Could not find public function for 'acts:inner'/);
  await assert.rejects(one.action(api.acts.addTwice, { body: 5 }), /ArgumentValidationError/);
  await assert.rejects(one.action(api.messages.list, {}), /as Action, but it is defined as Query/);
});

test("ConvexHttpClient.action, and run by the CLI", async (t) => {
  const { server, project } = await pushed(t);
  const http = new ConvexHttpClient(server.url);
  assert.equal(await http.action(api.acts.addTwice, { body: "x" }), 2);
  const waited = await Promise.all(Array.from({ length: 20 }, () => http.action(api.acts.waits, { ms: 50 })));
  assert.ok(waited.every((ms) => ms >= 49), `${waited}`);
  const run = await project.convex(server, ["run", "acts:inner", "{}"]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^2$/m);
  const failed = await project.convex(server, ["run", "acts:fails", '{"convex": false}']);
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /Uncaught Error: boom/);
  const logs = await (await fetch(`${server.url}/api/stream_function_logs?cursor=0`, {
    headers: { authorization: `Convex ${server.key}` },
  })).json();
  const of = (name) => logs.entries.filter((entry) => entry.identifier === name);
  assert.equal(of("acts:addTwice")[0].udfType, "Action");
  assert.deepEqual(of("acts:addTwice")[0].logLines, ["[LOG] 'outer line' 'x'"]);
  assert.deepEqual(of("acts:inner")[0].logLines, ["[LOG] 'inner line'"]);
});
