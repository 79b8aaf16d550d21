// Bundles `ten.ts` and `heavy.ts` with the npm package, as the CLI does: as modules with shared
// chunks in `_deps`, and once more as one script that sets `app`. Says {modules, script}.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build } from "esbuild";

const NAMES = ["ten", "heavy"];
if (!existsSync("convex/_generated")) {
  mkdirSync("convex/_generated");
  const text = 'export { queryGeneric as query, mutationGeneric as mutation } from "convex/server";\n';
  writeFileSync("convex/_generated/server.js", text);
}
const outdir = join(process.cwd(), "out");
const common = { bundle: true, platform: "browser", outdir, write: false, logLevel: "error" };
const split = await build({
  ...common,
  entryPoints: NAMES.map((name) => `convex/${name}.ts`),
  format: "esm",
  splitting: true,
  sourcemap: "external",
  chunkNames: "_deps/[hash]",
});
const texts = new Map(split.outputFiles.map(({ path, text }) => [relative(outdir, path), text]));
const modules = [...texts.keys()]
  .filter((path) => path.endsWith(".js"))
  .map((path) => ({ path, source: texts.get(path), sourceMap: texts.get(`${path}.map`) }));
const whole = await build({
  ...common,
  stdin: { contents: NAMES.map((name) => `export * as ${name} from "./convex/${name}.ts";`).join("\n"), resolveDir: "." },
  format: "iife",
  globalName: "app",
});
console.log(JSON.stringify({ modules, script: whole.outputFiles[0].text }));
