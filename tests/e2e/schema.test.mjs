// Schemas that are staged before they count, and what the newest SDK offers of the database, with
// the stock CLI and client.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";

import { Project, Server, until } from "./harness.mjs";

const notes = `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const add = mutation({
  args: { text: v.any() },
  handler: async (ctx, { text }) => await ctx.db.insert("notes", { text }),
});
export const fix = mutation({
  args: { id: v.id("notes"), text: v.any() },
  handler: async (ctx, { id, text }) => await ctx.db.patch(id, { text }),
});
export const byText = query({
  args: { text: v.any() },
  handler: async (ctx, { text }) =>
    (await (ctx.db.query("notes") as any).withIndex("by_text", (q: any) => q.eq("text", text)).collect()).length,
});
`;

const schema = (table) => `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: ${table} });
`;

/** A deployment with a table of anything, and how to deploy another one. */
async function deployment(t, table, files = {}) {
  const server = await Server.start(t);
  const project = new Project(t, { "convex/notes.ts": notes, "convex/schema.ts": schema(table), ...files });
  const deploy = async (table) => {
    project.write({ "convex/schema.ts": schema(table) });
    return await project.convex(server, ["deploy", "--typecheck", "disable"]);
  };
  const first = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(first.code, 0, first.stderr);
  return { server, project, deploy, client: new ConvexHttpClient(server.url) };
}

test("59: staged validators: deployed over a bad document, mended, promoted", async (t) => {
  const { client, deploy } = await deployment(t, "defineTable({ text: v.any() })");
  const bad = await client.mutation(anyApi.notes.add, { text: 5 });
  await client.mutation(anyApi.notes.add, { text: "fine" });
  const staged = "defineTable({ text: v.any() }).staged({ text: v.string() })";
  assert.equal((await deploy(staged)).code, 0);
  const status = async () => (await deploy(staged)).stderr;
  const failed = await until(async () => {
    const said = await status();
    return said.includes("failed: Document with ID") && said;
  });
  assert.match(failed, new RegExp(`notes: failed: Document with ID "${bad}" in table "notes"`));
  await client.mutation(anyApi.notes.fix, { id: bad, text: "mended" });
  // The first deploy tries again, a later one tells.
  await until(async () => (await status()).includes("Safe to apply the staged schema changes"));

  const promoted = await deploy("defineTable({ text: v.string() })");
  assert.equal(promoted.code, 0, promoted.stderr);
  assert.match(promoted.stderr, /applies the staged schema without scanning the table/);
  await assert.rejects(client.mutation(anyApi.notes.add, { text: 6 }), /does not match the schema/);
});

test("unstaging asks first", async (t) => {
  const { project, server, deploy } = await deployment(t, "defineTable({ text: v.any() }).staged({ text: v.string() })");
  const refused = await deploy("defineTable({ text: v.any() })");
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /discards.* staged schema validation/);
  assert.match(refused.stderr, /--allow-unstaging-schema/);
  const args = ["deploy", "--typecheck", "disable", "--allow-unstaging-schema"];
  const allowed = await project.convex(server, args);
  assert.equal(allowed.code, 0, allowed.stderr);
});

test("staged indexes are filled, then enabled, disabled and dropped", async (t) => {
  const table = "defineTable({ text: v.any() })";
  const { client, deploy } = await deployment(t, table);
  await client.mutation(anyApi.notes.add, { text: "a" });
  const asked = client.query(anyApi.notes.byText, { text: "a" });
  await assert.rejects(asked, /Index notes.by_text not found/);
  const deployed = async (table, said) => {
    const done = await deploy(table);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stderr, said);
  };
  const staged = `${table}.index("by_text", { fields: ["text"], staged: true })`;
  await deployed(staged, /by_text/);
  await client.mutation(anyApi.notes.add, { text: "a" });
  await until(async () => {
    const error = await client.query(anyApi.notes.byText, { text: "a" }).catch((error) => error);
    return /is staged/.test(error.message);
  });
  await deployed(`${table}.index("by_text", ["text"])`, /by_text/);
  assert.equal(await client.query(anyApi.notes.byText, { text: "a" }), 2);
  await deployed(staged, /by_text/);
  await assert.rejects(client.query(anyApi.notes.byText, { text: "a" }), /is staged/);
  await deployed(`${table}.index("by_text", ["text"])`, /by_text/);
  await client.mutation(anyApi.notes.add, { text: "a" });
  assert.equal(await client.query(anyApi.notes.byText, { text: "a" }), 3);
});

test("commit timestamps through the SDK", async (t) => {
  const log = `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const append = mutation({
  args: { texts: v.array(v.string()) },
  handler: async (ctx: any, { texts }) => {
    for (const text of texts) await ctx.db.insert("notes", { text, at: ctx.db.vars.commitTs });
    const own = await ctx.db.query("notes")
      .withIndex("by_at", (q: any) => q.eq("at", ctx.db.vars.commitTs)).collect();
    const same = own.every((row: any) => row.at === ctx.db.vars.commitTs);
    return { at: ctx.db.vars.commitTs, own: own.length, same };
  },
});
export const after = query({
  args: { at: v.int64() },
  handler: async (ctx: any, { at }) => {
    const rows = await ctx.db.query("notes").withIndex("by_at", (q: any) => q.gt("at", at)).collect();
    return rows.map((row: any) => [row.text, row.at]);
  },
});
`;
  const table = 'defineTable({ text: v.string(), at: v.commitTs() }).index("by_at", ["at"])';
  const { client } = await deployment(t, table, { "convex/log.ts": log });
  const first = await client.mutation(anyApi.log.append, { texts: ["a", "b"] });
  assert.equal(typeof first.at, "bigint");
  assert.deepEqual([first.own, first.same], [2, true]);
  const second = await client.mutation(anyApi.log.append, { texts: ["c"] });
  assert.ok(second.at > first.at);
  const all = [["a", first.at], ["b", first.at], ["c", second.at]];
  assert.deepEqual(await client.query(anyApi.log.after, { at: 0n }), all);
  assert.deepEqual(await client.query(anyApi.log.after, { at: first.at }), [all[2]]);
});
