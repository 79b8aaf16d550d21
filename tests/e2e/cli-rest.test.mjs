// What is left of the numbered scenarios of the CLI specification, section 21: routes and jobs,
// data, parts of imports, logs, refusals, and a machine without a network.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

import { between } from "./between.mjs";
import { Project, Server, basicApp, until } from "./harness.mjs";

test("31: routes and jobs are told by function-spec and in lists", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, {
    ...basicApp,
    "convex/http.ts": `import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
const http = httpRouter();
const handler = httpAction(async () => new Response("ok"));
http.route({ path: "/one", method: "GET", handler });
http.route({ pathPrefix: "/two/", method: "POST", handler });
export default http;`,
    "convex/crons.ts": `import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.daily("clean up", { hourUTC: 3, minuteUTC: 7 }, internal.messages.wipe);
export default crons;`,
  });
  const pushed = await project.convex(server, ["dev", "--once"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const { functions } = JSON.parse((await project.convex(server, ["function-spec"])).stdout);
  const routes = functions.filter((each) => each.functionType === "HttpAction");
  assert.deepEqual(routes.map(({ method, path }) => `${method} ${path}`).sort(), ["GET /one", "POST /two/*"]);
  const asked = { path: "_system/frontend/listCronJobs", format: "json", args: [{}] };
  const listed = await server.post("/api/query", asked, { authorization: `Convex ${server.key}` });
  assert.deepEqual(listed.json.value.map((job) => job.name), ["clean up"]);
});

test("38: run --watch ends when the query throws", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const watched = await project.convex(server, ["run", "messages:failQuery", "--watch"]);
  assert.equal(watched.code, 1);
  assert.match(watched.stderr, /query boom/);
});

test("45: data of system tables, empty tables, and a hint that there is more", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { ...basicApp, "rows.jsonl": '{"body":"one"}\n{"body":"two"}\n{"body":"three"}\n' });
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const empty = await project.convex(server, ["data", "messages"]);
  assert.equal(empty.code, 0, empty.stderr);
  assert.match(empty.stderr, /no documents/);
  assert.equal((await project.convex(server, ["import", "--table", "messages", "rows.jsonl"])).code, 0);
  const two = await project.convex(server, ["data", "messages", "--limit", "2"]);
  assert.equal(two.code, 0, two.stderr);
  assert.match(two.stdout, /three[\s\S]*two/);
  assert.match(two.stderr + two.stdout, /more/);
  const files = await project.convex(server, ["data", "_storage"]);
  assert.equal(files.code, 0, files.stderr);
});

test("50: a snapshot without the mark of its encoding has floats", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, {
    "convex/numbers.ts": `import { query } from "./_generated/server";
export const types = query({ args: {}, handler: async (ctx) => (await ctx.db.query("numbers").collect()).map((row) => typeof row.n) });`,
    "rows.jsonl": '{"n":{"$integer":"BwAAAAAAAAA="}}\n',
  });
  assert.equal((await project.convex(server, ["dev", "--once", "--typecheck", "disable"])).code, 0);
  const types = async () => JSON.parse((await project.convex(server, ["run", "numbers:types"])).stdout);
  assert.equal((await project.convex(server, ["import", "--table", "numbers", "rows.jsonl"])).code, 0);
  assert.deepEqual(await types(), ["bigint"]);
  assert.equal((await project.convex(server, ["export", "--path", "all.zip"])).code, 0);
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as whole, zipfile.ZipFile(sys.argv[2], "w") as less:
    for name in whole.namelist():
        if not name.endswith("generated_schema.jsonl"):
            less.writestr(name, whole.read(name))`;
  const zips = ["all.zip", "less.zip"].map((name) => path.join(project.folder, name));
  execFileSync(process.env.LENTIL_PYTHON ?? "python3", ["-c", script, ...zips]);
  for (const [name, type] of [["all.zip", "bigint"], ["less.zip", "number"]]) {
    const imported = await project.convex(server, ["import", "--replace-all", "-y", name]);
    assert.equal(imported.code, 0, imported.stderr);
    assert.deepEqual(await types(), [type]);
  }
});

test("51: a file of 6 MiB is uploaded in two parts", async (t) => {
  const server = await Server.start(t);
  const line = `${JSON.stringify({ body: "x".repeat(1013) })}\n`;
  const project = new Project(t, { ...basicApp, "rows.jsonl": line.repeat(6 << 10) });
  assert.equal(line.length, 1024 + 1);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const link = await between(t, server);
  const imported = await project.convex(link.server, ["import", "--table", "messages", "rows.jsonl"]);
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stderr, /Added 6144 documents/);
  const parts = link.seen.filter((asked) => asked.path === "/api/import/upload_part").map((asked) => asked.size);
  assert.deepEqual(parts, [5 << 20, (6 << 10) * line.length - (5 << 20)]);
  assert.equal(link.sent("/api/import/finish_upload")[0].partTokens.length, 2);
});

test("53: a second export while one runs is refused with a text", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const authorization = `Convex ${server.key}`;
  const begin = async () => {
    // Asked for until one is refused: an export of little data is over soon.
    const asked = await server.post("/api/export/request/zip?includeStorage=false", "", { authorization });
    assert.equal(asked.status, 200, asked.text);
  };
  let refused;
  for (let tries = 0; tries < 20 && !refused; tries++) {
    const link = await between(t, server, { "/api/export/request/zip": [begin] });
    const exported = await project.convex(link.server, ["export", "--path", `export-${tries}.zip`]);
    if (exported.code !== 0) refused = exported;
  }
  assert.match(refused.stderr, /already requested or in progress/);
});

test("55: who waits for log lines is held for a minute and told that there are none", async (t) => {
  const server = await Server.start(t);
  const headers = { authorization: `Convex ${server.key}` };
  const ask = async (cursor) => {
    const start = Date.now();
    const answer = await fetch(`${server.url}/api/stream_function_logs?cursor=${cursor}`, { headers });
    return { ...(await answer.json()), ms: Date.now() - start };
  };
  const cursor = 4e12;
  const idle = await ask(cursor);
  assert.deepEqual(idle.entries, []);
  assert.equal(idle.newCursor, cursor);
  assert.ok(idle.ms > 50_000 && idle.ms < 90_000, `${idle.ms} ms`);
});

test("58-60: what self-hosted deployments do not have is said, and deployments are told apart", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const insights = await project.convex(server, ["insights"]);
  assert.equal(insights.code, 1);
  const usage = await project.convex(server, ["deployment", "usage"]);
  assert.equal(usage.code, 0, usage.stderr);
  const both = await project.convex(server, ["env", "list"], { env: { CONVEX_DEPLOYMENT: "dev:happy-animal-123" } });
  assert.equal(both.code, 1);
  assert.match(both.stderr, /CONVEX_DEPLOYMENT/);
});

test("61: without a network it is as with one", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  // Whoever asks beyond this machine gets no answer.
  const env = { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1,localhost" };
  const pushed = await project.convex(server, ["dev", "--once"], { env });
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /Convex functions ready!/);
  assert.equal((await project.convex(server, ["env", "set", "A", "b"], { env })).code, 0);
  assert.equal((await project.convex(server, ["env", "get", "A"], { env })).stdout.trim(), "b");
  project.write({ "convex/broken.ts": 'throw new Error("at import");\nexport const x = 1;' });
  const broken = await project.convex(server, ["dev", "--once", "--typecheck", "disable"], { env });
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /at import/);
  project.write({ "convex/broken.ts": null });
  await until(async () => (await project.convex(server, ["run", "messages:list"], { env })).code === 0);
});
