// Actions, through the stock clients and CLI.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, basicApp, until } from "./harness.mjs";

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
export const ask = action({
  args: { url: v.string(), body: v.optional(v.string()) },
  handler: async (ctx, { url, body }) => {
    const response = await fetch(url, body === undefined ? {} : { method: "POST", body });
    return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
  },
});
export const relay = action({
  args: { from: v.string(), to: v.string() },
  handler: async (ctx, { from, to }) => {
    const { body } = await fetch(from);
    const decoded = body!.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({
      transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
    }));
    const init: any = { method: "POST", body: decoded.pipeThrough(new TextEncoderStream()), duplex: "half" };
    return await (await fetch(to, init)).text();
  },
});
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
  // What an action has written is in no order with its end.
  await until(async () => (await one.query(api.messages.list, {})).length === 2, { what: "both messages" });
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

test("lines of actions reach npx convex logs, with those of what they run", async (t) => {
  const { server, project } = await pushed(t);
  const http = new ConvexHttpClient(server.url);
  assert.equal(await http.action(api.acts.addTwice, { body: "past" }), 2);
  const logs = project.convexRunning(t, server, ["logs", "--history", "50", "--success"]);
  const shown = () => logs.stdout + logs.stderr;
  await until(() => /A\(acts:addTwice\).*'outer line' 'past'/.test(shown()), { what: `history\n${shown()}` });
  await until(() => /A\(acts:inner\).*'inner line'/.test(shown()), { what: "a line of a nested action" });

  assert.equal(await http.action(api.acts.addTwice, { body: "live" }), 4);
  await until(() => /A\(acts:addTwice\).*'outer line' 'live'/.test(shown()), { what: `a live line\n${shown()}` });
  await assert.rejects(http.action(api.acts.fails, { convex: false }), /boom/);
  await until(() => /A\(acts:fails\).*Uncaught Error: boom/.test(shown()), { what: `a failure\n${shown()}` });
});

/** A service of somebody else's: echoes what is posted, and counts to three in chunks. */
async function service(t) {
  const outside = http.createServer((request, response) => {
    if (request.method === "POST") {
      response.writeHead(201, { "content-type": "text/x-echo" });
      request.pipe(response);
      return;
    }
    const words = ["one ", "two ", "three"];
    const next = () => {
      if (words.length === 0) response.end();
      else response.write(words.shift(), () => setImmediate(next));
    };
    next();
  });
  await new Promise((resolve) => outside.listen(0, "127.0.0.1", resolve));
  t.after(() => outside.close());
  return `http://127.0.0.1:${outside.address().port}/`;
}

test("fetch in actions: whole bodies, streams, and a service that is down", async (t) => {
  const { server } = await pushed(t);
  const url = await service(t);
  const client = new ConvexHttpClient(server.url);
  assert.deepEqual(await client.action(api.acts.ask, { url, body: "h\u00e9" }), { status: 201, text: "h\u00e9", type: "text/x-echo" });
  assert.equal((await client.action(api.acts.ask, { url })).text, "one two three");
  assert.equal(await client.action(api.acts.relay, { from: url, to: url }), "ONE TWO THREE");
  await assert.rejects(client.action(api.acts.ask, { url: "http://127.0.0.1:9/" }), /Uncaught TypeError: fetch failed/);
  await assert.rejects(client.mutation(api.acts.ask, { url }), /as Mutation, but it is defined as Action/);
});

test("with --action-network public-only actions reach no private address", async (t) => {
  const { server } = await pushed(t, { args: ["--action-network", "public-only"] });
  const url = await service(t);
  const client = new ConvexHttpClient(server.url);
  for (const to of [url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433"), server.url]) {
    await assert.rejects(client.action(api.acts.ask, { url: to }), /fetch failed/, to);
  }
});
