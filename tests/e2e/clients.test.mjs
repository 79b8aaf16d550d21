// The stock clients (JavaScript, Rust, Python) against the binary.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, basicApp, root, run, temporaryFolder, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;
const api = anyApi;

async function pushed(t, files = basicApp, options) {
  const server = await Server.start(t, options);
  const project = new Project(t, files);
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(result.code, 0, result.stderr);
  return { server, project };
}

function client(t, server) {
  const made = new ConvexClient(server.url);
  t.after(() => made.close());
  return made;
}

test("ConvexClient: a subscription follows mutations of another client", async (t) => {
  const { server } = await pushed(t);
  const [reader, writer] = [client(t, server), client(t, server)];
  const seen = [];
  reader.onUpdate(api.messages.list, {}, (rows) => seen.push(rows.map((row) => row.body)));
  await until(() => seen.length === 1, { what: "first result" });
  for (const body of ["a", "b", "c"]) await writer.mutation(api.messages.send, { body });
  await until(() => seen.at(-1).length === 3, { what: "three rows" });
  assert.deepEqual(seen.at(-1), ["a", "b", "c"]);
});

test("ConvexClient: errors reach the caller with data, and nothing was written", async (t) => {
  const { server } = await pushed(t);
  const one = client(t, server);
  await assert.rejects(one.mutation(api.messages.fail, { convex: false }), /Uncaught Error: boom/);
  const error = await one.mutation(api.messages.fail, { convex: true }).catch((e) => e);
  assert.deepEqual(error.data, { code: 7, text: "no" });
  await assert.rejects(one.query(api.messages.failQuery, {}), /query boom/);
  await assert.rejects(one.query(api.messages.nothing, {}), /Could not find public function for 'messages:nothing'/);
  await assert.rejects(one.query(api.messages.secret, {}), /Could not find public function for 'messages:secret'/);
  await assert.rejects(one.mutation(api.messages.send, { body: 5 }), /ArgumentValidationError/);
  assert.deepEqual(await one.query(api.messages.list, {}), []);
});

test("ConvexClient: values of every type come back as they went", async (t) => {
  const { server } = await pushed(t);
  const one = client(t, server);
  const values = [null, true, 1, -0, NaN, Infinity, 2n ** 62n, -1n, "ü\u{1F600}", new Uint8Array([1, 2, 255]).buffer, [1, [2n]], { a: { b: [] } }];
  const back = await one.query(api.messages.echo, { value: values });
  assert.deepEqual(back, values);
  assert.ok(Object.is(back[3], -0));
});

test("ConvexHttpClient: query, mutation, consistent reads, errors in both forms", async (t) => {
  const { server } = await pushed(t);
  const http = new ConvexHttpClient(server.url);
  const id = await http.mutation(api.messages.send, { body: "x" });
  assert.match(id, /^[0-9a-z]{31,37}$/);
  assert.equal((await http.query(api.messages.list, {})).length, 1);
  const before = await http.consistentQuery(api.messages.list, {});
  await http.mutation(api.messages.send, { body: "y" });
  assert.deepEqual(await http.consistentQuery(api.messages.list, {}), before);
  const error = await http.mutation(api.messages.fail, { convex: true }).catch((e) => e);
  assert.deepEqual(error.data, { code: 7, text: "no" });

  const { server: production } = await pushed(t, basicApp, { args: ["--redact-logs-to-client"] });
  const redacted = new ConvexHttpClient(production.url);
  const hidden = await redacted.mutation(api.messages.fail, { convex: false }).catch((e) => e);
  assert.match(hidden.message, /^\[Request ID: [0-9a-f]{16}\] Server Error$/);
  const data = await redacted.mutation(api.messages.fail, { convex: true }).catch((e) => e);
  assert.deepEqual(data.data, { code: 7, text: "no" });
});

test("20-23 of function-runtime: paginated queries over HTTP see every row once", async (t) => {
  const { server } = await pushed(t);
  const http = new ConvexHttpClient(server.url);
  for (let i = 0; i < 25; i++) await http.mutation(api.messages.send, { body: String(i) });
  const bodies = [];
  let cursor = null;
  for (let pages = 0; ; pages++) {
    assert.ok(pages < 10);
    const result = await http.query(api.messages.paged, { paginationOpts: { numItems: 10, cursor } });
    bodies.push(...result.page.map((row) => row.body));
    cursor = result.continueCursor;
    if (result.isDone) break;
  }
  assert.deepEqual(bodies, Array.from({ length: 25 }, (_, i) => String(i)));
});

test("a push reaches live clients without a reconnect", async (t) => {
  const { server, project } = await pushed(t);
  const one = client(t, server);
  const seen = [];
  one.onUpdate(api.messages.list, {}, (rows) => seen.push(rows));
  await until(() => seen.length === 1, { what: "first result" });
  project.write({ "convex/messages.ts": basicApp["convex/messages.ts"].replace('return await ctx.db.query("messages").collect();', 'return "new code";') });
  const again = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(again.code, 0, again.stderr);
  await until(() => seen.at(-1) === "new code", { what: "the new code's result" });
  assert.equal(one.connectionState().connectionCount, 1, "the same connection");
});

test("kill -9: acknowledged mutations are there, unanswered ones are applied once", async (t) => {
  const { server } = await pushed(t);
  const one = client(t, server);
  const seen = [];
  one.onUpdate(api.messages.list, {}, (rows) => seen.push(rows.map((row) => row.body)));
  await until(() => seen.length === 1, { what: "first result" });
  const acknowledged = [];
  const all = [];
  for (let round = 0; round < 3; round++) {
    const sends = Array.from({ length: 40 }, (_, i) => {
      const body = `${round}-${i}`;
      return one.mutation(api.messages.send, { body }).then(() => acknowledged.push(body));
    });
    all.push(...sends);
    await until(() => acknowledged.length > round * 40 + 5, { what: "some acknowledgements" });
    await server.kill();
    await server.restart();
    await Promise.all(sends);
  }
  await until(() => seen.at(-1).length >= 120, { what: "all rows" });
  const rows = await new ConvexHttpClient(server.url).query(api.messages.list, {});
  assert.equal(rows.length, 120, "none lost, none doubled");
  assert.equal(new Set(rows.map((row) => row.body)).size, 120);
});

test("a hundred clients that connect while the server starts all get their result", async (t) => {
  const { server } = await pushed(t);
  await server.kill();
  const clients = Array.from({ length: 100 }, () => client(t, server));
  const results = clients.map((one) => new Promise((resolve) => one.onUpdate(api.messages.list, {}, resolve)));
  await server.restart();
  for (const rows of await Promise.all(results)) assert.deepEqual(rows, []);
});

test("a client from before the data folder was wiped is served again, or told why not", async (t) => {
  const { server } = await pushed(t);
  const one = client(t, server);
  const seen = [];
  one.onUpdate(api.messages.list, {}, (rows) => seen.push(rows), () => seen.push("error"));
  await one.mutation(api.messages.send, { body: "before" });
  await until(() => seen.length > 0 && seen.at(-1).length === 1, { what: "first row" });
  await server.kill();
  const port = server.port;
  const fresh = await Server.start(t, { port, sitePort: server.sitePort });
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(fresh, ["dev", "--once", "--typecheck", "disable"])).code, 0);
  await until(() => Array.isArray(seen.at(-1)) && seen.at(-1).length === 0, { limitMs: 40_000, what: "the wiped state" });
});

test("examples/notes: the Rust client, end to end", async (t) => {
  const server = await Server.start(t);
  const folder = path.join(root, "examples/notes");
  const project = new Project(t, {});
  const { cpSync } = await import("node:fs");
  cpSync(path.join(folder, "convex"), path.join(project.folder, "convex"), { recursive: true });
  const push = await project.convex(server, ["dev", "--once"]);
  assert.equal(push.code, 0, push.stderr);
  const notes = (...args) =>
    run(process.env.LENTIL_NOTES_BIN, args, { cwd: project.folder, env: { CONVEX_URL: server.url } });

  const watching = spawn(process.env.LENTIL_NOTES_BIN, ["watch", "--count", "3"], {
    env: { ...process.env, CONVEX_URL: server.url },
  });
  t.after(() => watching.kill("SIGKILL"));
  let watched = "";
  watching.stdout.on("data", (part) => (watched += part));
  const watchEnded = once(watching, "exit");
  await until(() => watched.length > 0, { what: "the first state" });

  const created = await notes("create", "First", "Some text");
  assert.equal(created.code, 0, created.stderr + created.stdout);
  const id = /[0-9a-z]{31,37}/.exec(created.stdout)?.[0];
  assert.ok(id, created.stdout);
  await until(() => watched.includes("First"), { what: "the watcher sees the new note" });
  const updated = await notes("update", id, "--title", "Second");
  assert.equal(updated.code, 0, updated.stderr + updated.stdout);
  const [code] = await watchEnded;
  assert.equal(code, 0);
  assert.match(watched, /Second/);
  assert.match((await notes("list")).stdout, /Second/);
  const empty = await notes("create", "", "x");
  assert.match(empty.stdout + empty.stderr, /ConvexError/);
  assert.equal((await notes("delete", id)).code, 0);
  assert.doesNotMatch((await notes("list")).stdout, /Second/);
});

test("the Python client: HTTP and WebSocket, subscription, errors, a 20 MB result", async (t) => {
  const { server } = await pushed(t, {
    ...basicApp,
    "convex/big.ts": `import { query } from "./_generated/server";
import { v } from "convex/values";
export const big = query({ args: { mb: v.number() }, handler: async (_, { mb }) =>
  Array.from({ length: mb }, () => "x".repeat(1 << 20)) });`,
  });
  const script = path.join(temporaryFolder(t), "client.py");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(
    script,
    `
import sys
from convex import ConvexClient, ConvexError
client = ConvexClient(sys.argv[1])
assert client.query("messages:list") == []
follower = ConvexClient(sys.argv[1])
rows = iter(follower.subscribe("messages:list"))
assert next(rows) == []
client.mutation("messages:send", {"body": "one"})
assert [row["body"] for row in next(rows)] == ["one"]
client.mutation("messages:send", {"body": "two"})
assert [row["body"] for row in next(rows)] == ["one", "two"]
try:
    client.mutation("messages:fail", {"convex": True})
    raise SystemExit("no error")
except ConvexError as error:
    assert error.data["code"] == 7, error.data
try:
    client.mutation("messages:fail", {"convex": False})
    raise SystemExit("no error")
except Exception as error:
    assert "boom" in str(error), error
big = client.query("big:big", {"mb": 15})
assert len(big) == 15 and len(big[0]) == 1 << 20
from convex.http_client import ConvexHttpClient
http = ConvexHttpClient(sys.argv[1])
assert len(http.query("messages:list")) == 2
print("python ok")
`,
  );
  const result = await run(process.env.LENTIL_PYTHON, [script, server.url], { limitMs: 90_000 });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /python ok/);
});
