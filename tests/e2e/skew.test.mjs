// Versions of the CLI: the newest patch of every minor version of the last twelve months, and three
// old ones whose pushes differ. Each deploys an app and does what it can do. Five run always, all
// with LENTIL_LONG.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { Server, long, root, run, temporaryFolder, until } from "./harness.mjs";

const always = ["1.3.1", "1.13.2", "1.17.4", "1.31.7", "1.40.0"];
const others = [
  "1.29.3", "1.30.0", "1.32.0", "1.33.1", "1.34.1", "1.35.1", "1.36.1", "1.37.0", "1.38.0", "1.39.1", "1.41.0", "1.42.3",
  "1.43.0", "1.44.0", "1.45.0", "1.46.0", "1.48.0",
];
const tools = process.env.LENTIL_TOOLS ?? path.join(root, ".tools");

/** The folder with a version's packages, installed at first need. */
function modules(version) {
  const folder = path.join(tools, "cli", version);
  // An installation that was cut short is no installation.
  const mark = path.join(folder, ".installed");
  if (!fs.existsSync(mark)) {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "package.json"), '{"private":true}');
    // Old versions name peers that no longer fit each other.
    const flags = ["--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", ...flags, `convex@${version}`, "typescript@5.9"], { cwd: folder, stdio: "pipe" });
    fs.writeFileSync(mark, "");
  }
  return path.join(folder, "node_modules");
}

const app = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ notes: defineTable({ text: v.string(), stars: v.number() }).index("by_stars", ["stars"]) });
`,
  "convex/notes.ts": `
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";
export const add = mutation({
  args: { text: v.string(), stars: v.number() },
  handler: async (ctx, note) => { console.log("adding", note.text); await ctx.db.insert("notes", note); },
});
export const best = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").withIndex("by_stars").order("desc").collect()).map((note) => note.text),
});
export const colour = query({ args: {}, handler: async () => process.env.COLOUR ?? null });
`,
  "rows.jsonl": '{"text":"imported","stars":9}\n',
};

for (const version of long ? [...always, ...others] : always) {
  test(`convex ${version}: deploys, runs, lists, imports, exports, sets variables, shows logs`, async (t) => {
    const installed = modules(version);
    const server = await Server.start(t);
    const folder = temporaryFolder(t, "lentil-skew");
    fs.symlinkSync(installed, path.join(folder, "node_modules"));
    const manifest = { name: "p", private: true, dependencies: { convex: version } };
    for (const [name, text] of Object.entries({ ...app, "package.json": JSON.stringify(manifest), "convex.json": "{}" })) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
    const { bin } = JSON.parse(fs.readFileSync(path.join(installed, "convex/package.json"), "utf8"));
    const program = path.join(installed, "convex", typeof bin === "string" ? bin : bin.convex);
    const target = ["--url", server.url, "--admin-key", server.key];
    const environment = { CI: "1", CONVEX_DEPLOY_KEY: "", CONVEX_SELF_HOSTED_URL: "", CONVEX_SELF_HOSTED_ADMIN_KEY: "" };
    const options = { cwd: folder, env: environment, limitMs: 90_000 };
    const convex = (...args) => run(process.execPath, [program, ...args, ...target], options);
    const { stdout: help } = await run(process.execPath, [program, "--help"], options);
    const has = (command) => new RegExp(`^ +${command}\\b`, "m").test(help);

    const deployed = await convex("deploy", "-y", "--typecheck", "disable");
    assert.equal(deployed.code, 0, deployed.stderr + deployed.stdout);
    const again = await convex("deploy", "-y", "--typecheck", "disable");
    assert.equal(again.code, 0, again.stderr + again.stdout);
    const added = await convex("run", "notes:add", '{"text":"typed","stars":5}');
    assert.equal(added.code, 0, added.stderr + added.stdout);
    const old = Number(version.split(".")[1]) < 13;
    const rows = old ? ["import", "notes", "rows.jsonl", "--append"] : ["import", "--table", "notes", "--append", "rows.jsonl"];
    const imported = await convex(...rows);
    assert.equal(imported.code, 0, imported.stderr + imported.stdout);
    const best = await convex("run", "notes:best");
    assert.match(best.stdout, /imported[^]*typed/);

    if (has("data")) {
      const listed = await convex("data", "notes");
      assert.equal(listed.code, 0, listed.stderr);
      assert.match(listed.stdout, /imported/);
    }
    if (has("env")) {
      const set = await convex("env", "set", "COLOUR", "blue");
      assert.equal(set.code, 0, set.stderr);
      assert.match((await convex("env", "get", "COLOUR")).stdout, /blue/);
      assert.match((await convex("run", "notes:colour")).stdout, /blue/);
    }
    if (has("export")) {
      const exported = await convex("export", "--path", "all.zip");
      assert.equal(exported.code, 0, exported.stderr);
      const replaced = await convex("import", "--replace", "-y", "all.zip");
      assert.equal(replaced.code, 0, replaced.stderr + replaced.stdout);
      assert.match((await convex("run", "notes:best")).stdout, /imported[^]*typed/);
    }
    if (has("logs")) {
      const child = spawn(process.execPath, [program, "logs", "--history", ...target], { cwd: folder, env: { ...process.env, ...environment } });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
      await until(() => output.includes("adding"), { limitMs: 30_000, what: `a log line of the mutation\n${output}` }).finally(() => child.kill("SIGKILL"));
    }
    const broken = path.join(folder, "convex/schema.ts");
    fs.writeFileSync(broken, app["convex/schema.ts"].replace("v.string()", "v.number()"));
    const refused = await convex("deploy", "-y", "--typecheck", "disable");
    assert.equal(refused.code, 1, "a schema that the documents do not match is refused");
    assert.match(refused.stderr + refused.stdout, /does not match/);
  });
}
