// Environment variables as people have them: files of them, keys of several lines, values that
// quote; what functions see of them, and where they must never be seen.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import WebSocket from "ws";

import { Project, Server, until } from "./harness.mjs";

const app = {
  "convex/env.ts": `
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";
const args = { name: v.string() };
export const seen = query({ args, handler: async (_, { name }) => process.env[name] ?? null });
export const seenByAction = action({ args, handler: async (_, { name }) => process.env[name] ?? null });
export const signed = action({
  args: { text: v.string() },
  handler: async (_, { text }) => {
    const pem = process.env.SIGNING_KEY!;
    const der = Uint8Array.from(atob(pem.replace(/-----[A-Z ]+-----/g, "").replace(/\\s/g, "")), (c) => c.charCodeAt(0));
    const key = await crypto.subtle.importKey("pkcs8", der, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["sign"]);
    return await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, new TextEncoder().encode(text));
  },
});
export const fails = mutation({ args: {}, handler: async () => { throw new Error("it has a secret and keeps it"); } });
`,
};

const { privateKey, publicKey } = crypto.generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** Values that files of variables get wrong, by how such a file says them. */
const values = {
  PLAIN: ["plain", "plain"],
  HASH: ['"a # b"', "a # b"],
  DOLLAR: ["'$PLAIN ${PLAIN}'", "$PLAIN ${PLAIN}"],
  QUOTES: [`'say "hi"'`, 'say "hi"'],
  BACKSLASH: ["'C:\\new\\table'", "C:\\new\\table"],
  LETTERS: ['"Zoë 😀 東京"', "Zoë 😀 東京"],
  EQUALS: ["a=b==", "a=b=="],
  LINES: ['"one\n  two\n\nfour"', "one\n  two\n\nfour"],
  ESCAPED: ['"one\\ntwo"', "one\ntwo"],
};

async function start(t) {
  const server = await Server.start(t, { args: ["--log", "debug"] });
  const project = new Project(t, app);
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const env = (args, input) => project.convex(server, ["env", ...args], { input });
  return { server, project, env, client: new ConvexHttpClient(server.url) };
}

test("a file of variables: every value arrives as it is meant, and leaves as it came", async (t) => {
  const { project, env, client } = await start(t);
  const text = Object.entries(values).map(([name, [written]]) => `${name}=${written}`);
  project.write({ "all.env": `# a comment\n\n${text.join("\n")}\nSIGNING_KEY="${privateKey}"\n` });
  const set = await env(["set", "--from-file", "all.env"]);
  assert.equal(set.code, 0, set.stderr);
  for (const [name, [, meant]] of Object.entries(values)) {
    assert.equal(await client.query("env:seen", { name }), meant, name);
    assert.equal(await client.action("env:seenByAction", { name }), meant, name);
  }
  const signature = await client.action("env:signed", { text: "signed here" });
  assert.ok(crypto.verify("sha256", Buffer.from("signed here"), publicKey, Buffer.from(signature)));

  // What is listed is a file again, which says the same.
  const listed = await env(["list", "--include-values"]);
  assert.equal(listed.code, 0, listed.stderr);
  const same = await env(["set"], listed.stdout);
  assert.equal(same.code, 0, same.stderr);
  for (const [name, [, meant]] of Object.entries(values)) {
    assert.equal(await client.query("env:seen", { name }), meant, `${name}, listed and set again`);
  }
  // One value of a file, one from standard input.
  project.write({ "key.pem": privateKey });
  assert.equal((await env(["set", "FROM_FILE", "--from-file", "key.pem"])).code, 0);
  assert.equal((await env(["set", "FROM_INPUT"], privateKey)).code, 0);
  for (const name of ["FROM_FILE", "FROM_INPUT"]) {
    const seen = await client.query("env:seen", { name });
    assert.equal(seen.trim(), privateKey.trim(), name);
  }
});

test("a change is seen at once, by those who watch, too", async (t) => {
  const { server, env, client } = await start(t);
  const live = new ConvexClient(server.url, { webSocketConstructor: WebSocket });
  t.after(() => live.close());
  const seen = [];
  live.onUpdate("env:seen", { name: "FLAG" }, (value) => seen.push(value));
  await until(() => seen.length === 1);
  for (const value of ["on", "off"]) {
    assert.equal((await env(["set", "FLAG", value])).code, 0);
    assert.equal(await client.action("env:seenByAction", { name: "FLAG" }), value);
    await until(() => seen.at(-1) === value, { what: value });
  }
  assert.equal((await env(["unset", "FLAG"])).code, 0);
  await until(() => seen.at(-1) === null, { what: "it is gone" });
});

test("names and limits: what cannot be set says why, and nothing of its file is set", async (t) => {
  const { server, project, env, client } = await start(t);
  const refused = async (args, code, input) => {
    const result = await env(args, input);
    assert.equal(result.code, 1, `${args}`);
    assert.match(result.stderr, new RegExp(code), `${args}`);
  };
  await refused(["set", "1X", "y"], "EnvironmentVariableNameInvalid");
  await refused(["set", "N".repeat(257), "y"], "EnvironmentVariableNameTooLong");
  await refused(["set", "LONG"], "EnvironmentVariableValueTooLarge", "v".repeat(8_193));
  assert.equal((await env(["set", "LONG"], "v".repeat(8_192))).code, 0);
  for (const name of ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"]) await refused(["set", name, "x"], "EnvVarNameForbidden");
  assert.equal(await client.query("env:seen", { name: "CONVEX_SITE_URL" }), `http://127.0.0.1:${server.sitePort}`);
  const many = Array.from({ length: 512 }, (_, n) => `V${n}=x`).join("\n");
  project.write({ "many.env": many });
  await refused(["set", "--from-file", "many.env"], "EnvVarLimitMet");
  assert.equal(await client.query("env:seen", { name: "V0" }), null);
  project.write({ "fewer.env": many.slice(many.indexOf("\n") + 1) });
  assert.equal((await env(["set", "--from-file", "fewer.env"])).code, 0);
  assert.equal(await client.query("env:seen", { name: "V511" }), "x");
});

test("values stand in no log and no error", async (t) => {
  const { server, project, env, client } = await start(t);
  const secret = `s3cr3t-${crypto.randomUUID()}`;
  assert.equal((await env(["set", "TOKEN"], `${secret}\n${secret}-second`)).code, 0);
  const said = [];
  const logs = project.convexRunning(t, server, ["logs", "--history", "100", "--success", "--jsonl"]);
  await assert.rejects(client.mutation("env:fails", {}), (error) => said.push(error.message) > 0);
  await until(() => logs.stdout.includes("it has a secret and keeps it"));
  // A push that fails, and requests that are wrong.
  const broken = 'import { query } from "./_generated/server";\nexport const f = query(async () => null);\nthrow new Error("at import");\n';
  project.write({ "convex/broken.ts": broken });
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.notEqual(pushed.code, 0);
  said.push(pushed.stdout, pushed.stderr);
  const admin = { authorization: `Convex ${server.key}` };
  for (const changes of [[{ name: "1X", value: secret }], [{ name: "BIG", value: secret.repeat(999) }], [{ name: 7, value: secret }]]) {
    const answer = await server.post("/api/update_environment_variables", { changes }, admin);
    assert.equal(answer.status, 400);
    said.push(answer.text);
  }
  await server.kill();
  said.push(logs.stdout, logs.stderr, server.log);
  assert.ok(said.every((text) => !text.includes(secret)), said.find((text) => text.includes(secret)));
});
