// Contents of files that are large, URLs of files that end, and stores of files that fail: memory
// stays small, errors are clear, and nothing is left behind.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";

import { Project, Server, long, temporaryFolder, until } from "./harness.mjs";

const app = {
  "convex/files.ts": `
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";
const one = { file: v.id("_storage") };
export const uploadUrl = mutation({ args: {}, handler: async (ctx) => await ctx.storage.generateUploadUrl() });
export const url = query({ args: one, handler: async (ctx, { file }) => await ctx.storage.getUrl(file) });
export const rows = query({ args: {}, handler: async (ctx) => await ctx.db.system.query("_storage").collect() });
export const copy = action({
  args: one,
  handler: async (ctx, { file }) => await ctx.storage.store((await ctx.storage.get(file))!),
});
export const storeMany = action({
  args: { count: v.number(), size: v.number() },
  handler: async (ctx, { count, size }) => {
    const blobs = Array.from({ length: count }, (_, n) => new Blob([new Uint8Array(size).fill(n)]));
    const ids = await Promise.all(blobs.map((blob) => ctx.storage.store(blob)));
    const back = await Promise.all(ids.map(async (id) => new Uint8Array(await (await ctx.storage.get(id))!.arrayBuffer())));
    return back.every((bytes, n) => bytes.length === size && bytes.every((byte) => byte === n));
  },
});
export const storeOne = action({
  args: { size: v.number() },
  handler: async (ctx, { size }) => await ctx.storage.store(new Blob([new Uint8Array(size)])),
});
export const urlByAction = action({ args: one, handler: async (ctx, { file }) => await ctx.storage.getUrl(file) });
`,
  "convex/nodes.ts": `"use node";
import { action } from "./_generated/server";
import { v } from "convex/values";
export const copy = action({
  args: { file: v.id("_storage") },
  handler: async (ctx, { file }) => await ctx.storage.store((await ctx.storage.get(file))!),
});
`,
};

async function start(t, options = {}) {
  const server = await Server.start(t, options);
  const pushed = await new Project(t, app).convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  return { server, client: new ConvexHttpClient(server.url) };
}

/** Everything below a folder that is a file. */
function filesIn(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

/** Bytes in memory of the processes that run functions. */
function executorsMemory(server) {
  const { pid } = server.child;
  const children = fs.readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(" ").filter(Boolean);
    } catch {
      return []; // The thread has ended.
    }
  });
  const resident = children.map((child) => {
    try {
      return Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${child}/status`, "utf8"))[1]) << 10;
    } catch {
      return 0; // It has ended.
    }
  });
  return Math.max(0, ...resident);
}

/** Watches the memory of a server, and of the largest of its executors, while something is done. */
async function peaks(server, work) {
  const peak = { server: 0, executor: 0 };
  const look = () => {
    peak.server = Math.max(peak.server, server.memory());
    peak.executor = Math.max(peak.executor, executorsMemory(server));
  };
  look();
  const before = { ...peak };
  const watch = setInterval(look, 20);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return { server: peak.server - before.server, executor: peak.executor - before.executor };
}

/** Uploads so many bytes, made as they are sent; gives status, answer and their SHA-256. */
async function upload(client, size) {
  const url = new URL(await client.mutation("files:uploadUrl", {}));
  const chunk = crypto.randomBytes(1 << 20);
  const hash = crypto.createHash("sha256");
  return await new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", headers: { "content-length": size } }, async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, ...JSON.parse(text), sha256: hash.digest("base64") });
    });
    request.on("error", reject);
    let sent = 0;
    const more = () => {
      while (sent < size) {
        const part = chunk.subarray(0, Math.min(chunk.length, size - sent));
        sent += part.length;
        hash.update(part);
        if (!request.write(part)) return request.once("drain", more);
      }
      request.end();
    };
    more();
  });
}

/** Copies a large file by an action, and watches what that takes. */
async function copiesLarge(t, action) {
  const { server, client } = await start(t);
  const size = 200_000_000;
  const { storageId, sha256 } = await upload(client, size);
  let copy;
  const more = await peaks(server, async () => {
    copy = await client.action(action, { file: storageId });
  });
  const row = (await client.query("files:rows", {})).find(({ _id }) => _id === copy);
  assert.deepEqual([row.size, row.sha256], [size, sha256]);
  assert.ok(more.server < 64 << 20, `the server took ${more.server >> 20} MiB more`);
  assert.ok(more.executor < size + (160 << 20), `an executor took ${more.executor >> 20} MiB more`);
}

test("an action copies a file of 200 MB: the server holds a part of it, the executor one copy", async (t) => {
  await copiesLarge(t, "files:copy");
});

test("a Node action copies a file of 200 MB in the same way", async (t) => {
  await copiesLarge(t, "nodes:copy");
});

test("many files at a time wait for their turn and arrive whole", async (t) => {
  const { client } = await start(t);
  assert.equal(await client.action("files:storeMany", { count: 40, size: 700_001 }), true);
  assert.equal((await client.query("files:rows", {})).length, 40);
});

test("5 GB go up and come down in constant memory", { skip: long ? false : "only with --long" }, async (t) => {
  const { server, client } = await start(t);
  const size = 5_000_000_000;
  let uploaded;
  const up = await peaks(server, async () => (uploaded = await upload(client, size)));
  assert.equal(uploaded.status, 200);
  assert.ok(up.server < 64 << 20, `${up.server >> 20} MiB more going up`);
  const hash = crypto.createHash("sha256");
  const down = await peaks(server, async () => {
    const response = await fetch(await client.query("files:url", { file: uploaded.storageId }));
    for await (const part of response.body) hash.update(part);
  });
  assert.equal(hash.digest("base64"), uploaded.sha256);
  assert.ok(down.server < 64 << 20, `${down.server >> 20} MiB more coming down`);
});

test("URLs that end are signed: what was altered or left out is refused", async (t) => {
  const { client } = await start(t, { args: ["--file-url-ttl", "60"] });
  const { storageId: file } = await upload(client, 1_000);
  const { storageId: other } = await upload(client, 1_000);
  for (const made of [await client.query("files:url", { file }), await client.action("files:urlByAction", { file })]) {
    const url = new URL(made);
    const left = Number(url.searchParams.get("expires")) - Date.now() / 1e3;
    assert.ok(left > 30 && left < 80, `${left} s`);
    const good = await fetch(url);
    assert.equal(good.status, 200);
    const [, kept] = /^private, max-age=(\d+)$/.exec(good.headers.get("cache-control"));
    assert.ok(Number(kept) <= 80);
    assert.equal((await fetch(url, { headers: { range: "bytes=0-3" } })).status, 206);

    const refused = async (change) => {
      const altered = new URL(url);
      change(altered);
      const response = await fetch(altered);
      const { code, message } = await response.json();
      assert.deepEqual([response.status, code], [403, "InvalidFileUrl"], `${altered}`);
      assert.match(message, /ctx\.storage\.getUrl/);
    };
    await refused((to) => (to.search = ""));
    await refused((to) => to.searchParams.set("expires", "99999999999"));
    await refused((to) => to.searchParams.set("expires", "soon"));
    await refused((to) => to.searchParams.set("signature", "AAAA"));
    await refused((to) => to.searchParams.delete("signature"));
    const elsewhere = new URL(await client.query("files:url", { file: other }));
    await refused((to) => (to.pathname = elsewhere.pathname));
  }
});

/** A folder of so many bytes, if this machine lets us have one. */
function smallDisk(t, size) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "lentil-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", folder], { stdio: "ignore" });
  } catch {
    fs.rmdirSync(folder);
    return undefined;
  }
  t.after(() => {
    execFileSync("umount", ["-l", folder], { stdio: "ignore" });
    fs.rmdirSync(folder);
  });
  return folder;
}

test("a disk that is full while files go up: a clear error, nothing kept, and the server goes on", async (t) => {
  const small = smallDisk(t, 24 << 20);
  if (small === undefined) return t.skip("this needs the right to mount");
  const data = path.join(temporaryFolder(t), "data");
  fs.mkdirSync(data);
  fs.symlinkSync(small, path.join(data, "files"));
  const { server, client } = await start(t, { data });
  const kept = await upload(client, 2 << 20);
  assert.equal(kept.status, 200);
  const refused = await upload(client, 40 << 20).catch((error) => error);
  assert.deepEqual([refused.status, refused.code], [503, "FileStoreFailed"], `${refused}`);
  await until(() => /the file store failed.*No space left/.test(server.log), { what: "the reason in the log" });
  await assert.rejects(client.action("files:storeOne", { size: 40 << 20 }), /store of files failed/);
  await until(() => filesIn(small).length === 1, { what: "only the whole file is kept" });
  assert.deepEqual((await client.query("files:rows", {})).map(({ _id }) => _id), [kept.storageId]);
  assert.equal((await fetch(await client.query("files:url", { file: kept.storageId }))).status, 200);
  assert.equal((await upload(client, 2 << 20)).status, 200, "smaller ones still fit");
});

test("an executor that is killed while it stores a file: an error, and nothing is kept", async (t) => {
  const { server, client } = await start(t);
  const { storageId } = await upload(client, 100 << 20);
  const copying = client.action("files:copy", { file: storageId }).then(() => undefined, (error) => error);
  const folder = path.join(server.data, "files");
  // Of a file on its way there is a part.
  await until(() => filesIn(folder).length > 1, { what: "the copy has begun", everyMs: 1 });
  const { pid } = server.child;
  for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
    const children = fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(" ").filter(Boolean);
    for (const child of children) process.kill(Number(child), "SIGKILL");
  }
  assert.match((await copying).message, /process that ran this action was lost/);
  await until(() => filesIn(folder).length === 1, { what: "nothing is left of the copy" });
  // Those of queries are new, too.
  await until(async () => (await client.query("files:rows", {})).length === 1, { what: "a query" });
  assert.ok(await client.action("files:copy", { file: storageId }), "the next one works");
});
