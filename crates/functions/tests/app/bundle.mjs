// Bundles convex/ as the CLI does and writes app.json, the request body of a push.
// Run after a change in convex/: node bundle.mjs <a folder with convex and esbuild in node_modules>

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const tools = path.resolve(process.argv[2] ?? ".", "node_modules");
const { build } = createRequire(path.join(tools, "x.js"))("esbuild");

async function bundle(names, splitting = true) {
  const { outputFiles } = await build({
    entryPoints: names.map((name) => path.join(here, "convex", name)),
    nodePaths: [tools], outdir: path.join(here, "out"), write: false, bundle: true, format: "esm", target: "esnext",
    platform: "browser", conditions: ["convex", "module"], splitting, chunkNames: "_deps/[hash]",
    treeShaking: true, minifySyntax: true, minifyIdentifiers: true, keepNames: true,
    define: { "process.env.NODE_ENV": '"production"' }, sourcemap: "external", sourcesContent: false,
    absWorkingDir: here,
  });
  const text = new Map(outputFiles.map((file) => [path.relative(path.join(here, "out"), file.path), file.text]));
  return [...text.keys()].filter((name) => name.endsWith(".js")).sort().map((name) => ({
    path: name, source: text.get(name), sourceMap: withPlainPaths(text.get(`${name}.map`)), environment: "isolate",
  }));
}

/** Sources as in an application that has its own node_modules, whoever runs this. */
function withPlainPaths(text) {
  const map = JSON.parse(text);
  map.sources = map.sources.map((source) => source.replace(/^.*\/node_modules\//, "../node_modules/"));
  return JSON.stringify(map);
}

const names = fs.readdirSync(path.join(here, "convex")).sort();
const functions = names.filter((name) => !["schema.ts", "convex.config.ts"].includes(name));
const app = {
  dryRun: false,
  functions: "convex/",
  appDefinition: {
    definition: (await bundle(["convex.config.ts"], false))[0],
    dependencies: [],
    schema: (await bundle(["schema.ts"]))[0],
    changedModules: await bundle(functions),
    unchangedModuleHashes: [],
    udfServerVersion: "1.48.0",
  },
  componentDefinitions: [],
  nodeDependencies: [],
};
fs.writeFileSync(path.join(here, "app.json"), JSON.stringify(app));
