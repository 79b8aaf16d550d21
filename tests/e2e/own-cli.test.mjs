// Lentil's own commands, which need no Node: data in and out, backups, status.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";

import { Project, Server, basicApp, freePort, lentil, run, temporaryFolder, until } from "./harness.mjs";

/** A command that is given the data folder only. */
const own = (server, args, options = {}) => run(lentil, [...args, "--data", server.data], options);

test("run, data, env, export, import and status need nothing but the data folder", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { ...basicApp, "rows.jsonl": '{"body":"three"}\n' });
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const sent = await own(server, ["run", "messages:send", '{"body":"one"}']);
  assert.equal(sent.code, 0, sent.stderr);
  const listed = await own(server, ["run", "messages:list"]);
  assert.equal(JSON.parse(listed.stdout)[0].body, "one");
  assert.match(listed.stderr, /listing/);
  const who = await own(server, ["run", "messages:whoami", "--identity", '{"subject":"me","name":"J"}']);
  assert.equal(JSON.parse(who.stdout).name, "J");
  const failed = await own(server, ["run", "messages:fail", '{"convex":true}']);
  assert.equal(failed.code, 1);
  const missing = await own(server, ["run", "messages:none"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /Could not find/);

  assert.equal((await own(server, ["data"])).stdout, "messages\n");
  assert.equal(JSON.parse((await own(server, ["data", "messages"])).stdout).body, "one");
  const noTable = await own(server, ["data", "none"]);
  assert.match(noTable.stderr, /no table "none"/);

  assert.equal((await own(server, ["env", "set", "SECRET=a b"])).code, 0);
  assert.equal((await own(server, ["env", "set", "PEM"], { input: "one\ntwo\n" })).code, 0);
  assert.equal((await own(server, ["env", "get", "PEM"])).stdout, "one\ntwo\n");
  assert.equal((await own(server, ["env", "list"])).stdout, 'PEM="one\\ntwo"\nSECRET="a b"\n');
  assert.equal((await own(server, ["env", "unset", "PEM"])).code, 0);
  assert.equal((await own(server, ["env", "get", "PEM"])).code, 1);

  const zip = path.join(project.folder, "all.zip");
  const exported = await own(server, ["export", zip]);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal((await own(server, ["export", zip])).code, 1, "nothing is overwritten");
  const rows = path.join(project.folder, "rows.jsonl");
  const added = await own(server, ["import", rows, "--table", "messages", "--append"]);
  assert.match(added.stderr, /Added 1 documents/);
  const refused = await own(server, ["import", zip, "--replace"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /nobody said yes/);
  const replaced = await own(server, ["import", zip, "--replace-all", "-y"]);
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.equal(JSON.parse((await own(server, ["data", "messages"])).stdout).body, "one");

  const status = await own(server, ["status"]);
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /Tables +1\n/);
  assert.match(status.stdout, /Last backup +none/);
  const elsewhere = await run(lentil, ["status", "--url", `http://127.0.0.1:${await freePort()}`, "--admin-key", "a|01"]);
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /no server answers/);
  const keyless = await run(lentil, ["data", "--data", path.join(project.folder, "none")]);
  assert.match(keyless.stderr, /no admin key/);
});

test("a backup taken while the server writes is restored as it was", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const client = new ConvexHttpClient(server.url);
  for (let n = 0; n < 20; n++) await client.mutation("messages:send", { body: `${n}` });
  const before = await client.query("messages:list", {});
  let writing = true;
  const writer = (async () => {
    while (writing) await client.mutation("messages:send", { body: "meanwhile" });
  })();
  const file = path.join(project.folder, "one.lentil-backup");
  const backedUp = await own(server, ["backup", file]);
  writing = false;
  await writer;
  assert.equal(backedUp.code, 0, backedUp.stderr);
  assert.match((await own(server, ["status"])).stdout, /Last backup +\d+ s ago/);
  const occupied = await own(server, ["restore", file]);
  assert.equal(occupied.code, 1, "a folder that is in use is left alone");
  await server.stop();

  const data = path.join(temporaryFolder(t), "restored");
  const restored = await run(lentil, ["restore", file, "--data", data]);
  assert.equal(restored.code, 0, restored.stderr);
  const again = await Server.start(t, { data });
  assert.equal(again.key.split("|")[0], server.key.split("|")[0]);
  const after = await new ConvexHttpClient(again.url).query("messages:list", {});
  assert.deepEqual(after.slice(0, 20), before);
  const known = await project.convex({ environment: { ...again.environment, CONVEX_SELF_HOSTED_ADMIN_KEY: server.key } }, ["data"]);
  assert.equal(known.stdout, "messages\n", "keys of the old server are good");

  fs.truncateSync(file, fs.statSync(file).size - 100);
  const damaged = await run(lentil, ["restore", file, "--data", `${data}2`]);
  assert.equal(damaged.code, 1);
  assert.ok(!fs.existsSync(`${data}2`));
});

test("a server makes backups by itself and keeps the newest", async (t) => {
  const data = path.join(temporaryFolder(t), "data");
  const old = path.join(data, "backups");
  fs.mkdirSync(old, { recursive: true });
  for (const year of [2001, 2002, 2003]) fs.writeFileSync(path.join(old, `lentil-${year}0101T000000Z.lentil-backup`), "");
  const server = await Server.start(t, { data, args: ["--backup-every", "1d", "--backup-keep", "2"] });
  await until(() => fs.readdirSync(old).filter((name) => name.endsWith("backup")).length === 2, {
    what: `rotation\n${server.log}`,
  });
  const kept = fs.readdirSync(old).sort();
  assert.equal(kept[0], "lentil-20030101T000000Z.lentil-backup");
  const restored = await run(lentil, ["restore", path.join(old, kept[1]), "--data", `${data}2`]);
  assert.equal(restored.code, 0, restored.stderr);
});

test("62: as the local backend of npx convex dev, without a network", async (t) => {
  const home = temporaryFolder(t);
  const project = new Project(t, basicApp);
  const environment = {
    HOME: home,
    CI: "1",
    CONVEX_AGENT_MODE: "anonymous",
    CONVEX_SELF_HOSTED_URL: "",
    CONVEX_SELF_HOSTED_ADMIN_KEY: "",
    // Whoever asks the network gets no answer.
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1,localhost",
    LENTIL_NODE: process.env.LENTIL_NODE ?? process.execPath,
  };
  const installed = await run(lentil, ["install-local", project.folder], { env: { HOME: home } });
  assert.equal(installed.code, 0, installed.stderr);
  const version = /precompiled-[\w.-]+/.exec(installed.stdout)[0];
  const config = path.join(project.folder, ".convex/local/default/config.json");
  const [cloud, site] = [await freePort(), await freePort()];
  const written = JSON.parse(fs.readFileSync(config, "utf8"));
  fs.writeFileSync(config, JSON.stringify({ ...written, ports: { cloud, site } }));
  const cli = (args) => project.convex(null, args, { env: environment, limitMs: 120_000 });
  const pushed = await cli(["dev", "--once", "--local-backend-version", version]);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /Convex functions ready!/);
  const sent = await cli(["run", "messages:send", '{"body":"local"}']);
  assert.equal(sent.code, 0, sent.stderr);
  const listed = await cli(["run", "messages:list"]);
  assert.match(listed.stdout, /local/);
  assert.equal((await cli(["env", "list"])).code, 0);
  const data = await cli(["data"]);
  assert.equal(data.code, 1);
  assert.match(data.stderr, /isn't running|not running/);
});

test("commands that ask little: init, deployments, deployment usage, typecheck, dev --start", async (t) => {
  const server = await Server.start(t);
  const tsconfig = JSON.stringify({ compilerOptions: { strict: true, noEmit: true, module: "ESNext", moduleResolution: "Bundler", target: "ESNext", lib: ["ES2021", "dom"], skipLibCheck: true } });
  const project = new Project(t, { ...basicApp, "convex/tsconfig.json": tsconfig });
  const started = await project.convex(server, ["init"]);
  assert.equal(started.code, 0, started.stderr);
  assert.match(project.read(".env.local"), new RegExp(`CONVEX_URL=${server.url}`));
  const deployments = await project.convex(server, ["deployments"]);
  assert.equal(deployments.code, 0, deployments.stderr);
  assert.ok((deployments.stdout + deployments.stderr).includes(server.url));
  for (const command of [["usage"], ["usage-limits", "list"]]) {
    const start = Date.now();
    const asked = await project.convex(server, ["deployment", ...command]);
    assert.equal(asked.code, 0, asked.stderr);
    assert.ok(Date.now() - start < 15_000, "an endpoint that is missing would be asked for half a minute");
  }
  const pushed = await project.convex(server, ["dev", "--once", "--start", "node -e \"require('fs').writeFileSync('ran','')\""]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const typechecked = await project.convex(server, ["typecheck"]);
  assert.equal(typechecked.code, 0, typechecked.stdout + typechecked.stderr);
});
