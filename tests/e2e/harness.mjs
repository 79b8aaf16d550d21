// What the end-to-end tests share: a server of their own on free ports, throw-away projects, and
// the stock programs run as a person would run them.

import assert from "node:assert/strict";
import { spawn, execFile } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, "../..");
export const lentil = process.env.LENTIL_BIN ?? path.join(root, "target/debug/lentil");
export const long = Boolean(process.env.LENTIL_LONG);

/** A folder that is gone when the test is over. */
export function temporaryFolder(t, name = "lentil-e2e") {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A port nobody listens on right now. */
export async function freePort() {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until `check` gives something truthy, asking again every few milliseconds. */
export async function until(check, { limitMs = 20_000, what = "condition", everyMs = 25 } = {}) {
  const start = Date.now();
  let last;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() - start > limitMs) {
      throw new Error(`${what}: not within ${limitMs} ms${last ? ` (last error: ${last.message})` : ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Every call in a kept realm is run again in a fresh one and compared. */
const CHECKED = { LENTIL_SHADOW_CHECKS: "1" };

/** A running server; `kill` is SIGKILL, `stop` is what Ctrl-C does. */
export class Server {
  static async start(t, { data, args = [], env = {}, port, sitePort } = {}) {
    const server = new Server();
    server.data = data ?? path.join(temporaryFolder(t), "data");
    server.port = port ?? (await freePort());
    server.sitePort = sitePort ?? (await freePort());
    server.url = `http://127.0.0.1:${server.port}`;
    server.args = args;
    server.env = env;
    t.after(() => server.kill());
    await server.launch();
    server.key = (await run(lentil, ["keys", "--data", server.data])).stdout.trim();
    return server;
  }

  async launch() {
    this.log = "";
    this.child = spawn(
      lentil,
      ["serve", "--data", this.data, "--port", String(this.port), "--site-port", String(this.sitePort), ...this.args],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...CHECKED, ...this.env } },
    );
    this.ended = once(this.child, "exit");
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (part) => (this.log += part));
    await until(
      async () => {
        if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.log}`);
        return (await fetch(`${this.url}/version`)).ok;
      },
      { what: "server start" },
    ).catch((error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }

  async kill() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.ended;
    assert.doesNotMatch(this.log, /could be told from a fresh one/);
  }

  async stop(signal = "SIGINT") {
    this.child.kill(signal);
    const [code] = await this.ended;
    return code;
  }

  /** Another start on the same data and ports. */
  async restart() {
    await this.launch();
  }

  /** Bytes of the server's process that are in memory. */
  memory() {
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
    return Number(kilobytes) << 10;
  }

  /** The most that was in memory since the process began. */
  peakMemory() {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
    return Number(kilobytes) * 1024;
  }

  get environment() {
    return { CONVEX_SELF_HOSTED_URL: this.url, CONVEX_SELF_HOSTED_ADMIN_KEY: this.key };
  }

  async post(route, body, headers = {}) {
    const response = await fetch(this.url + route, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      // Not every answer is JSON; tests look at `text` then.
    }
    return { status: response.status, headers: response.headers, text, json };
  }
}

/** Runs a program to its end; never throws for an exit code. */
export function run(program, args, { cwd, env = {}, limitMs = 60_000, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { cwd, env: { ...process.env, ...env }, maxBuffer: 64 << 20, timeout: limitMs, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error && typeof error.code === "string") return reject(error);
        resolve({ code: child.exitCode ?? -1, stdout, stderr, timedOut: Boolean(error?.killed) });
      },
    );
    // A program that does not read its input may have ended before it is written.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** A throw-away project that has the given files and one of the two CLIs. */
export class Project {
  constructor(t, files, { cli = "current", dependencies = {} } = {}) {
    this.folder = temporaryFolder(t, "lentil-project");
    this.modules = path.join(here, cli === "current" ? "node_modules" : "old-cli/node_modules");
    fs.symlinkSync(this.modules, path.join(this.folder, "node_modules"));
    this.write({
      "package.json": JSON.stringify({ name: "p", private: true, dependencies: { convex: "*", ...dependencies } }),
      ...files,
    });
  }

  write(files) {
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(this.folder, name);
      if (text === null) {
        fs.rmSync(file, { force: true });
        continue;
      }
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    }
  }

  read(name) {
    return fs.readFileSync(path.join(this.folder, name), "utf8");
  }

  exists(name) {
    return fs.existsSync(path.join(this.folder, name));
  }

  /** `npx convex …` against a server (or, with `server` null, against whatever `env` says). */
  convex(server, args, { env = {}, limitMs, input } = {}) {
    return run(process.execPath, [path.join(this.modules, "convex/bin/main.js"), ...args], {
      cwd: this.folder,
      env: { CI: "1", CONVEX_DEPLOY_KEY: "", ...(server?.environment ?? {}), ...env },
      limitMs,
      input,
    });
  }

  /** `npx convex …` that goes on until the test ends; gives the child and what it printed. */
  convexRunning(t, server, args, { env = {}, input = "ignore" } = {}) {
    const child = spawn(process.execPath, [path.join(this.modules, "convex/bin/main.js"), ...args], {
      cwd: this.folder,
      env: { ...process.env, CI: "1", ...server.environment, ...env },
      stdio: [input, "pipe", "pipe"],
    });
    const running = { child, stdout: "", stderr: "", ended: once(child, "exit") };
    child.stdout.on("data", (part) => (running.stdout += part));
    child.stderr.on("data", (part) => (running.stderr += part));
    t.after(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await running.ended;
    });
    return running;
  }
}

/** The app most tests push. */
export const basicApp = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  messages: defineTable({ body: v.string(), author: v.optional(v.string()) }).index("by_author", ["author"]),
});
`,
  "convex/messages.ts": `
import { query, mutation, internalQuery, internalMutation } from "./_generated/server";
import { ConvexError, v } from "convex/values";

export const list = query({
  args: {},
  handler: async (ctx) => {
    console.log("listing", 1);
    return await ctx.db.query("messages").collect();
  },
});
export const byAuthor = query({
  args: { author: v.string() },
  handler: async (ctx, { author }) =>
    await ctx.db.query("messages").withIndex("by_author", (q) => q.eq("author", author)).collect(),
});
export const send = mutation({
  args: { body: v.string(), author: v.optional(v.string()) },
  handler: async (ctx, args) => await ctx.db.insert("messages", args),
});
export const secret = internalQuery({ args: {}, handler: async () => "internal" });
export const wipe = internalMutation({
  args: {},
  handler: async (ctx) => {
    for (const message of await ctx.db.query("messages").collect()) await ctx.db.delete(message._id);
  },
});
export const fail = mutation({
  args: { convex: v.boolean() },
  handler: async (ctx, { convex }) => {
    await ctx.db.insert("messages", { body: "never" });
    if (convex) throw new ConvexError({ code: 7, text: "no" });
    throw new Error("boom");
  },
});
export const failQuery = query({
  args: {},
  handler: async () => {
    throw new Error("query boom");
  },
});
export const whoami = query({ args: {}, handler: async (ctx) => await ctx.auth.getUserIdentity() });
export const echo = query({ args: { value: v.any() }, handler: async (_, { value }) => value });
export const paged = query({
  args: { paginationOpts: v.any() },
  handler: async (ctx, { paginationOpts }) => await ctx.db.query("messages").paginate(paginationOpts),
});
`,
};
