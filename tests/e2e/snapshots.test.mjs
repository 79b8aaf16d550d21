// Snapshots: exported by the stock CLI while the server runs, imported elsewhere, and undone whole
// when the server dies in the middle.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";

import { Project, Server, basicApp, long, until } from "./harness.mjs";

const app = {
  ...basicApp,
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  messages: defineTable({ body: v.string(), author: v.optional(v.string()) }).index("by_author", ["author"]),
  numbers: defineTable({ big: v.int64(), small: v.number(), raw: v.bytes(), of: v.id("messages") }),
});
`,
  "convex/data.ts": `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";
export const add = mutation({
  args: {},
  handler: async (ctx) => {
    const of = await ctx.db.insert("messages", { body: "first", author: "ada" });
    return await ctx.db.insert("numbers", { big: 9007199254740993n, small: 1, raw: new Uint8Array([0, 255]).buffer, of });
  },
});
export const uploadUrl = mutation({ args: {}, handler: async (ctx) => await ctx.storage.generateUploadUrl() });
export const fileUrl = query({ args: { file: v.id("_storage") }, handler: async (ctx, { file }) => await ctx.storage.getUrl(file) });
export const all = query({
  args: {},
  handler: async (ctx) => [await ctx.db.query("messages").collect(), await ctx.db.query("numbers").collect()],
});
`,
};

/** What an archive holds, by name. */
function unpack(file) {
  const script = "import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps({n: z.read(n).hex() for n in z.namelist()}))";
  return JSON.parse(execFileSync(process.env.LENTIL_PYTHON ?? "python3", ["-c", script, file], { encoding: "utf8" }));
}

test("49, 52: export, import into an empty deployment, export: the same files", async (t) => {
  const [from, to] = [await Server.start(t), await Server.start(t)];
  const project = new Project(t, app);
  assert.equal((await project.convex(from, ["dev", "--once"])).code, 0);
  const client = new ConvexHttpClient(from.url);
  await client.mutation("data:add", {});
  const upload = await fetch(await client.mutation("data:uploadUrl", {}), {
    method: "POST",
    body: "a file",
    headers: { "content-type": "text/plain" },
  });
  const { storageId } = await upload.json();

  const exported = await project.convex(from, ["export", "--path", "one.zip", "--include-file-storage"]);
  assert.equal(exported.code, 0, exported.stderr);
  const first = unpack(path.join(project.folder, "one.zip"));
  assert.equal(Object.keys(first)[0], "README.md");
  for (const name of ["_tables/documents.jsonl", "messages/documents.jsonl", "messages/generated_schema.jsonl", `_storage/${storageId}.txt`]) {
    assert.ok(name in first, `${name} in ${Object.keys(first)}`);
  }
  const numbers = Buffer.from(first["numbers/documents.jsonl"], "hex").toString();
  assert.match(numbers, /"big":9007199254740993,/);
  assert.match(numbers, /"small":1\.0/);
  const again = await project.convex(from, ["export", "--path", "one.zip"]);
  assert.equal(again.code, 1, "a file that is there is not overwritten");
  fs.mkdirSync(path.join(project.folder, "folder"));
  const intoFolder = await project.convex(from, ["export", "--path", "folder"]);
  assert.equal(intoFolder.code, 0, intoFolder.stderr);
  assert.match(fs.readdirSync(path.join(project.folder, "folder"))[0], /^snapshot_convex-self-hosted_\d+\.zip$/);

  assert.equal((await project.convex(to, ["dev", "--once"])).code, 0);
  const imported = await project.convex(to, ["import", "--replace-all", "-y", "one.zip"]);
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stderr, /Added 2 documents/);
  const target = new ConvexHttpClient(to.url);
  assert.deepEqual(await target.query("data:all", {}), await client.query("data:all", {}));
  const url = await target.query("data:fileUrl", { file: storageId });
  const content = await fetch(url);
  assert.equal(await content.text(), "a file");
  assert.equal(content.headers.get("content-type"), "text/plain");
  const back = await project.convex(to, ["export", "--path", "two.zip", "--include-file-storage"]);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(unpack(path.join(project.folder, "two.zip")), first);

  const refused = await project.convex(to, ["import", "--replace", "one.zip"]);
  assert.equal(refused.code, 1, "without a terminal nobody can confirm");
  const existing = await project.convex(to, ["import", "-y", "one.zip"]);
  assert.equal(existing.code, 1);
  assert.match(existing.stderr, /TableExists/);
  fs.writeFileSync(path.join(project.folder, "cut.zip"), fs.readFileSync(path.join(project.folder, "one.zip")).subarray(0, 600));
  const cut = await project.convex(to, ["import", "--replace-all", "-y", "cut.zip"]);
  assert.equal(cut.code, 1);
  assert.match(cut.stderr, /InvalidZip/);
  assert.deepEqual(await target.query("data:all", {}), await client.query("data:all", {}));
});

test("an import that the server's death interrupts leaves nothing, and can be started again", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const count = long ? 1_000_000 : 60_000;
  const limitMs = long ? 3_600_000 : 120_000;
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ body: `message ${n}`, author: `a${n % 1000}` }));
  project.write({ "rows.jsonl": lines.join("\n") });
  const client = () => new ConvexHttpClient(server.url);
  await client().mutation("messages:send", { body: "before" });
  const running = project.convexRunning(t, server, ["import", "--table", "messages", "--replace", "-y", "rows.jsonl"]);
  const admin = { authorization: `Convex ${server.key}` };
  const state = async () => {
    const asked = await server.post("/api/query", { path: "_system/cli/queryImport:list", format: "json", args: [{}] }, admin);
    return asked.json.value[0]?.state;
  };
  await until(async () => /Importing messages/.test((await state())?.progress_message ?? ""), {
    limitMs,
    everyMs: 5,
    what: `the import goes on\n${running.stderr}`,
  });
  await server.kill();
  running.child.kill("SIGKILL");
  await server.restart();
  await until(async () => (await state()).state === "failed", { what: "the import is given up" });
  const left = await client().query("messages:byAuthor", { author: "a1" });
  assert.deepEqual(left, [], "nothing of it is there");
  assert.equal((await client().query("messages:list", {})).length, 1);
  const again = await project.convex(server, ["import", "--table", "messages", "--replace", "-y", "rows.jsonl"], { limitMs });
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, new RegExp(`Added ${count} documents`));
  assert.equal((await client().query("messages:byAuthor", { author: "a1" })).length, count / 1000);
  // Batches and caches have their bounds; what grows are the keys by which ranges are counted.
  const bound = (300 << 20) + count * 400;
  assert.ok(server.peakMemory() < bound, `${server.peakMemory() >> 20} MiB for ${count} documents`);
});
