// Files: uploaded to a URL, stored by mutations, shown by `_storage`, fetched whole and in part.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import http from "node:http";
import net from "node:net";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import WebSocket from "ws";

import { Project, Server, until } from "./harness.mjs";

const app = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ pictures: defineTable({ title: v.string(), file: v.id("_storage") }) });
`,
  "convex/copies.ts": `
import { action, mutation } from "./_generated/server";
import { api } from "./_generated/api";
import { v } from "convex/values";
export const upsideDown = action({
  args: { file: v.id("_storage") },
  handler: async (ctx, { file }) => {
    const blob = await ctx.storage.get(file);
    if (blob === null || !(blob instanceof Blob)) return null;
    const bytes = new Uint8Array(await blob.arrayBuffer()).reverse();
    const copy = await ctx.storage.store(new Blob([bytes], { type: blob.type }));
    await ctx.runMutation(api.pictures.add, { title: "upside down", file: copy });
    return { copy, metadata: await ctx.storage.getMetadata(copy), url: await ctx.storage.getUrl(copy) };
  },
});
export const overHttp = action({
  args: {},
  handler: async (ctx) => {
    const url = await ctx.storage.generateUploadUrl();
    const response = await fetch(url, { method: "POST", body: "over http", headers: { "content-type": "text/plain" } });
    const { storageId } = await response.json();
    const text = await (await ctx.storage.get(storageId))!.text();
    await ctx.storage.delete(storageId);
    return [text, await ctx.storage.get(storageId)];
  },
});
export const wrong = action({ args: {}, handler: async (ctx: any) => await ctx.storage.store("text") });
`,
  "convex/pictures.ts": `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";
export const uploadUrl = mutation({ args: {}, handler: async (ctx) => await ctx.storage.generateUploadUrl() });
export const add = mutation({
  args: { title: v.string(), file: v.id("_storage") },
  handler: async (ctx, picture) => await ctx.db.insert("pictures", picture),
});
export const list = query({
  args: {},
  handler: async (ctx) => await Promise.all((await ctx.db.query("pictures").collect()).map(async ({ title, file }) => ({
    title, url: await ctx.storage.getUrl(file), metadata: await ctx.storage.getMetadata(file), row: await ctx.db.system.get(file),
  }))),
});
export const files = query({ args: {}, handler: async (ctx) => await ctx.db.system.query("_storage").collect() });
export const remove = mutation({ args: { file: v.id("_storage") }, handler: async (ctx, { file }) => await ctx.storage.delete(file) });
export const removeAndFail = mutation({
  args: { file: v.id("_storage") },
  handler: async (ctx, { file }) => { await ctx.storage.delete(file); throw new Error("changed my mind"); },
});
export const url = query({ args: { file: v.string() }, handler: async (ctx, { file }) => await ctx.storage.getUrl(file) });
export const uploadInQuery = query({ args: {}, handler: async (ctx: any) => await ctx.storage.generateUploadUrl() });
`,
};

async function start(t) {
  const server = await Server.start(t);
  const { code, stderr } = await new Project(t, app).convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(code, 0, stderr);
  return [server, new ConvexHttpClient(server.url)];
}

const sha256 = (bytes, form) => crypto.createHash("sha256").update(bytes).digest(form);

async function upload(client, body, headers) {
  const response = await fetch(await client.mutation("pictures:uploadUrl", {}), { method: "POST", body, headers });
  return { status: response.status, ...(await response.json()) };
}

test("a file goes up, is seen by those who watch, and comes down as it was", async (t) => {
  const [server, client] = await start(t);
  const live = new ConvexClient(server.url, { webSocketConstructor: WebSocket });
  t.after(() => live.close());
  let seen = [];
  live.onUpdate("pictures:list", {}, (list) => (seen = list));
  const bytes = crypto.randomBytes(7_654_321);
  const digest = `sha-256=${sha256(bytes, "base64")}`;
  const { storageId } = await upload(client, bytes, { "content-type": "image/png", digest });
  await client.mutation("pictures:add", { title: "noise", file: storageId });
  await until(() => seen.length === 1);
  const [{ url, metadata, row }] = seen;
  assert.deepEqual(metadata, { storageId, sha256: sha256(bytes, "hex"), size: bytes.length, contentType: "image/png" });
  const { _creationTime, ...fields } = row;
  assert.ok(Math.abs(_creationTime - Date.now()) < 60_000);
  assert.deepEqual(fields, { _id: storageId, sha256: sha256(bytes, "base64"), size: bytes.length, contentType: "image/png" });

  const whole = await fetch(url);
  assert.equal(whole.status, 200);
  for (const [name, value] of Object.entries({
    "content-type": "image/png", "content-length": String(bytes.length), digest, "accept-ranges": "bytes",
    "cache-control": "private, max-age=2592000", "x-content-type-options": "nosniff",
  })) assert.equal(whole.headers.get(name), value, name);
  assert.match(whole.headers.get("content-security-policy"), /sandbox/);
  assert.ok(bytes.equals(Buffer.from(await whole.arrayBuffer())));

  const get = (headers, method = "GET") => fetch(url, { headers, method });
  for (const [range, from, to] of [["bytes=0-9", 0, 10], ["bytes=100-", 100, bytes.length], ["bytes=-7", bytes.length - 7, bytes.length],
    ["bytes=7654320-9999999", 7654320, bytes.length]]) {
    const part = await get({ range });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers.get("content-range"), `bytes ${from}-${to - 1}/${bytes.length}`);
    assert.ok(bytes.subarray(from, to).equals(Buffer.from(await part.arrayBuffer())), range);
  }
  for (const range of ["bytes=0-1,5-6", `bytes=${bytes.length}-`]) {
    const refused = await get({ range });
    assert.deepEqual([refused.status, refused.headers.get("content-range")], [416, `bytes */${bytes.length}`], range);
  }
  assert.equal((await get({ range: "lines=1-2" })).status, 200);
  const etag = whole.headers.get("etag");
  assert.equal((await get({ "if-none-match": etag })).status, 304);
  assert.equal((await get({ "if-none-match": '"other"' })).status, 200);
  assert.equal((await get({ "if-modified-since": whole.headers.get("last-modified") })).status, 304);
  assert.equal((await get({ range: "bytes=0-0", "if-range": etag })).status, 206);
  assert.equal((await get({ range: "bytes=0-0", "if-range": '"other"' })).status, 200);
  const head = await get({}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(bytes.length), ""]);
  const cross = await get({ origin: "https://app.example" });
  assert.equal(cross.headers.get("access-control-allow-origin"), "https://app.example");

  await assert.rejects(client.mutation("pictures:removeAndFail", { file: storageId }));
  assert.equal((await get()).status, 200);
  await client.mutation("pictures:remove", { file: storageId });
  await until(() => seen[0].url === null && seen[0].metadata === null && seen[0].row === null);
  const gone = await get();
  assert.deepEqual([gone.status, (await gone.json()).code], [404, "FileNotFound"]);
  // The content goes too.
  const folder = path.join(server.data, "files");
  await until(() => fs.readdirSync(folder, { recursive: true, withFileTypes: true }).every((entry) => entry.isDirectory()));
});

test("s084 and s085: what is refused says why, and nothing is kept of it", async (t) => {
  const [server, client] = await start(t);
  const refused = async (promise, status, code) => {
    const { status: got, code: why, message } = await promise;
    assert.deepEqual([got, why], [status, code], message);
  };
  const other = `sha-256=${sha256("other", "base64")}`;
  await refused(upload(client, "this", { digest: other }), 400, "Sha256Mismatch");
  await refused(upload(client, "this", { digest: "sha-256=nonsense" }), 400, "InvalidDigest");
  const post = async (token) => {
    const response = await fetch(`${server.url}/api/storage/upload${token}`, { method: "POST", body: "x" });
    return { status: response.status, ...(await response.json()) };
  };
  for (const token of ["", "?token=", "?token=AAAA", "?token=../../etc/passwd"]) await refused(post(token), 401, "InvalidUploadToken");
  const download = async (name) => {
    const response = await fetch(`${server.url}/api/storage/${name}`);
    return { status: response.status, ...(await response.json()) };
  };
  await refused(download("nonsense"), 400, "InvalidStoragePath");
  await refused(download("..%2F..%2Fdb.sqlite3"), 400, "InvalidStoragePath");
  await refused(download(crypto.randomUUID()), 404, "FileNotFound");
  const unknown = "kg2ch8s6wsdzvkefhzacfjvyvd85r1f1";
  assert.equal(await client.query("pictures:url", { file: unknown }), null);
  await assert.rejects(client.mutation("pictures:remove", { file: unknown }), new RegExp(`storage id ${unknown} not found`));
  const picture = await client.mutation("pictures:add", { title: "", file: unknown });
  await assert.rejects(client.query("pictures:url", { file: picture }), /Invalid storage ID/);
  await assert.rejects(client.query("pictures:uploadInQuery", {}), /storage\.generateUploadUrl|not a function/);

  // A client that goes away in the middle.
  const { hostname, port, pathname, search } = new URL(await client.mutation("pictures:uploadUrl", {}));
  const socket = net.connect(Number(port), hostname);
  socket.write(`POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n${"x".repeat(500_000)}`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.destroy();
  assert.deepEqual(await client.query("pictures:files", {}), []);
  const files = () => fs.readdirSync(path.join(server.data, "files"), { recursive: true, withFileTypes: true });
  await until(() => files().every((entry) => entry.isDirectory()));
});

test("types that could act are saved, not shown, and no header can be made of them", async (t) => {
  const [, client] = await start(t);
  for (const [type, disposition] of [["text/html; charset=utf-8", "attachment"], ["image/svg+xml", "attachment"],
    ["text/javascript", "attachment"], ["image/png", null], ["text/plain", null]]) {
    const { storageId } = await upload(client, "<script>alert(1)</script>", { "content-type": type });
    const url = await client.query("pictures:url", { file: storageId });
    const response = await fetch(url);
    assert.deepEqual([response.headers.get("content-type"), response.headers.get("content-disposition")], [type, disposition]);
  }
  // No type at all.
  const url = new URL(await client.mutation("pictures:uploadUrl", {}));
  const storageId = await new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST" }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text).storageId);
    });
    request.on("error", reject).end("bytes");
  });
  const response = await fetch(await client.query("pictures:url", { file: storageId }));
  assert.equal(response.headers.get("content-type"), "application/octet-stream");
  assert.equal((await client.query("pictures:files", {})).find((row) => row._id === storageId).contentType, null);
});

test("actions read, store and delete files", async (t) => {
  const [, client] = await start(t);
  const bytes = crypto.randomBytes(300_000);
  const { storageId } = await upload(client, bytes, { "content-type": "image/png" });
  const { copy, metadata, url } = await client.action("copies:upsideDown", { file: storageId });
  const reversed = Buffer.from(bytes).reverse();
  assert.deepEqual(metadata, { storageId: copy, sha256: sha256(reversed, "hex"), size: bytes.length, contentType: "image/png" });
  assert.ok(reversed.equals(Buffer.from(await (await fetch(url)).arrayBuffer())));
  assert.deepEqual(await client.action("copies:overHttp", {}), ["over http", null]);
  await assert.rejects(client.action("copies:wrong", {}), /store\(\) expects a Blob/);
});

test("files are there after a restart, and a large one passes through in little memory", async (t) => {
  const [server, client] = await start(t);
  const size = 200 << 20;
  const chunk = crypto.randomBytes(1 << 20);
  const hash = crypto.createHash("sha256");
  const url = new URL(await client.mutation("pictures:uploadUrl", {}));
  const before = server.memory();
  let peak = 0;
  const storageId = await new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", headers: { "content-length": size } }, async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve(JSON.parse(text).storageId);
    });
    request.on("error", reject);
    let sent = 0;
    const more = () => {
      while (sent < size) {
        sent += chunk.length;
        hash.update(chunk);
        peak = Math.max(peak, server.memory());
        if (!request.write(chunk)) return request.once("drain", more);
      }
      request.end();
    };
    more();
  });
  await server.kill();
  await server.restart();
  const response = await fetch(await client.query("pictures:url", { file: storageId }));
  const back = crypto.createHash("sha256");
  for await (const part of response.body) {
    back.update(part);
    peak = Math.max(peak, server.memory());
  }
  assert.equal(back.digest("hex"), hash.digest("hex"));
  assert.ok(peak - before < 64 << 20, `${(peak - before) >> 20} MiB more for a file of ${size >> 20} MiB`);
});
