// The stock CLI against the binary: numbered scenarios of the CLI specification, section 21,
// with the newest CLI and the oldest of the last twelve months.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, describe } from "node:test";

import { Project, Server, basicApp, freePort, until } from "./harness.mjs";

for (const cli of ["current", "old"]) {
  describe(`${cli} CLI`, () => {
    test("1-4: push, push again, edit one file, delete one", async (t) => {
      const server = await Server.start(t);
      const project = new Project(t, basicApp, { cli });
      const first = await project.convex(server, ["dev", "--once"]);
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stderr, /Convex functions ready!/);
      assert.ok(project.exists("convex/_generated/api.d.ts"));
      const local = project.read(".env.local");
      assert.match(local, /CONVEX_URL=/);
      assert.match(local, new RegExp(`http://127.0.0.1:${server.port}`));

      const again = await project.convex(server, ["dev", "--once"]);
      assert.equal(again.code, 0, again.stderr);

      project.write({
        "convex/extra.ts": `import { query } from "./_generated/server";
export const two = query({ args: {}, handler: async () => 2 });`,
      });
      assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
      assert.equal((await project.convex(server, ["run", "extra:two"])).stdout.trim(), "2");

      project.write({ "convex/extra.ts": null });
      assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
      const gone = await project.convex(server, ["run", "extra:two"]);
      assert.equal(gone.code, 1);
      assert.match(gone.stderr, /Could not find function/);
    });

    test("21, 25: deploy, dry run and codegen", async (t) => {
      const server = await Server.start(t);
      const project = new Project(t, basicApp, { cli });
      // A dry run writes no generated files, so they must be there.
      assert.equal((await project.convex(server, ["codegen"])).code, 0);
      const dry = await project.convex(server, ["deploy", "--dry-run"]);
      assert.equal(dry.code, 0, dry.stderr);
      assert.equal((await project.convex(server, ["run", "messages:list"])).code, 1, "a dry run deploys nothing");
      const deployed = await project.convex(server, ["deploy"]);
      assert.equal(deployed.code, 0, deployed.stderr);
      assert.match(deployed.stderr, /Deployed Convex functions to/);
      fs.rmSync(path.join(project.folder, "convex/_generated"), { recursive: true });
      const codegen = await project.convex(server, ["codegen"]);
      assert.equal(codegen.code, 0, codegen.stderr);
      assert.ok(project.exists("convex/_generated/server.js"));
      const after = await project.convex(server, ["dev", "--once"]);
      assert.equal(after.code, 0, after.stderr);
    });

    test("32-36: run by every spelling, internal functions, identity", async (t) => {
      const server = await Server.start(t);
      const project = new Project(t, basicApp, { cli });
      assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
      const sent = await project.convex(server, ["run", "messages:send", '{"body":"hello"}']);
      assert.equal(sent.code, 0, sent.stderr);
      assert.match(sent.stdout, /^"[0-9a-z]{31,37}"\s*$/);
      for (const name of ["messages:list", "api.messages.list", "convex/messages.ts:list", "messages.js:list"]) {
        const listed = await project.convex(server, ["run", name, "{}"]);
        assert.equal(listed.code, 0, listed.stderr);
        assert.equal(JSON.parse(listed.stdout)[0].body, "hello");
        assert.match(listed.stderr, /\[LOG\] 'listing' 1/);
      }
      const internal = await project.convex(server, ["run", "internal.messages.secret"]);
      assert.equal(internal.stdout.trim(), '"internal"');
      const missing = await project.convex(server, ["run", "missing:fn"]);
      assert.equal(missing.code, 1);
      assert.match(missing.stderr, /messages:list/, "lists what there is");
      const who = await project.convex(server, ["run", "messages:whoami", "--identity", '{name:"J"}']);
      assert.equal(who.code, 0, who.stderr);
      const identity = JSON.parse(who.stdout);
      assert.equal(identity.name, "J");
      assert.equal(identity.issuer, "https://convex.test");
      const failed = await project.convex(server, ["run", "messages:fail", '{"convex":false}']);
      assert.equal(failed.code, 1);
      assert.match(failed.stderr, /Uncaught Error: boom/);
      assert.match(failed.stderr, /convex\/messages\.ts:\d+/);
    });

    test("41-44: environment variables", async (t) => {
      const server = await Server.start(t);
      const project = new Project(t, basicApp, { cli });
      assert.equal((await project.convex(server, ["env", "set", "A", "b"])).code, 0);
      assert.equal((await project.convex(server, ["env", "get", "A"])).stdout.trim(), "b");
      assert.match((await project.convex(server, ["env", "list"])).stdout, /^A=b$/m);
      const site = await project.convex(server, ["env", "get", "CONVEX_SITE_URL"]);
      assert.match(site.stdout, new RegExp(`:${server.sitePort}`));
      assert.doesNotMatch((await project.convex(server, ["env", "list"])).stdout, /CONVEX_SITE_URL/);
      assert.equal((await project.convex(server, ["env", "unset", "A"])).code, 0);
      const gone = await project.convex(server, ["env", "get", "A"]);
      assert.doesNotMatch(gone.stdout, /b/);
      const wrong = await project.convex(server, ["env", "set", "1X", "y"]);
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /EnvironmentVariableNameInvalid/);
      const builtIn = await project.convex(server, ["env", "set", "CONVEX_SITE_URL", "x"]);
      assert.equal(builtIn.code, 1);
      assert.match(builtIn.stderr, /EnvVarNameForbidden/);
    });

    test("45-48: data and import", async (t) => {
      const server = await Server.start(t);
      const project = new Project(t, {
        ...basicApp,
        "rows.jsonl": '\ufeff{"body":"one"}\n{"body":"two","author":"a"}\n',
        "rows.json": '[{"body":"three"},{"body":"four"}]',
        "rows.csv": "body,author\nfive,b\nsix,c\n",
      }, { cli });
      assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
      const imported = await project.convex(server, ["import", "--table", "messages", "rows.jsonl"]);
      assert.equal(imported.code, 0, imported.stderr);
      assert.match(imported.stderr, /Added 2 documents/);
      const again = await project.convex(server, ["import", "--table", "messages", "rows.jsonl"]);
      assert.equal(again.code, 1, "a table with data wants a mode");
      const appended = await project.convex(server, ["import", "--table", "messages", "--append", "rows.json"]);
      assert.equal(appended.code, 0, appended.stderr);
      assert.equal(await rows(project, server), 4);
      const refused = await project.convex(server, ["import", "--table", "messages", "--replace", "rows.csv"]);
      assert.equal(refused.code, 1, "without a terminal nobody can confirm");
      assert.equal(await rows(project, server), 4);
      const replaced = await project.convex(server, ["import", "--table", "messages", "--replace", "-y", "rows.csv"]);
      assert.equal(replaced.code, 0, replaced.stderr);
      assert.equal(await rows(project, server), 2);
      const noTable = await project.convex(server, ["import", "rows.csv"]);
      assert.equal(noTable.code, 1);

      const tables = await project.convex(server, ["data"]);
      assert.equal(tables.stdout.trim(), "messages");
      const two = await project.convex(server, ["data", "messages", "--limit", "1"]);
      assert.equal(two.code, 0, two.stderr);
      assert.match(two.stdout, /six/);
      assert.doesNotMatch(two.stdout, /five/);
      const bad = new Project(t, { "bad.jsonl": '{"body":5}\n' }, { cli });
      const broken = await bad.convex(server, ["import", "--table", "messages", "--append", "bad.jsonl"]);
      assert.equal(broken.code, 1);
      assert.match(broken.stderr, /schema|validator/i);
      assert.equal(await rows(project, server), 2);
    });
  });
}

async function rows(project, server) {
  const listed = await project.convex(server, ["data", "messages", "--format", "jsonLines"]);
  return listed.stdout.trim().split("\n").filter(Boolean).length;
}

test("5, 6: a wrong key is refused at once", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const wrong = { CONVEX_SELF_HOSTED_ADMIN_KEY: "convex-self-hosted|01deadbeef" };
  for (const command of [["dev", "--once"], ["deploy"], ["env", "list"]]) {
    const start = Date.now();
    const result = await project.convex(server, command, { env: wrong });
    assert.equal(result.code, 1, `${command}: ${result.stderr}`);
    assert.ok(Date.now() - start < 15_000, `${command} took ${Date.now() - start} ms`);
  }
});

test("7, 11: what is wrong with a push is said with file and line, and changes nothing", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  assert.equal((await project.convex(server, ["run", "messages:send", '{"body":"kept"}'])).code, 0);

  project.write({ "convex/broken.ts": `import { query } from "./_generated/server";
throw new Error("at import");
export const x = query({ args: {}, handler: async () => 1 });` });
  const thrown = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(thrown.code, 1, thrown.stderr);
  assert.match(thrown.stderr, /broken/);
  assert.match(thrown.stderr, /at import/);
  project.write({ "convex/broken.ts": null });

  project.write({ "convex/schema.ts": basicApp["convex/schema.ts"].replace("v.string(), author", "v.number(), author") });
  const violated = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(violated.code, 1, violated.stderr);
  assert.match(violated.stderr, /does not match the schema/);
  assert.match(violated.stderr, /messages/);
  const listed = await project.convex(server, ["run", "messages:list"]);
  assert.equal(JSON.parse(listed.stdout)[0].body, "kept");
});

test("10, 12: dev in watch mode pushes again when the document is fixed", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { ...basicApp, "convex/schema.ts": null });
  project.write({ "convex/messages.ts": basicApp["convex/messages.ts"].replace('.withIndex("by_author", (q) => q.eq("author", author))', "") });
  assert.equal((await project.convex(server, ["dev", "--once", "--typecheck", "disable"])).code, 0);
  const id = JSON.parse((await project.convex(server, ["run", "messages:send", '{"body":"x"}'])).stdout);
  assert.ok(id);
  project.write({ "convex/schema.ts": basicApp["convex/schema.ts"].replace("body: v.string()", 'body: v.literal("fixed")') });
  const dev = project.convexRunning(t, server, ["dev", "--typecheck", "disable", "--tail-logs", "disable"]);
  await until(() => /does not match the schema/.test(dev.stderr), { limitMs: 40_000, what: "schema failure" });
  const wiped = await project.convex(server, ["run", "internal.messages.wipe"]);
  assert.equal(wiped.code, 0, wiped.stderr);
  await until(() => /Convex functions ready!/.test(dev.stderr), { limitMs: 40_000, what: `re-push\n${dev.stderr}` });
});

test("60: an index added in a push is usable by the same push, also over old rows", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, {
    "convex/m.ts": `import { mutation } from "./_generated/server";
export const fill = mutation({ args: {}, handler: async (ctx) => {
  for (let i = 0; i < 2000; i++) await ctx.db.insert("n", { i: i % 10 });
} });`,
    "tsconfig.json": "{}",
  });
  assert.equal((await project.convex(server, ["dev", "--once", "--typecheck", "disable"])).code, 0);
  for (let i = 0; i < 3; i++) {
    const filled = await project.convex(server, ["run", "m:fill"]);
    assert.equal(filled.code, 0, filled.stderr);
  }
  project.write({
    "convex/schema.ts": `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ n: defineTable({ i: v.number() }).index("by_i", ["i"]) });`,
    "convex/m.ts": `import { query } from "./_generated/server";
export const fives = query({ args: {}, handler: async (ctx) =>
  (await ctx.db.query("n").withIndex("by_i", (q) => q.eq("i", 5)).collect()).length });`,
  });
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.equal((await project.convex(server, ["run", "m:fives"])).stdout.trim(), "600");
});

test("37, 54: run --watch and logs", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const watch = project.convexRunning(t, server, ["run", "messages:list", "--watch"]);
  await until(() => watch.stdout.includes("[]"), { what: `first result\n${watch.stderr}` });
  assert.equal((await project.convex(server, ["run", "messages:send", '{"body":"seen"}'])).code, 0);
  await until(() => watch.stdout.includes("seen"), { what: "second result" });

  const logs = project.convexRunning(t, server, ["logs", "--history", "50", "--success"]);
  await until(() => /Q\(messages:list\).*listing/.test(logs.stdout + logs.stderr), { what: `history\n${logs.stderr}` });
  assert.equal((await project.convex(server, ["run", "messages:send", '{"body":"later"}'])).code, 0);
  await until(() => /M\(messages:send\)/.test(logs.stdout + logs.stderr), { what: "a live entry" });
});

test("56-58: function-spec, network-test, dashboard", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const spec = await project.convex(server, ["function-spec"]);
  assert.equal(spec.code, 0, spec.stderr);
  const { url, functions } = JSON.parse(spec.stdout);
  assert.equal(url, server.url);
  assert.ok(functions.some((f) => f.identifier === "messages.js:list" && f.functionType === "Query"));
  const network = await project.convex(server, ["network-test"]);
  assert.equal(network.code, 0, network.stderr + network.stdout);
  assert.equal((await project.convex(server, ["dashboard"])).code, 0);
});

test("22-24, 40: deploy --cmd and selection flags", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const printed = await project.convex(server, ["deploy", "--cmd", "printenv CONVEX_URL > url.txt"]);
  assert.equal(printed.code, 0, printed.stderr);
  assert.equal(project.read("url.txt").trim(), server.url);
  assert.equal((await project.convex(server, ["deploy", "--cmd", "false"])).code, 1);
  assert.equal((await project.convex(server, ["run", "messages:list", "--prod"])).code, 1);
});

test("19: removing an index on a small table needs no question", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["deploy"])).code, 0);
  project.write({
    "convex/schema.ts": basicApp["convex/schema.ts"].replace('.index("by_author", ["author"])', ""),
    "convex/messages.ts": basicApp["convex/messages.ts"].replace('.withIndex("by_author", (q) => q.eq("author", author))', ""),
  });
  const removed = await project.convex(server, ["deploy"]);
  assert.equal(removed.code, 0, removed.stderr);
  assert.match(removed.stderr, /by_author/);
});

test("39: run --inline-query reads what is there and writes nothing", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const inline = (source) => project.convex(server, ["run", "--inline-query", source]);
  assert.equal((await inline("1 + 2")).stdout.trim(), "3", "also before the first push");
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  for (const [body, author] of [["one", "ann"], ["two", "bob"], ["three", "ann"]]) {
    await server.post("/api/mutation", { path: "messages:send", args: { body, author } });
  }
  for (const [source, expected] of [
    [`(await ctx.db.query("messages").collect()).length`, 3],
    [`(await ctx.db.query("messages").withIndex("by_author", (q) => q.eq("author", "ann")).order("desc").first()).body`, "three"],
    [`(await ctx.db.query("messages").filter((q) => q.neq(q.field("author"), "ann")).unique()).body`, "two"],
    [`(await ctx.db.query("messages").paginate({ cursor: null, numItems: 2 })).page.length`, 2],
    [`const all = await ctx.db.query("messages").take(1); return (await ctx.db.get(all[0]._id)).body;`, "one"],
    [`(await ctx.runQuery("messages:byAuthor", { author: "bob" })).length`, 1],
    [`(await ctx.runQuery("messages:echo", { value: [1n, -0, NaN, new ArrayBuffer(2)] })).map((x) => typeof x).join()`,
      "bigint,number,number,object"],
    [`(await ctx.auth.getUserIdentity()) === null`, true],
    [`export default query({ handler: async (ctx) => "whole module" });`, "whole module"],
  ]) {
    const result = await inline(source);
    assert.equal(result.code, 0, `${source}\n${result.stderr}`);
    assert.deepEqual(JSON.parse(result.stdout), expected, source);
  }
  const logged = await inline(`console.log("seen", 7); return null;`);
  assert.match(logged.stderr + logged.stdout, /seen.*7/);
  for (const [source, says] of [
    [`await ctx.db.insert("messages", { body: "no" })`, /only reads/],
    [`throw new Error("on purpose")`, /on purpose/],
    [`this is no JavaScript`, /testQuery/],
    [`await fetch("http://127.0.0.1")`, /fetch/],
  ]) {
    const result = await inline(source);
    assert.equal(result.code, 1, source);
    assert.match(result.stderr + result.stdout, says, source);
  }
  assert.equal(JSON.parse((await inline(`(await ctx.db.query("messages").collect()).length`)).stdout), 3);
  const bare = { adminKey: "convex-self-hosted|00", args: {}, bundle: { path: "testQuery.js", source: "" } };
  assert.equal((await server.post("/api/run_test_function", bare)).status, 401);
});

test("44, 54: env set --from-file, run --push, dev --run, logs --jsonl", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const pushed = await project.convex(server, ["run", "--push", "messages:list"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.equal(pushed.stdout.trim(), "[]");
  const ran = await project.convex(server, ["dev", "--once", "--run", "messages:list"]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout + ran.stderr, /\[\]/);
  const succeeded = await project.convex(server, ["dev", "--until-success", "--once"]);
  assert.equal(succeeded.code, 0, succeeded.stderr);

  project.write({ "some.env": "ONE=1\nTWO='two words'\n" });
  assert.equal((await project.convex(server, ["env", "set", "--from-file", "some.env"])).code, 0);
  assert.equal((await project.convex(server, ["env", "get", "TWO"])).stdout.trim(), "two words");
  project.write({ "some.env": "ONE=other\n" });
  assert.equal((await project.convex(server, ["env", "set", "--from-file", "some.env"])).code, 1);
  assert.equal((await project.convex(server, ["env", "get", "ONE"])).stdout.trim(), "1");
  assert.equal((await project.convex(server, ["env", "set", "--from-file", "some.env", "--force"])).code, 0);
  assert.equal((await project.convex(server, ["env", "get", "ONE"])).stdout.trim(), "other");

  const logs = project.convexRunning(t, server, ["logs", "--history", "20", "--success", "--jsonl"]);
  const entries = () => logs.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const entry = await until(() => entries().find((each) => each.identifier?.startsWith("messages")));
  assert.equal(entry.udfType, "Query");
});

test("a server that is not there is an error, not a wait without end", async (t) => {
  const project = new Project(t, basicApp);
  const port = await freePort();
  const result = await project.convex(null, ["env", "set", "A", "b"], {
    env: { CONVEX_SELF_HOSTED_URL: `http://127.0.0.1:${port}`, CONVEX_SELF_HOSTED_ADMIN_KEY: "a|b" },
    limitMs: 90_000,
  });
  assert.equal(result.code, 1);
});
