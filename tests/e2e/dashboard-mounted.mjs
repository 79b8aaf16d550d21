// An app that mounts a component of its own folder, `notes`, with the same schema and functions: whoever
// mixes them up shows or runs one for the other.

import assert from "node:assert/strict";

import { until } from "./harness.mjs";

/** The files of such an app; `module` names its functions. */
export const mounted = (schema, module, functions) => ({
  "convex/convex.config.ts": `
import { defineApp } from "convex/server";
import notes from "./notes/convex.config";
const app = defineApp();
app.use(notes, { name: "notes" });
export default app;
`,
  "convex/schema.ts": schema,
  [`convex/${module}.ts`]: functions,
  "convex/notes/convex.config.ts": `
import { defineComponent } from "convex/server";
export default defineComponent("notes");
`,
  "convex/notes/schema.ts": schema,
  [`convex/notes/${module}.ts`]: functions,
});

/** Runs a function of the app, or of its component. */
export async function callIn(server, component, path, args = {}) {
  const body = { path, args, format: "json", ...(component ? { componentPath: component } : {}) };
  const { json } = await server.post("/api/function", body, { authorization: `Convex ${server.key}` });
  assert.equal(json?.status, "success", `${path}: ${JSON.stringify(json)}`);
  return json.value;
}

/** Chooses what the page is about; gives the component's id. */
export async function choose(page, label = "notes") {
  await page.selectOption("[data-testid=component-picker]", { label });
  if (label === "app") return null;
  const id = await until(() => new URL(page.url()).searchParams.get("component"), { what: "the component in the address" });
  // The address changes before the page does.
  await page.waitForSelector(`[data-testid=component-picker][data-shown="${id}"]`);
  return id;
}
