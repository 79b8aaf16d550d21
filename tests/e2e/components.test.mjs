// Apps that are made of components: one that lies in the app's own folder, used twice, and those
// that most people take from npm; pushed by the stock CLI and called through the stock client.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, here, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;

const api = anyApi;

/** The files of a folder of `apps`, as a project has them. */
function filesOf(name) {
  const folder = path.join(here, "apps", name);
  const files = fs.readdirSync(folder, { recursive: true });
  const plain = files.filter((file) => fs.statSync(path.join(folder, file)).isFile());
  return Object.fromEntries(plain.map((file) => [file, fs.readFileSync(path.join(folder, file), "utf8")]));
}

async function push(project, server, args = []) {
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable", ...args], { limitMs: 120_000 });
  assert.equal(pushed.code, 0, pushed.stderr);
  return pushed;
}

/** A server with the application of a folder of `apps`. */
async function application(t, name, env = {}) {
  const server = await Server.start(t);
  const project = new Project(t, filesOf(name));
  for (const [variable, value] of Object.entries(env)) {
    const set = await project.convex(server, ["env", "set", variable, value]);
    assert.equal(set.code, 0, set.stderr);
  }
  const pushed = await push(project, server);
  return { server, project, pushed, http: new ConvexHttpClient(server.url) };
}

test("a component in the app's folder, used twice", async (t) => {
  const { server, project, http } = await application(t, "parts", { SECRET: "first" });

  await t.test("s027 a push says what its components export", () => {
    const generated = project.read("convex/_generated/api.d.ts") + project.read("convex/notes/_generated/component.ts");
    assert.match(generated, /add/);
    assert.doesNotMatch(project.read("convex/notes/_generated/component.ts"), /hidden/);
  });

  await t.test("s071 what is exported is called, and nothing else", async () => {
    const id = await http.mutation(api.app.add, { to: "notes", text: "a" });
    assert.equal(typeof id, "string");
    assert.deepEqual(await http.query(api.app.list, { of: "notes" }), ["a"]);
    assert.deepEqual(await http.query(api.app.list, { of: "drafts" }), []);
    await assert.rejects(http.query(api.app.hidden, {}), /does not export lib\.hidden/);
    await assert.rejects(http.query(api.app.grandchild, {}), /does not export inner\.lib\.count/);
    await assert.rejects(http.query(api.lib.list, {}), /Could not find public function for 'lib:list'/);
    const admin = await project.convex(server, ["run", "--component", "notes", "lib:list"]);
    assert.equal(admin.code, 0, admin.stderr);
    assert.deepEqual(JSON.parse(admin.stdout), ["a"]);
    const body = { path: "lib:list", args: {}, format: "json", componentPath: "notes" };
    const asked = await fetch(`${server.url}/api/query`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    assert.doesNotMatch(await asked.text(), /"a"/);
  });

  await t.test("s072 ids mean something in their own component only", async () => {
    const { mine, theirs } = await http.mutation(api.app.sameTable, {});
    assert.deepEqual(await http.query(api.app.across, { mine, theirs }), { inRoot: "root", ofTheirsInRoot: null });
    await assert.rejects(http.query(api.app.passMine, { mine }), /Value does not match validator|ArgumentValidationError|null/);
  });

  await t.test("a child that throws has written nothing, and its data arrives", async () => {
    const caught = await http.mutation(api.app.addAndThrow, { text: "gone" });
    assert.deepEqual(caught, { data: { why: "because" } });
    assert.deepEqual(await http.query(api.app.list, { of: "notes" }), ["a"]);
  });

  await t.test("a subscription hears of what a component wrote", async () => {
    const client = new ConvexClient(server.url);
    const seen = [];
    client.onUpdate(api.app.list, { of: "drafts" }, (list) => seen.push(list.length));
    await until(() => seen.at(-1) === 0);
    await http.mutation(api.app.add, { to: "drafts", text: "b" });
    await until(() => seen.at(-1) === 1);
    await client.close();
  });

  await t.test("components do not know who calls", async () => {
    const client = new ConvexHttpClient(server.url);
    client.setAdminAuth(server.key, { subject: "ada", issuer: "https://test.example", tokenIdentifier: "test|ada" });
    const { root, child } = await client.query(api.app.who, {});
    assert.equal(root, "ada");
    assert.equal(child, null);
  });

  await t.test("actions call queries, mutations and actions of a component", async () => {
    assert.deepEqual(await http.action(api.app.act, { text: "from action" }), { count: 2, doubled: 42 });
  });

  await t.test("s075 what is bound follows the parent's variable, and nothing else is seen", async () => {
    assert.deepEqual(await http.query(api.app.environment, {}), { bound: "first", fixed: "text", undeclared: null });
    assert.equal((await project.convex(server, ["env", "set", "SECRET", "second"])).code, 0);
    assert.equal((await http.query(api.app.environment, {})).bound, "second");
  });

  await t.test("s073 handles are called and scheduled across the boundary", async () => {
    await http.mutation(api.app.giveHandle, {});
    assert.equal(await http.mutation(api.app.callBack, { by: 5 }), 5);
    await http.mutation(api.app.scheduleBack, { by: 10 });
    await until(async () => (await http.query(api.app.total, {})) === 15);
    const jobs = await http.query(api.app.jobs, {});
    assert.deepEqual(jobs, { ofRoot: 0, ofNotes: 1 });
  });

  await t.test("s076 a component's files are its own", async () => {
    const { id, url } = await http.action(api.app.storeInChild, { text: "content" });
    assert.match(url, /\?component=/);
    assert.equal(await (await fetch(url)).text(), "content");
    assert.equal((await fetch(url.split("?")[0])).status, 404);
    assert.deepEqual(await http.query(api.app.files, { id }), { ofRoot: null, ofNotes: 7 });
    const upload = await http.mutation(api.app.uploadUrl, {});
    const sent = await fetch(upload, { method: "POST", headers: { "content-type": "text/plain" }, body: "up" });
    const { storageId } = await sent.json();
    assert.deepEqual(await http.query(api.app.files, { id: storageId }), { ofRoot: null, ofNotes: 2 });
  });

  await t.test("s074 HTTP routes of components are where they are mounted", async () => {
    const get = async (route) => (await fetch(`http://127.0.0.1:${server.sitePort}${route}`)).text();
    assert.match(await get("/notes/hello"), /^notes says hello at http:.*\/notes$/);
    assert.equal(await get("/notes/exact"), "root has it");
    assert.equal(await get("/other"), "root");
  });

  await t.test("cron jobs of a component run in it", async () => {
    await until(async () => (await http.query(api.app.ticks, {})) > 0, { what: "a tick" });
  });

  await t.test("components have no pagination and are not paginated over", async () => {
    await assert.rejects(http.query(api.app.paginateInChild, {}), /PaginationUnsupportedInComponents/);
  });

  await t.test("what is not mounted any more keeps its data, and has it again", async () => {
    const config = project.read("convex/convex.config.ts");
    project.write({ "convex/convex.config.ts": config.replace(/^.*name: "drafts".*$/m, "") });
    const gone = await push(project, server);
    assert.match(gone.stderr, /drafts/);
    await assert.rejects(http.query(api.app.list, { of: "drafts" }), /has no component 'drafts'/);
    assert.deepEqual(await http.query(api.app.list, { of: "notes" }), ["a", "from action"]);
    project.write({ "convex/convex.config.ts": config });
    await push(project, server);
    assert.deepEqual(await http.query(api.app.list, { of: "drafts" }), ["b"]);
  });

  await t.test("everything is there after a restart", async () => {
    await server.stop();
    await server.restart();
    assert.deepEqual(await http.query(api.app.list, { of: "notes" }), ["a", "from action"]);
  });
});

test("pushes whose components do not fit are refused and say why", async (t) => {
  const server = await Server.start(t);
  const good = filesOf("parts");
  const refused = async (name, change, says) => {
    await t.test(name, async (t) => {
      const project = new Project(t, { ...good, ...change });
      const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"], { limitMs: 60_000 });
      assert.notEqual(pushed.code, 0);
      assert.match(pushed.stderr, says);
    });
  };
  const config = good["convex/convex.config.ts"];
  const set = await new Project(t, good).convex(server, ["env", "set", "SECRET", "s"]);
  assert.equal(set.code, 0, set.stderr);
  await refused("a variable that is required and not bound",
    { "convex/convex.config.ts": config.replaceAll(/env: \{ SECRET: app\.env\.SECRET, FIXED: "text" \}/g, "env: {}") }, /requires it, and it is not bound/);
  await refused("a variable that is not declared",
    { "convex/convex.config.ts": config.replace('FIXED: "text"', 'FIXED: "text", OTHER: "x"') }, /does not declare it/);
  await refused("a component's schema with an index over a field that is not there",
    { "convex/notes/schema.ts": `import { defineSchema, defineTable } from "convex/server"; import { v } from "convex/values";
      export default defineSchema({ notes: defineTable({ text: v.string() }).index("x", ["missing"]) });` }, /missing/);
  await refused("s030 a module for Node in a component",
    { "convex/notes/node.ts": `"use node";\nimport { action } from "./_generated/server";\nexport const f = action(async () => 1);` }, /use node|Node/);
});

test("components from npm", async (t) => {
  const { http } = await application(t, "packages");

  await t.test("@convex-dev/rate-limiter", async () => {
    const send = (key, throws = false) => http.mutation(api.limits.send, { key, throws });
    assert.deepEqual([await send("a"), await send("a"), await send("a")], [true, true, false]);
    assert.equal(await send("b"), true);
    await assert.rejects(send("a", true), (error) => error.data?.kind === "RateLimited");
    assert.equal(await http.query(api.limits.sent, {}), 3);
    await http.mutation(api.limits.reset, { key: "a" });
    assert.equal(await send("a"), true);
  });

  await t.test("@convex-dev/aggregate", async () => {
    await http.mutation(api.scores.add, { scores: [30, 10, 20, 40] });
    assert.deepEqual(await http.query(api.scores.facts, {}), { count: 4, sum: 100, first: 10, last: 40, below: 1 });
    await http.mutation(api.scores.drop, { score: 10 });
    assert.deepEqual(await http.query(api.scores.facts, {}), { count: 3, sum: 90, first: 20, last: 40, below: 0 });
  });

  await t.test("@convex-dev/sharded-counter", async () => {
    const add = (by) => http.mutation(api.counters.add, { name: "c", by });
    await Promise.all([add(5), add(7), add(-2)]);
    assert.equal(await http.query(api.counters.count, { name: "c" }), 10);
    assert.equal(await http.query(api.counters.count, { name: "none" }), 0);
  });

  await t.test("@convex-dev/action-retrier", async () => {
    const id = await http.mutation(api.work.retry, {});
    const done = await until(
      async () => {
        const status = await http.query(api.work.retried, { id });
        return status.type === "completed" && status;
      },
      { what: "the third try", limitMs: 30_000 },
    );
    assert.deepEqual(done.result, { type: "success", returnValue: 3 });
  });

  await t.test("@convex-dev/workpool", async () => {
    const ids = await http.mutation(api.work.enqueue, { texts: ["x", "yy"] });
    const finished = async () => (await http.query(api.work.statuses, { ids })).every((state) => state === "finished");
    await until(finished, { what: "all work", limitMs: 30_000 });
    const notes = await http.query(api.work.notes, {});
    for (const text of ["x", "yy", "by a mutation"]) assert.ok(notes.includes(text), text);
  });

  await t.test("@convex-dev/workflow", async () => {
    const id = await http.mutation(api.work.begin, {});
    const done = await until(
      async () => {
        const status = await http.query(api.work.flowStatus, { id });
        return status.type !== "inProgress" && status;
      },
      { what: "the workflow's end", limitMs: 60_000 },
    );
    assert.equal(done.type, "completed", JSON.stringify(done));
    assert.equal(done.result, 8);
    assert.ok((await http.query(api.work.notes, {})).includes("looked up it"));
  });
});
