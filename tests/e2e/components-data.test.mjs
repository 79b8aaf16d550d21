// What components have, through the tools: the stock CLI's data, import, export and run with
// --component, Lentil's own commands, backups, the dashboard's functions and streaming export.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { Project, Server, lentil, run, temporaryFolder } from "./harness.mjs";

const config = (name, uses = "") => `
import { defineComponent } from "convex/server";
${uses && `import ${uses} from "./${uses}/convex.config";`}
const component = defineComponent("${name}");
${uses && `component.use(${uses});`}
export default component;
`;

const schema = (table) => `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({ ${table}: defineTable({ text: v.string() }).index("by_text", ["text"]) });
`;

const functions = (table) => `
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";
export const add = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => await ctx.db.insert("${table}", { text }),
});
export const list = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("${table}").collect()).map(({ text }) => text),
});
`;

const app = (uses) => ({
  "convex/convex.config.ts": `
import { defineApp } from "convex/server";
import notes from "./notes/convex.config";
const app = defineApp();
${uses.map((name) => `app.use(notes, { name: "${name}" });`).join("\n")}
export default app;
`,
  "convex/schema.ts": schema("notes"),
  "convex/lib.ts": functions("notes"),
  "convex/notes/convex.config.ts": config("notes", "inner"),
  "convex/notes/schema.ts": schema("notes"),
  "convex/notes/lib.ts": functions("notes"),
  "convex/notes/inner/convex.config.ts": config("inner"),
  "convex/notes/inner/schema.ts": schema("counts"),
  "convex/notes/inner/lib.ts": functions("counts"),
});

const own = (server, args) => run(lentil, [...args, "--data", server.data]);

async function pushed(t, server, uses = ["notes", "drafts"]) {
  const project = new Project(t, app(uses));
  const push = await project.convex(server, ["dev", "--once", "--typecheck", "disable"], { limitMs: 120_000 });
  assert.equal(push.code, 0, push.stderr);
  return project;
}

/** Runs the CLI, which must do it; gives what it prints. */
async function cli(project, server, args) {
  const ran = await project.convex(server, args);
  assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.stderr}`);
  return ran;
}

const list = async (project, server, component) =>
  JSON.parse((await cli(project, server, ["run", ...(component ? ["--component", component] : []), "lib:list"])).stdout);

/** What an archive holds, by name. */
function unpack(file) {
  const script = "import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps({n: z.read(n).decode() for n in z.namelist()}))";
  return JSON.parse(execFileSync(process.env.LENTIL_PYTHON ?? "python3", ["-c", script, file], { encoding: "utf8" }));
}

/** Fills the app and three of its components. */
async function filled(t) {
  const server = await Server.start(t);
  const project = await pushed(t, server);
  await cli(project, server, ["run", "lib:add", '{"text":"of the app"}']);
  for (const component of ["notes", "drafts", "notes/inner"]) {
    await cli(project, server, ["run", "--component", component, "lib:add", `{"text":"of ${component}"}`]);
  }
  return { server, project };
}

test("the stock CLI's --component", async (t) => {
  const { server, project } = await filled(t);

  await t.test("data shows the tables of one component", async () => {
    assert.equal((await cli(project, server, ["data", "--component", "notes/inner"])).stdout.trim(), "counts");
    const shown = await cli(project, server, ["data", "notes", "--component", "drafts", "--format", "jsonLines"]);
    assert.match(shown.stdout, /of drafts/);
    assert.doesNotMatch(shown.stdout, /of notes|of the app/);
    const nowhere = await project.convex(server, ["data", "notes", "--component", "none"]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /no component at "none": this app has "drafts", "drafts\/inner", "notes", "notes\/inner"/);
  });

  await t.test("function-spec and the missing function's list are of the component", async () => {
    const missing = await project.convex(server, ["run", "--component", "notes/inner", "lib:none"]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /lib:add/);
  });

  await t.test("import writes into one component, against its schema", async () => {
    project.write({ "rows.jsonl": '{"text":"imported"}\n', "wrong.jsonl": '{"text":5}\n' });
    const args = ["import", "--table", "notes", "--component", "drafts", "-y"];
    await cli(project, server, [...args, "--append", "rows.jsonl"]);
    assert.deepEqual(await list(project, server, "drafts"), ["of drafts", "imported"]);
    await cli(project, server, [...args, "--replace", "rows.jsonl"]);
    assert.deepEqual(await list(project, server, "drafts"), ["imported"]);
    const wrong = await project.convex(server, [...args, "--append", "wrong.jsonl"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /SchemaEnforcementError/);
    const nowhere = await project.convex(server, ["import", "--table", "notes", "--component", "none", "-y", "rows.jsonl"]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /ComponentNotFound/);
    assert.deepEqual(await list(project, server), ["of the app"]);
    assert.deepEqual(await list(project, server, "notes"), ["of notes"]);
  });
});

test("a snapshot holds every component, and puts each back", async (t) => {
  const { server, project } = await filled(t);
  await cli(project, server, ["export", "--path", "one.zip", "--include-file-storage"]);
  const first = unpack(path.join(project.folder, "one.zip"));
  assert.match(first["_components/notes/_components/inner/counts/documents.jsonl"], /of notes\/inner/);
  assert.match(first["_components/drafts/notes/documents.jsonl"], /of drafts/);
  assert.match(first["notes/documents.jsonl"], /of the app/);

  const target = await Server.start(t);
  const other = await pushed(t, target);
  await cli(other, target, ["run", "--component", "drafts/inner", "lib:add", '{"text":"goes"}']);
  fs.copyFileSync(path.join(project.folder, "one.zip"), path.join(other.folder, "one.zip"));
  await cli(other, target, ["import", "--replace-all", "-y", "one.zip"]);
  for (const component of ["notes", "drafts", "notes/inner"]) {
    assert.deepEqual(await list(other, target, component), [`of ${component}`]);
  }
  assert.deepEqual(await list(other, target, "drafts/inner"), []);
  await cli(other, target, ["export", "--path", "two.zip", "--include-file-storage"]);
  assert.deepEqual(unpack(path.join(other.folder, "two.zip")), first);

  const fewer = await Server.start(t);
  const less = await pushed(t, fewer, ["notes"]);
  fs.copyFileSync(path.join(project.folder, "one.zip"), path.join(less.folder, "one.zip"));
  const refused = await less.convex(fewer, ["import", "--replace-all", "-y", "one.zip"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ComponentNotFound: there is no component "drafts"/);
  assert.deepEqual(await list(less, fewer), []);
});

test("Lentil's own commands, backups and streaming export reach components", async (t) => {
  const { server, project } = await filled(t);
  const listed = await own(server, ["run", "--component", "notes", "lib:list"]);
  assert.deepEqual(JSON.parse(listed.stdout), ["of notes"], listed.stderr);
  assert.equal((await own(server, ["data", "--component", "notes/inner"])).stdout, "counts\n");
  assert.equal(JSON.parse((await own(server, ["data", "notes", "--component", "drafts"])).stdout).text, "of drafts");
  const zip = path.join(project.folder, "notes.zip");
  const exported = await own(server, ["export", zip, "--component", "notes"]);
  assert.equal(exported.code, 0, exported.stderr);
  const entries = unpack(zip);
  assert.match(entries["notes/documents.jsonl"], /of notes/);
  assert.match(entries["_components/inner/counts/documents.jsonl"], /of notes\/inner/);
  const imported = await own(server, ["import", zip, "--component", "drafts", "--replace-all", "-y"]);
  assert.equal(imported.code, 0, imported.stderr);
  assert.deepEqual(await list(project, server, "drafts"), ["of notes"]);
  assert.deepEqual(await list(project, server, "drafts/inner"), ["of notes/inner"]);

  const admin = { authorization: `Convex ${server.key}` };
  const page = await (await fetch(`${server.url}/api/list_snapshot?component=notes/inner`, { headers: admin })).json();
  assert.deepEqual(page.values.map((row) => [row._component, row._table, row.text]), [["notes/inner", "counts", "of notes/inner"]]);

  const file = path.join(temporaryFolder(t), "all.lentil");
  const backup = await own(server, ["backup", file]);
  assert.equal(backup.code, 0, backup.stderr);
  const data = path.join(temporaryFolder(t), "data");
  const restored = await run(lentil, ["restore", file, "--data", data]);
  assert.equal(restored.code, 0, restored.stderr);
  const again = await Server.start(t, { data });
  assert.deepEqual(await list(project, again, "notes"), ["of notes"]);
  assert.deepEqual(await list(project, again, "notes/inner"), ["of notes/inner"]);
});

test("dashboards see functions, schemas and indexes of components; what is unmounted can be deleted", async (t) => {
  const { server, project } = await filled(t);
  const admin = { authorization: `Convex ${server.key}` };
  const ask = async (name, args) => {
    const body = { path: `_system/frontend/${name}`, format: "json", args: [args] };
    const { json } = await server.post("/api/query", body, admin);
    assert.equal(json.status, "success", json.errorMessage);
    return json.value;
  };
  const components = await ask("components:list", {});
  assert.deepEqual(components.map(({ path }) => path), ["", "drafts", "drafts/inner", "notes", "notes/inner"]);
  const id = (of) => components.find(({ path }) => path === of).id;

  const modules = new Map(await ask("modules:listForAllComponents", {}));
  assert.equal(modules.size, 5);
  assert.ok(modules.has(null));
  assert.deepEqual(new Map(modules.get(id("notes"))).get("lib.js").functions.map(({ name }) => name).sort(), ["add", "list"]);
  const componentId = id("notes/inner");
  assert.match((await ask("getSchemas", { componentId })).active, /counts/);
  assert.doesNotMatch((await ask("getSchemas", {})).active, /counts/);
  const validator = await ask("modules:argsValidator", { function: "lib:add", componentId });
  assert.match(validator, /text/);
  const indexes = await ask("indexes", { tableName: "counts", tableNamespace: componentId });
  assert.deepEqual(indexes.map(({ name, backfill }) => [name, backfill.state]), [["by_text", "done"]]);
  const wrong = { path: "_system/frontend/addDocument", format: "json", args: [{ table: "counts", documents: [{ text: 5 }], componentId }] };
  assert.match((await server.post("/api/mutation", wrong, admin)).json.errorMessage, /does not match the schema/);

  const remove = (componentId) => server.post("/api/delete_component", { componentId }, admin);
  assert.equal((await remove(id("drafts"))).status, 400, "it is mounted");
  project.write(app(["notes"]));
  await cli(project, server, ["dev", "--once", "--typecheck", "disable"]);
  const states = Object.fromEntries((await ask("components:list", {})).map(({ path, state }) => [path, state]));
  assert.deepEqual(states, { "": "active", drafts: "unmounted", "drafts/inner": "unmounted", notes: "active", "notes/inner": "active" });
  assert.equal((await ask("tableSize", { tableName: "notes", componentId: id("drafts") })), 1, "its data is kept");
  const removed = await remove(id("drafts"));
  assert.equal(removed.status, 200, removed.text);
  assert.deepEqual((await ask("components:list", {})).map(({ path }) => path), ["", "notes", "notes/inner"]);
  project.write(app(["notes", "drafts"]));
  await cli(project, server, ["dev", "--once", "--typecheck", "disable"]);
  assert.deepEqual(await list(project, server, "drafts"), []);
});
