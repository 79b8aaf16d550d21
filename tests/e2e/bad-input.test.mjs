// What the server says and does when it is given something wrong: each time a clear error, and
// the next request is served.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import WebSocket from "ws";

import { Project, Server, basicApp, lentil, run, temporaryFolder, until } from "./harness.mjs";

async function pushed(t, files = basicApp, options) {
  const server = await Server.start(t, options);
  const project = new Project(t, files);
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(result.code, 0, result.stderr);
  return { server, project };
}

async function serveFails(args, env = {}) {
  const result = await run(lentil, ["serve", ...args], { env, limitMs: 20_000 });
  assert.ok(!result.timedOut, `the server started: ${result.stderr}`);
  assert.notEqual(result.code, 0);
  assert.doesNotMatch(result.stderr, /panicked/);
  return result.stderr;
}

test("a port in use is named, with the way to change it", async (t) => {
  const server = await Server.start(t);
  const data = path.join(temporaryFolder(t), "data");
  const said = await serveFails(["--data", data, "--port", String(server.port), "--site-port", String(server.sitePort)]);
  assert.match(said, new RegExp(String(server.port)));
  assert.match(said, /--port/);
});

test("a data folder that another server has open is refused", async (t) => {
  const server = await Server.start(t);
  const said = await serveFails(["--data", server.data, "--port", "0", "--site-port", "0"]);
  assert.match(said, /another|already/i);
  assert.ok(said.includes(server.data), said);
});

test("a data folder that cannot be written is refused", async (t) => {
  const file = path.join(temporaryFolder(t), "file");
  fs.writeFileSync(file, "");
  const said = await serveFails(["--data", path.join(file, "data"), "--port", "0", "--site-port", "0"]);
  assert.ok(said.includes(file), said);
});

test("Node missing or too old: says what to install", async (t) => {
  const folder = temporaryFolder(t);
  const missing = await serveFails(["--data", path.join(folder, "a"), "--port", "0", "--site-port", "0"], {
    LENTIL_NODE: path.join(folder, "no-node"),
  });
  assert.match(missing, /Node/);
  const old = path.join(folder, "old-node");
  fs.writeFileSync(old, "#!/bin/sh\necho v16.20.0\n", { mode: 0o755 });
  const tooOld = await serveFails(["--data", path.join(folder, "b"), "--port", "0", "--site-port", "0"], { LENTIL_NODE: old });
  assert.match(tooOld, /16\.20/);
  assert.match(tooOld, /20\.18/);
});

test("a malformed secret is refused", async (t) => {
  const said = await serveFails(["--data", path.join(temporaryFolder(t), "data"), "--port", "0", "--site-port", "0"], {
    INSTANCE_NAME: "x",
    INSTANCE_SECRET: "nonsense",
  });
  assert.match(said, /64/);
});

test("the published test key of the carnitas instance is accepted when so configured", async (t) => {
  const server = await Server.start(t, {
    env: {
      INSTANCE_NAME: "carnitas",
      INSTANCE_SECRET: "4361726e697461732c206c69746572616c6c79206d65616e696e6720226c6974",
    },
  });
  const key =
    "carnitas|0135d8598650f8f5cb0f30c34ec2e2bb62793bc28717c8eb6fb577996d50be5f4281b59181095065c5d0f86a2c31ddbe9b597ec62b47ded69782cd";
  const checked = await fetch(`${server.url}/api/check_admin_key`, { headers: { authorization: `Convex ${key}` } });
  assert.equal(checked.status, 200);
  const wrong = await fetch(`${server.url}/api/check_admin_key`, { headers: { authorization: `Convex ${key.slice(0, -2)}` } });
  assert.equal(wrong.status, 401);
  assert.equal((await wrong.json()).code, "BadAdminKey");
  assert.equal(await (await fetch(`${server.url}/instance_name`)).text(), "carnitas");
});

test("functions that loop, eat memory or throw anything cost one call", async (t) => {
  const { server } = await pushed(t, {
    "convex/bad.ts": `import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
export const loop = query({ args: {}, handler: async () => { for (;;) {} } });
export const promises = query({ args: {}, handler: async () => { for (;;) await null; } });
export const regex = query({ args: {}, handler: async () => /^(a+)+$/.test("a".repeat(40) + "b") });
export const memory = query({ args: {}, handler: async () => { const all: any[] = []; for (;;) all.push(new Array(1e5).fill({})); } });
export const buffers = query({ args: {}, handler: async () => { const all: any[] = []; for (;;) all.push(new Uint8Array(1e7).fill(1)); } });
export const string = query({ args: {}, handler: async () => { throw "text"; } });
export const nothing = query({ args: {}, handler: async () => { throw null; } });
export const never = query({ args: {}, handler: async () => await new Promise(() => {}) });
export const recursion = query({ args: {}, handler: async () => { const f = (): number => f() + 1; return f(); } });
export const proxy = query({ args: {}, handler: async () => { throw new Proxy({}, { get() { throw 1; } }); } });
export const deep = mutation({ args: {}, handler: async (ctx) => {
  let value: any = 1; for (let i = 0; i < 20; i++) value = [value];
  await ctx.db.insert("t", { value }); } });
export const large = mutation({ args: {}, handler: async (ctx) => { await ctx.db.insert("t", { value: "x".repeat(1 << 20) }); } });
export const fine = query({ args: {}, handler: async () => "fine" });
export const exit = query({ args: {}, handler: async () => { (globalThis as any).process.exit(1); } });
`,
  });
  const http = new ConvexHttpClient(server.url);
  const expected = {
    loop: /Function execution timed out \(maximum duration: 1s\)/,
    promises: /timed out/,
    regex: /timed out/,
    memory: /ran out of memory/,
    // On a busy machine the second is over before the memory is full.
    buffers: /ran out of memory|allocation failed|timed out/i,
    string: /Uncaught text/,
    nothing: /Uncaught null/,
    never: /Returned promise will never resolve/,
    recursion: /Maximum call stack size exceeded/,
    proxy: /Uncaught/,
    exit: /exit is not a function/,
  };
  for (const [name, text] of Object.entries(expected)) {
    await assert.rejects(http.query(api.bad[name], {}), text, name);
    assert.equal(await http.query(api.bad.fine, {}), "fine", `after ${name}`);
  }
  await assert.rejects(http.mutation(api.bad.deep, {}), /too nested/i);
  await assert.rejects(http.mutation(api.bad.large, {}), /Value is too large/);
});

test("malformed HTTP requests get a code and a sentence", async (t) => {
  const { server } = await pushed(t);
  const cases = [
    ["{", 400, "BadJsonBody"],
    [{ args: {} }, 400, "BadJsonBody"],
    [{ path: "a b:c", args: {} }, 400, "BadConvexFunctionIdentifier"],
    [{ path: "messages:list", args: {}, format: "nope" }, 400, "BadFormat"],
  ];
  for (const [body, status, code] of cases) {
    const answer = await server.post("/api/query", body);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.code, code);
    assert.ok(answer.json.message.length > 10);
  }
  assert.equal((await server.post("/api/query", { path: "messages:list", args: {} }, { authorization: "Bearer garbage" })).status, 401);
  assert.equal((await server.post("/api/query", { path: "messages:list", args: {} }, { authorization: "Basic abcdef" })).status, 400);
  const deep = await server.post("/api/query", `{"path":"messages:echo","args":{"value":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`);
  assert.ok(deep.status === 400 || deep.json.status === "error", deep.text);
  const large = await server.post("/api/query", { path: "messages:echo", args: { value: "x".repeat(17 << 20) } });
  assert.equal(large.status, 400);
  const start = Date.now();
  const unknown = await server.post("/api/no_such_endpoint", {});
  assert.ok(unknown.status !== 404 && unknown.status >= 400, "a 404 would make the CLI wait half a minute");
  assert.ok(unknown.json.message);
  assert.ok(Date.now() - start < 2000);
  assert.equal((await server.post("/api/query", { path: "messages:list", args: {} })).json.status, "success");
});

test("malformed WebSocket traffic ends that socket alone", async (t) => {
  const { server } = await pushed(t);
  const send = (text) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/1.48.0/sync`);
      const received = [];
      socket.on("open", () => socket.send(text));
      socket.on("message", (data) => received.push(JSON.parse(String(data))));
      socket.on("close", (code) => resolve({ code, received }));
      socket.on("error", reject);
    });
  for (const text of ["not json", '{"type":"Nope"}', '{"type":"ModifyQuerySet","baseVersion":7,"newVersion":8,"modifications":[]}', "[".repeat(200_000)]) {
    const { received } = await send(text);
    assert.ok(received.some((message) => message.type === "FatalError" && message.error), text.slice(0, 40));
  }
  const garbage = net.connect(server.port, "127.0.0.1");
  garbage.resume().end("\x00\x01garbage\r\n\r\n");
  await new Promise((resolve) => garbage.on("close", resolve));
  assert.equal((await server.post("/api/query", { path: "messages:list", args: {} })).json.status, "success");
});

test("a full disk refuses writes with a clear error, serves reads, and loses nothing", async (t) => {
  if (process.getuid() !== 0) return t.skip("needs root to mount a small file system");
  const folder = temporaryFolder(t);
  const mount = await run("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]);
  assert.equal(mount.code, 0, mount.stderr);
  let server;
  try {
    ({ server } = await pushed(t, basicApp, { data: path.join(folder, "data") }));
    const http = new ConvexHttpClient(server.url);
    let acknowledged = 0;
    let failure;
    for (let i = 0; i < 100 && !failure; i++) {
      await http.mutation(api.messages.send, { body: "x".repeat(900_000) }).then(
        () => acknowledged++,
        (error) => (failure = error),
      );
    }
    assert.ok(failure, "the disk never filled");
    assert.ok(acknowledged > 0);
    await until(() => /full|space/i.test(server.log), { what: `a log line about the disk\n${server.log}` });
    assert.equal(await http.query(api.messages.echo, { value: 1 }), 1, "reads go on");
    await server.kill();
    const grown = await run("mount", ["-o", "remount,size=200m", folder]);
    assert.equal(grown.code, 0, grown.stderr);
    await server.restart();
    let rows = 0;
    for (let cursor = null, done = false; !done; ) {
      const page = await http.query(api.messages.paged, { paginationOpts: { numItems: 8, cursor } });
      rows += page.page.length;
      ({ continueCursor: cursor, isDone: done } = page);
    }
    assert.ok(rows === acknowledged || rows === acknowledged + 1, `${rows} rows, ${acknowledged} acknowledged`);
    await http.mutation(api.messages.send, { body: "after" });
  } finally {
    await server?.kill();
    await run("umount", ["-l", folder]);
  }
});

test("SIGTERM and SIGINT end the server cleanly", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"]) {
    const server = await Server.start(t);
    const start = Date.now();
    assert.equal(await server.stop(signal), 0, server.log);
    assert.ok(Date.now() - start < 10_000);
  }
});
