// `npx convex mcp start` against the server, as a program of an editor speaks to it: JSON-RPC over
// stdio. The CLI asks Convex's cloud first whether somebody is logged in, even for self-hosted
// deployments; a stand-in says yes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { fake } from "./fakes.mjs";
import { Project, Server, basicApp } from "./harness.mjs";

/** A client of the protocol: one call at a time. */
class Client {
  constructor(running) {
    this.child = running.child;
    this.running = running;
    this.next = 1;
    this.waiting = new Map();
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const message = JSON.parse(line);
      this.waiting.get(message.id)?.(message);
    });
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  async ask(method, params) {
    const id = this.next++;
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send({ id, method, params });
    const ended = once(this.child, "exit").then(() => ({ error: this.running.stderr }));
    const { result, error } = await Promise.race([answer, ended]);
    assert.ok(result, `${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async call(name, args) {
    const { content, isError } = await this.ask("tools/call", { name, arguments: args });
    const value = JSON.parse(content[0].text);
    assert.ok(!isError, `${name}: ${content[0].text}`);
    return value;
  }
}

test("mcp start: status, tables, data, functions, run, variables, queries and logs", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  assert.equal((await project.convex(server, ["run", "messages:send", '{"body":"hello"}'])).code, 0);
  const cloud = await fake(t, {
    "/api/authorize": () => ({ json: {} }),
    "/api/check_opt_ins": () => ({ json: { optInsToAccept: [] } }),
  });
  const running = project.convexRunning(t, server, ["mcp", "start"], {
    env: { CONVEX_PROVISION_HOST: cloud.url, CONVEX_OVERRIDE_ACCESS_TOKEN: "somebody" },
    input: "pipe",
  });
  const client = new Client(running);
  const { serverInfo } = await client.ask("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  });
  assert.match(serverInfo.name, /Convex/);
  client.send({ method: "notifications/initialized" });
  const { tools } = await client.ask("tools/list", {});
  const names = tools.map((tool) => tool.name);
  for (const name of ["status", "data", "tables", "functionSpec", "run", "envList", "envGet", "envSet", "envRemove", "runOneoffQuery", "logs"]) {
    assert.ok(names.includes(name), `${name} in ${names}`);
  }

  const { availableDeployments } = await client.call("status", { projectDir: project.folder });
  assert.equal(availableDeployments.length, 1);
  assert.equal(availableDeployments[0].url, server.url);
  const { deploymentSelector } = availableDeployments[0];
  const call = (name, args = {}) => client.call(name, { deploymentSelector, ...args });

  const { tables } = await call("tables");
  assert.equal(tables.messages.schema.tableName, "messages");
  assert.ok(tables.messages.inferredSchema);
  const { page, isDone } = await call("data", { tableName: "messages", order: "asc" });
  assert.deepEqual(page.map((row) => row.body), ["hello"]);
  assert.equal(typeof isDone, "boolean");
  const spec = await call("functionSpec");
  assert.ok(JSON.stringify(spec).includes("messages.js:list"));
  const ran = await call("run", { functionName: "messages:send", args: '{"body":"from the editor"}' });
  assert.ok(JSON.stringify(ran).includes("result"), JSON.stringify(ran));

  await call("envSet", { name: "FROM_EDITOR", value: "yes" });
  assert.deepEqual((await call("envList")).variables, [{ name: "FROM_EDITOR" }]);
  assert.equal((await call("envGet", { name: "FROM_EDITOR" })).value, "yes");
  await call("envRemove", { name: "FROM_EDITOR" });
  assert.equal((await call("envGet", { name: "FROM_EDITOR" })).value, null);

  const query = `import { query } from "convex:/_system/repl/wrappers.js";
export default query({ handler: async (ctx) => {
  console.log("looking");
  return (await ctx.db.query("messages").collect()).map((row) => row.body);
} });`;
  const { result, logLines } = await call("runOneoffQuery", { query });
  assert.deepEqual(result, ["hello", "from the editor"]);
  assert.ok(logLines.some((line) => line.includes("looking")), `${logLines}`);
  const { entries, newCursor } = await call("logs", { cursor: 0 });
  assert.match(entries, /looking/);
  assert.equal(typeof newCursor, "number");
  assert.ok(cloud.seen.some((asked) => asked.path === "/api/authorize" && asked.method === "HEAD"));
});
