// Node actions ("use node"), through the stock CLI and clients. What is installed comes from the npm
// registry that npm on this machine is configured for.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, basicApp, run, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;
const api = anyApi;

const nodes = `"use node";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ConvexError, v } from "convex/values";
import { action, internalAction } from "./_generated/server";
import { api, internal } from "./_generated/api";
import { shared } from "./lib/shared";

let calls = 0;

export const everything = action({
  args: { text: v.string() },
  returns: v.any(),
  handler: async (ctx, { text }): Promise<any> => {
    const file = path.join(os.tmpdir(), "note.txt");
    fs.writeFileSync(file, text);
    console.log("node line", { text });
    await ctx.runMutation(api.messages.send, { body: text });
    const rows = await ctx.runQuery(api.messages.list, {});
    const stored = await ctx.storage.store(new Blob([text], { type: "text/plain" }));
    const blob = await ctx.storage.get(stored);
    const identity = await ctx.auth.getUserIdentity();
    await ctx.scheduler.runAfter(0, internal.nodes.later, { body: "later" });
    return {
      hash: crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex"),
      rows: rows.length,
      blob: await blob!.text(),
      type: blob!.type,
      url: (await ctx.storage.getUrl(stored))!.startsWith(process.env.CONVEX_CLOUD_URL!),
      identity: identity?.name ?? null,
      other: await ctx.runAction(api.plain.relay, {}),
      shared: shared(),
      name: (await ctx.meta.getFunctionMetadata()).name,
    };
  },
});
export const later = internalAction({
  args: { body: v.string() },
  handler: async (ctx, { body }) => void (await ctx.runMutation(api.messages.send, { body })),
});
export const inner = internalAction({ args: {}, handler: async () => "of node " + process.version.split(".")[0] });
export const count = action({ args: {}, handler: async () => ++calls });
export const mine = action({ args: {}, handler: async () => process.env.MINE ?? null });
export const exits = action({ args: {}, handler: async () => process.exit(1) });
export const rejects = action({
  args: {},
  handler: async () => {
    void Promise.reject(new Error("nobody waits"));
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});
export const fails = action({
  args: { convex: v.boolean() },
  handler: async (ctx, { convex }) => {
    throw convex ? new ConvexError({ code: 7 }) : new Error("boom");
  },
});
export const size = action({ args: { text: v.string() }, handler: async (ctx, { text }) => text.length });
`;

const app = {
  ...basicApp,
  "convex/nodes.ts": nodes,
  "convex/plain.ts": `
import { action } from "./_generated/server";
import { internal } from "./_generated/api";
export const relay = action({ args: {}, handler: async (ctx): Promise<string> => await ctx.runAction(internal.nodes.inner, {}) });
`,
  "convex/lib/shared.ts": `
export const shared = () => "shared";
`,
  "convex/http.ts": `
import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";
import { internal } from "./_generated/api";
const http = httpRouter();
http.route({ path: "/node", method: "GET", handler: httpAction(async (ctx) => new Response(await ctx.runAction(internal.nodes.inner, {}))) });
export default http;
`,
  "convex/crons.ts": `
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.interval("node", { hours: 1 }, internal.nodes.later, { body: "from a cron" });
export default crons;
`,
};

const push = ["dev", "--once", "--typecheck", "disable"];

async function pushed(t, files, options) {
  const server = await Server.start(t);
  const project = new Project(t, files, options);
  const result = await project.convex(server, push);
  assert.equal(result.code, 0, result.stderr + server.log);
  return { server, project };
}

/** A project whose node_modules are its own, with packages that only say which they are. */
function projectWith(t, files, packages) {
  const project = new Project(t, files, { dependencies: packages });
  const modules = path.join(project.folder, "node_modules");
  fs.unlinkSync(modules);
  fs.mkdirSync(modules);
  for (const name of fs.readdirSync(project.modules)) fs.symlinkSync(path.join(project.modules, name), path.join(modules, name));
  for (const [name, version] of Object.entries(packages)) {
    project.write({
      [`node_modules/${name}/package.json`]: JSON.stringify({ name, version, main: "index.js" }),
      [`node_modules/${name}/index.js`]: "throw new Error('this is not the package');",
    });
  }
  return project;
}

/** The major version of the server's own Node. */
async function ownVersion() {
  const { stdout } = await run(process.env.LENTIL_NODE ?? "node", ["--version"]);
  return /^v(\d+)/.exec(stdout)[1];
}

const bodies = (rows) => rows.map((row) => row.body);

async function entries(server) {
  const response = await fetch(`${server.url}/api/stream_function_logs?cursor=0`, {
    headers: { authorization: `Convex ${server.key}` },
  });
  return (await response.json()).entries;
}

test("called by clients, the CLI, HTTP, the scheduler, crons and other actions", async (t) => {
  const { server, project } = await pushed(t, app);
  const client = new ConvexClient(server.url);
  t.after(() => client.close());
  const got = await client.action(api.nodes.everything, { text: "hello" });
  const other = `of node v${await ownVersion()}`;
  assert.deepEqual({ ...got, rows: got.rows > 0 }, {
    hash: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    rows: true, blob: "hello", type: "text/plain", url: true, identity: null, other, shared: "shared",
    name: "nodes:everything",
  });
  const seen = await until(async () => {
    const rows = bodies(await client.query(api.messages.list, {}));
    return rows.includes("later") && rows.includes("from a cron") && rows;
  }, { what: "what was scheduled" });
  assert.ok(seen.includes("hello"));
  const ran = await project.convex(server, ["run", "nodes:inner", "{}"]);
  assert.match(ran.stdout, /of node v\d+/);
  const as = await project.convex(server, ["run", "nodes:everything", '{"text":"as"}', "--identity", '{"name":"J"}']);
  assert.match(as.stdout, /"identity": "J"/, as.stderr);
  const overHttp = await fetch(`http://127.0.0.1:${server.sitePort}/node`);
  assert.match(await overHttp.text(), /^of node v\d+$/);
  await assert.rejects(client.action(api.nodes.inner, {}), /Could not find public function for 'nodes:inner'/);
  await assert.rejects(client.action(api.nodes.everything, { text: 5 }), /ArgumentValidationError/);
  const logged = (await entries(server)).filter((entry) => entry.identifier === "nodes:everything" && !entry.error);
  // Lines come in entries of their own, ahead of the one of the end.
  const ended = logged.filter((entry) => entry.kind === "Completion");
  assert.ok(ended.length === 2 && ended.every((entry) => entry.environment === "node"), JSON.stringify(logged));
  assert.equal(logged.flatMap((entry) => entry.logLines)[0], "[LOG] 'node line' { text: 'hello' }");
  const spec = JSON.parse((await project.convex(server, ["function-spec"])).stdout);
  const found = spec.functions.find((each) => each.identifier === "nodes.js:everything");
  assert.equal(found.functionType, "Action");
  assert.equal(found.visibility.kind, "public");
});

test("80: module state stays in a warm process, an exit fails one call, 6 MiB are too much", async (t) => {
  const { server, project } = await pushed(t, app);
  const http = new ConvexHttpClient(server.url);
  assert.equal(await http.action(api.nodes.count, {}), 1);
  assert.equal(await http.action(api.nodes.count, {}), 2);
  await assert.rejects(http.action(api.nodes.exits, {}), /Uncaught Error: process\.exit\(1\) was called/);
  assert.equal(await http.action(api.nodes.count, {}), 1);
  await assert.rejects(http.action(api.nodes.rejects, {}), /Uncaught unhandledRejection: nobody waits\n {4}at handler \(\.\.\/convex\/nodes\.ts:/);
  assert.equal(await http.action(api.nodes.size, { text: "x".repeat(4 << 20) }), 4 << 20);
  await assert.rejects(http.action(api.nodes.size, { text: "x".repeat(6 << 20) }), /ArgsTooLarge/);
  await assert.rejects(http.action(api.nodes.fails, { convex: false }), /Uncaught Error: boom\n {4}at handler \(\.\.\/convex\/nodes\.ts:\d+/);
  const error = await http.action(api.nodes.fails, { convex: true }).catch((e) => e);
  assert.deepEqual(error.data, { code: 7 });

  // Variables, new code and a restart of the server each mean fresh modules.
  assert.equal(await http.action(api.nodes.mine, {}), null);
  assert.equal(await http.action(api.nodes.count, {}), 1);
  assert.equal((await project.convex(server, ["env", "set", "MINE", "line one\nline two"])).code, 0);
  assert.equal(await http.action(api.nodes.mine, {}), "line one\nline two");
  assert.equal(await http.action(api.nodes.count, {}), 1);
  project.write({ "convex/nodes.ts": nodes.replace("++calls", "(calls += 10)") });
  assert.equal((await project.convex(server, push)).code, 0);
  assert.equal(await http.action(api.nodes.count, {}), 10);
  assert.equal(await http.action(api.nodes.count, {}), 20);
  await server.stop();
  await server.restart();
  assert.equal(await http.action(api.nodes.count, {}), 10);
});

test("the older CLI pushes Node modules, too", async (t) => {
  const { server, project } = await pushed(t, app, { cli: "old" });
  const ran = await project.convex(server, ["run", "plain:relay", "{}"]);
  assert.match(ran.stdout, /of node v\d+/, ran.stderr);
});

test("what is wrong with a Node module fails the push", async (t) => {
  const server = await Server.start(t);
  const cases = [
    ["export const q = query({ args: {}, handler: async () => 1 });", /`q` of nodes\.js is a query, and nodes\.js is marked "use node"/],
    ["throw new Error('at import');", /Failed to analyze nodes\.js: Uncaught Error: at import\n\s+at .*convex\/nodes\.ts:3/],
  ];
  for (const [source, says] of cases) {
    const project = new Project(t, {
      ...basicApp, "convex/nodes.ts": `"use node";\nimport { query } from "./_generated/server";\n${source}\nexport const z = query;`,
    });
    const result = await project.convex(server, push);
    assert.match(result.stderr, says);
  }
  const off = await Server.start(t, { args: ["--node-actions", "off"] });
  const refused = await new Project(t, app).convex(off, push);
  assert.match(refused.stderr, /DeploymentNotConfiguredForNodeActions.*\n?.*--node-actions off/);
  const closed = await Server.start(t, { args: ["--action-network", "public-only"] });
  const restricted = await new Project(t, app).convex(closed, push);
  assert.match(restricted.stderr, /--action-network public-only/);
});

const resizing = (more = "") => ({
  ...basicApp,
  "convex.json": JSON.stringify({ node: { externalPackages: ["sharp"] } }),
  "convex/images.ts": `"use node";
import sharp from "sharp";
import { action } from "./_generated/server";
import { v } from "convex/values";
${more}
export const shrink = action({
  args: { width: v.number() },
  handler: async (ctx, { width }) => {
    const large = await sharp({ create: { width: 640, height: 480, channels: 3, background: "red" } }).png().toBuffer();
    const id = await ctx.storage.store(new Blob([large], { type: "image/png" }));
    const small = await sharp(Buffer.from(await (await ctx.storage.get(id))!.arrayBuffer())).resize(width).jpeg().toBuffer();
    const { format, height } = await sharp(small).metadata();
    return { format, height, width: (await sharp(small).metadata()).width };
  },
});
`,
});

test("an external package with native code: sharp resizes an image, and the second push installs nothing", async (t) => {
  const server = await Server.start(t);
  const project = projectWith(t, resizing(), { sharp: "0.34.5" });
  const first = await project.convex(server, push, { limitMs: 240_000 });
  assert.equal(first.code, 0, first.stderr + server.log);
  const http = new ConvexHttpClient(server.url);
  const small = { format: "jpeg", width: 64, height: 48 };
  assert.deepEqual(await http.action(api.images.shrink, { width: 64 }), small);
  const installs = () => server.log.match(/npm installs/g).length;
  assert.equal(installs(), 1);
  project.write(resizing("export const unused = 1;"));
  const second = await project.convex(server, push);
  assert.equal(second.code, 0, second.stderr);
  assert.equal(installs(), 1);
  assert.deepEqual(await http.action(api.images.shrink, { width: 64 }), small);

  // The folder of Node actions is a cache: everything in it is made again.
  await server.stop();
  fs.rmSync(path.join(server.data, "node"), { recursive: true });
  await server.restart();
  assert.deepEqual(await http.action(api.images.shrink, { width: 64 }), small);
  assert.equal(installs(), 1);
});

test("packages that cannot be installed, and versions of Node that cannot be fetched, fail the push", async (t) => {
  const offline = { npm_config_registry: "http://127.0.0.1:9/" };
  const server = await Server.start(t, { env: offline });
  const project = projectWith(t, resizing(), { sharp: "0.34.5" });
  const failed = await project.convex(server, push, { limitMs: 120_000 });
  assert.match(failed.stderr, /NodeDependenciesNotInstalled/);
  assert.match(failed.stderr, /sharp@0\.34\.5\) could not be installed:\s+code ECONNREFUSED/);
  const other = (await ownVersion()) === "20" ? "22" : "20";
  const versioned = new Project(t, { ...app, "convex.json": JSON.stringify({ node: { nodeVersion: other } }) });
  const missing = await versioned.convex(server, push, { limitMs: 120_000 });
  assert.match(missing.stderr, new RegExp(`NodeVersionNotAvailable[^]*asks for Node\\.js ${other}[^]*ECONNREFUSED`));
});

test("a deployment has the version of Node that it asks for", async (t) => {
  const server = await Server.start(t);
  const own = await ownVersion();
  for (const version of [own, own === "22" ? "20" : "22"]) {
    const project = new Project(t, { ...app, "convex.json": JSON.stringify({ node: { nodeVersion: version } }) });
    const result = await project.convex(server, push, { limitMs: 240_000 });
    assert.equal(result.code, 0, result.stderr + server.log);
    const ran = await project.convex(server, ["run", "nodes:inner", "{}"]);
    assert.match(ran.stdout, new RegExp(`of node v${version}`), ran.stderr);
  }
  assert.equal(server.log.match(/npm installs Node\.js/g).length, 1);
  const old = new Project(t, { ...app, "convex.json": JSON.stringify({ node: { nodeVersion: "18" } }) });
  assert.match((await old.convex(server, push)).stderr, /NodeVersionNotSupported/);
});
