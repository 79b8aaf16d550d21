// HTTP actions: an app with routes, pushed by the stock CLI and called over the wire.

import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";

import { Project, Server, basicApp, until } from "./harness.mjs";

const api = anyApi;

const routes = `
import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
import { api, internal } from "./_generated/api";
import { ConvexError } from "convex/values";

const http = httpRouter();
const says = (text: string) => httpAction(async (ctx, request) =>
  new Response(text + " " + request.method + " " + new URL(request.url).pathname));
http.route({ path: "/pets/cat", method: "GET", handler: says("exact") });
http.route({ pathPrefix: "/pets/", method: "GET", handler: says("prefix") });
http.route({ pathPrefix: "/pets/dogs/", method: "GET", handler: says("longer") });
http.route({ pathPrefix: "/pets/", method: "POST", handler: says("posted") });
http.route({ path: "/url", method: "GET", handler: httpAction(async (ctx, { url }) => new Response(url)) });

http.route({ path: "/json", method: "POST", handler: httpAction(async (ctx, request) => {
  const body = await request.json();
  return Response.json({ body, own: request instanceof Request && request.headers instanceof Headers,
    type: request.headers.get("content-type"), latin: request.headers.get("x-latin") },
    { status: 201, headers: { "x-latin": "\\u00e9" } });
}) });
http.route({ path: "/form", method: "POST", handler: httpAction(async (ctx, request) => {
  const form = await request.formData();
  const file = form.get("file") as any;
  return Response.json({ name: form.get("name"), file: [file.name, file.type, await file.text()] });
}) });
http.route({ path: "/events", method: "GET", handler: httpAction(async (ctx, request) => {
  const encoder = new TextEncoder();
  let sent = 0;
  const body = new ReadableStream({
    // The next one when whoever reads has said that the one before is there.
    async pull(controller) {
      while ((await ctx.runQuery(api.messages.list, {})).length < sent) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      if (sent === 3) controller.close();
      else controller.enqueue(encoder.encode("data: " + ++sent + "\\n\\n"));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}) });
http.route({ path: "/endless", method: "GET", handler: httpAction(async (ctx, request) => {
  request.signal.addEventListener("abort", () => console.log("aborted", request.signal.reason.name));
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
    cancel: async () => await ctx.runMutation(api.messages.send, { body: "canceled" }),
  });
  return new Response(body);
}) });
http.route({ path: "/echo", method: "PUT", handler: httpAction(async (ctx, request) => new Response(request.body)) });
http.route({ path: "/count", method: "PUT", handler: httpAction(async (ctx, request) => {
  let bytes = 0;
  for await (const chunk of request.body as any) bytes += chunk.length;
  return new Response(String(bytes));
}) });
http.route({ path: "/large", method: "GET", handler: httpAction(async (ctx, request) => {
  let left = Number(new URL(request.url).searchParams.get("mib"));
  const body = new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(1 << 20).fill(7));
      else controller.close();
    },
  });
  return new Response(body);
}) });
http.route({ path: "/cookies", method: "GET", handler: httpAction(async () => {
  const headers = new Headers({ "x-one": "1", connection: "close", "keep-alive": "timeout=1" });
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2, with a comma");
  return new Response(null, { status: 204, headers });
}) });
http.route({ path: "/who", method: "GET", handler: httpAction(async (ctx, request) => {
  try {
    return Response.json({ user: await ctx.auth.getUserIdentity(), header: request.headers.get("authorization") });
  } catch (error: any) {
    return Response.json({ thrown: error.message, header: request.headers.get("authorization") });
  }
}) });
http.route({ path: "/hook", method: "POST", handler: httpAction(async (ctx, request) => {
  const { body } = await request.json();
  await ctx.scheduler.runAfter(0, internal.hooks.take, { body });
  return new Response(null, { status: 202 });
}) });
http.route({ path: "/fails", method: "GET", handler: httpAction(async () => {
  throw new Error("boom");
}) });
http.route({ path: "/fails-with-data", method: "GET", handler: httpAction(async () => {
  throw new ConvexError({ code: 7n });
}) });
http.route({ path: "/fails-late", method: "GET", handler: httpAction(async () => {
  console.log("begins");
  let first = true;
  return new Response(new ReadableStream({
    pull(controller) {
      if (!first) throw new Error("late");
      first = false;
      controller.enqueue(new TextEncoder().encode("first"));
    },
  }, { highWaterMark: 0 }));
}) });
http.route({ path: "/nothing", method: "GET", handler: httpAction((async () => "text") as any) });
for (const method of ["OPTIONS", "POST"] as const) {
  http.route({ path: "/cors", method, handler: httpAction(async () =>
    new Response(null, { status: 204, headers: { "access-control-allow-origin": "https://mine.example" } })) });
}
export default http;
`;

const hooks = `
import { internalMutation } from "./_generated/server";
import { v } from "convex/values";
export const take = internalMutation({
  args: { body: v.string() },
  handler: async (ctx, args) => void (await ctx.db.insert("messages", args)),
});
`;

async function pushed(t, options) {
  const server = await Server.start(t, options);
  const project = new Project(t, { ...basicApp, "convex/http.ts": routes, "convex/hooks.ts": hooks });
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(result.code, 0, result.stderr);
  assert.doesNotMatch(server.log, /http\.ts/);
  return { server, project, site: `http://127.0.0.1:${server.sitePort}`, client: new ConvexHttpClient(server.url) };
}

async function logsOf(server, identifier) {
  const headers = { authorization: `Convex ${server.key}` };
  const logs = await (await fetch(`${server.url}/api/stream_function_logs?cursor=0`, { headers })).json();
  return logs.entries.filter((entry) => entry.identifier === identifier);
}

/** The end of an execution with the lines that came before it. */
async function executionOf(server, identifier) {
  return await until(async () => {
    const entries = await logsOf(server, identifier);
    const end = entries.find(({ kind }) => kind === "Completion");
    return end && { ...end, logLines: entries.flatMap(({ logLines }) => logLines) };
  });
}

const bodies = async (client) => (await client.query(api.messages.list, {})).map((row) => row.body);

test("73-75, 79: routes, precedence, methods and URLs, on both ports", async (t) => {
  const { server, site } = await pushed(t);
  for (const base of [site, `${server.url}/http`]) {
    const text = async (path, method = "GET") => await (await fetch(base + path, { method })).text();
    assert.equal(await text("/pets/cat"), "exact GET /pets/cat");
    assert.equal(await text("/pets/cat", "POST"), "posted POST /pets/cat");
    assert.equal(await text("/pets/"), "prefix GET /pets/");
    assert.equal(await text("/pets/dogs"), "prefix GET /pets/dogs");
    assert.equal(await text("/pets/dogs/a%2Fb"), "longer GET /pets/dogs/a%2Fb");
    for (const [method, path] of [["GET", "/pets"], ["PUT", "/pets/cat"], ["GET", "/PETS/cat"], ["OPTIONS", "/pets/cat"]]) {
      const missing = await fetch(base + path, { method });
      assert.deepEqual([missing.status, await missing.text()], [404, "No matching routes found"], path);
      assert.equal(missing.headers.get("access-control-allow-origin"), null);
    }
    const head = await fetch(`${base}/pets/cat`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal(head.headers.get("content-type"), "text/plain;charset=UTF-8");
    assert.equal(await text("/url?a=%20b"), `${new URL(base).origin}/url?a=%20b`);
    const proxied = await fetch(`${base}/url`, { headers: { "x-forwarded-proto": "https" } });
    assert.equal(await proxied.text(), `${new URL(base).origin.replace("http:", "https:")}/url`);
  }
  const cors = await fetch(`${site}/cors`, { method: "OPTIONS", headers: { origin: "https://mine.example" } });
  assert.equal(cors.headers.get("access-control-allow-origin"), "https://mine.example");
  assert.equal(cors.headers.get("access-control-allow-credentials"), null);
});

test("JSON, forms and headers in and out", async (t) => {
  const { site } = await pushed(t);
  const json = await fetch(`${site}/json`, { method: "POST", body: '{"ü":[1]}',
    headers: { "content-type": "application/json", "x-latin": "\u00e9" } });
  assert.equal(json.status, 201);
  assert.equal(json.headers.get("x-latin"), "\u00e9");
  assert.deepEqual(await json.json(), { body: { "ü": [1] }, own: true, type: "application/json", latin: "\u00e9" });
  const form = new FormData();
  form.set("name", "n\u00e4me");
  form.set("file", new File(["content"], "a.txt", { type: "text/plain" }));
  const answer = await (await fetch(`${site}/form`, { method: "POST", body: form })).json();
  assert.deepEqual(answer, { name: "n\u00e4me", file: ["a.txt", "text/plain", "content"] });
});

test("51: several cookies arrive, headers of the connection do not", async (t) => {
  const { site } = await pushed(t);
  const response = await fetch(`${site}/cookies`);
  assert.equal(response.status, 204);
  assert.deepEqual(response.headers.getSetCookie(), ["a=1; Path=/", "b=2, with a comma"]);
  assert.equal(response.headers.get("x-one"), "1");
  assert.notEqual(response.headers.get("connection"), "close");
  assert.notEqual(response.headers.get("keep-alive"), "timeout=1");
});

test("76: server-sent events arrive one by one", async (t) => {
  const { site, client } = await pushed(t);
  const response = await fetch(`${site}/events`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const seen = [];
  for await (const chunk of response.body) {
    seen.push(Buffer.from(chunk).toString());
    await client.mutation(api.messages.send, { body: "seen" });
  }
  assert.deepEqual(seen, ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]);
});

/** Sends so many MiB, each when the one before is on its way, and reads what comes back. */
async function streamed(site, path, mib) {
  const request = http.request(site + path, { method: "PUT" });
  const responded = once(request, "response");
  const sending = (async () => {
    const block = Buffer.alloc(1 << 20, 5);
    for (let i = 0; i < mib; i++) if (!request.write(block)) await once(request, "drain");
    request.end();
  })();
  const [response] = await responded;
  let bytes = 0, wrong = 0, text = "";
  for await (const chunk of response) {
    bytes += chunk.length;
    if (path === "/count") text += chunk;
    else if (chunk.some((byte) => byte !== 5)) wrong += 1;
  }
  await sending;
  return { status: response.statusCode, bytes, wrong, text };
}

test("50 MB go through in both directions in constant memory", async (t) => {
  const limits = ["--limit", "http_request_bytes=100000000", "--limit", "http_response_bytes=100000000"];
  const { server, site } = await pushed(t, { args: limits });
  // The allocator keeps some of what one body took, so what counts is that more bodies take no more.
  assert.equal((await streamed(site, "/count", 50)).text, String(50 << 20));
  assert.equal((await streamed(site, "/echo", 50)).bytes, 50 << 20);
  const before = server.memory();
  assert.deepEqual(await streamed(site, "/echo", 50), { status: 200, bytes: 50 << 20, wrong: 0, text: "" });
  assert.equal((await streamed(site, "/count", 50)).text, String(50 << 20));
  const grown = server.memory() - before;
  assert.ok(grown < 25 << 20, `the server grew by ${grown} bytes`);
});

test("50: bodies beyond the limits", async (t) => {
  const { server, site } = await pushed(t);
  const response = await fetch(`${site}/large?mib=25`);
  assert.equal(response.status, 200);
  let bytes = 0;
  await assert.rejects(async () => {
    for await (const chunk of response.body) bytes += chunk.length;
  });
  assert.ok(bytes > 0 && bytes <= 20 << 20, `${bytes}`);
  const [entry] = await until(async () => {
    const entries = await logsOf(server, "GET /large");
    return entries.length > 0 && entries;
  });
  assert.match(entry.logLines.join(), /^\[ERROR\] HttpResponseTooLarge: /);
  const refused = await fetch(`${site}/count`, { method: "PUT", body: Buffer.alloc(21 << 20) });
  assert.equal(refused.status, 413);
  assert.match((await refused.json()).message, /http_request_bytes/);
  const unannounced = await streamed(site, "/count", 21).catch((error) => error);
  // The answer may come before everything is sent, and the connection end with it.
  assert.ok(unannounced instanceof Error || unannounced.status === 500, JSON.stringify(unannounced));
  const failures = await until(async () => {
    const entries = await logsOf(server, "PUT /count");
    return entries.length > 0 && entries;
  });
  assert.match(failures[0].error, /RequestTooLarge/);
});

test("52: a client that leaves ends the stream and aborts the signal", async (t) => {
  const { server, site, client } = await pushed(t);
  const control = new AbortController();
  const response = await fetch(`${site}/endless`, { signal: control.signal });
  const { value } = await response.body.getReader().read();
  assert.equal(Buffer.from(value).toString(), "begun");
  control.abort();
  await until(async () => (await bodies(client)).includes("canceled"));
  const entry = await executionOf(server, "GET /endless");
  assert.match(entry.logLines.join("\n"), /^\[LOG\] 'aborted' 'AbortError'\n\[INFO\] The client went away/);
});

test("78: who asks, and foreign Authorization headers", async (t) => {
  const { server, site } = await pushed(t);
  const who = async (headers) => await (await fetch(`${site}/who`, { headers })).json();
  assert.deepEqual(await who({}), { user: null, header: null });
  for (const authorization of ["Bearer foreign", "Basic dXNlcjpwYXNz", "x"]) {
    const { thrown, header } = await who({ authorization });
    assert.match(thrown, /identity is not known/);
    assert.equal(header, authorization);
  }
  const user = { subject: "s", issuer: "https://i.example" };
  const acting = Buffer.from(JSON.stringify(user)).toString("base64");
  const seen = await who({ authorization: `Convex ${server.key}:${acting}` });
  assert.equal(seen.user.tokenIdentifier, "https://i.example|s");
});

test("webhooks schedule mutations", async (t) => {
  const { site, client } = await pushed(t);
  const taken = await Promise.all(["a", "b", "c"].map((body) =>
    fetch(`${site}/hook`, { method: "POST", body: JSON.stringify({ body }), headers: { authorization: "Bearer foreign" } })));
  assert.deepEqual(taken.map((response) => response.status), [202, 202, 202]);
  await until(async () => (await bodies(client)).sort().join() === "a,b,c");
});

test("77: errors in both forms, before and after the head", async (t) => {
  const { server, site, project } = await pushed(t);
  const boom = await fetch(`${site}/fails`, { headers: { "convex-request-id": "0123456789abcdef" } });
  assert.equal(boom.status, 500);
  assert.equal(boom.headers.get("content-type"), "application/json");
  const { code, trace } = await boom.json();
  assert.equal(code, "[Request ID: 0123456789abcdef] Server Error: Uncaught Error: boom");
  assert.match(trace, /^Uncaught Error: boom\n {4}at \.\.\/convex\/http\.ts:\d+:\d+\n$/);
  const entry = await executionOf(server, "GET /fails");
  assert.deepEqual([entry.udfType, entry.success, entry.requestId], ["HttpAction", { status: "500" }, "0123456789abcdef"]);
  const withData = await (await fetch(`${site}/fails-with-data`)).json();
  assert.deepEqual(withData.data, { code: { $integer: "BwAAAAAAAAA=" } });
  assert.match((await (await fetch(`${site}/nothing`)).json()).code, /must return a Response, not text/);
  const late = await fetch(`${site}/fails-late`);
  assert.equal(late.status, 200);
  await assert.rejects(late.text());
  const broken = await executionOf(server, "GET /fails-late");
  assert.match(broken.logLines.join("\n"), /^\[LOG\] 'begins'\n\[ERROR\] The response had begun.*Uncaught Error: late/);
  const printed = project.convexRunning(t, server, ["logs", "--history", "50", "--jsonl"]);
  await until(() => printed.stdout.includes('"GET /fails-late"'), { what: "the CLI's line" });

  const redacting = await pushed(t, { args: ["--redact-logs-to-client"] });
  const hidden = await (await fetch(`${redacting.site}/fails-with-data`, { headers: { "convex-request-id": "r1" } })).json();
  assert.deepEqual(hidden, { code: "[Request ID: r1] Server Error", data: { code: { $integer: "BwAAAAAAAAA=" } } });
});
