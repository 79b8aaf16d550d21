// The W6 bound: the handler of `ten:watch`, warm, in this process alone, over a host that answers
// with constants. Arguments: milliseconds of warm-up and of measuring. Says {operations, ms, cpuUs}.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [warmUpMs, measureMs] = process.argv.slice(2).map(Number);
const ROWS = 10;
const row = JSON.stringify({
  value: { _creationTime: 1700000000000.25, _id: "j57d3nn3mnxmhm6h1s7m9drzt17x0t2a", body: "x".repeat(100), n: 1.0 },
  done: false,
});
let given = 0;
globalThis.Convex = {
  syscall: (op) => (op === "1.0/queryStream" ? ((given = 0), '{"queryId":0}') : "null"),
  asyncSyscall: async () => (given++ < ROWS ? row : '{"value":null,"done":true}'),
};

const folder = mkdtempSync(join(tmpdir(), "lentil-bench-"));
const outfile = join(folder, "ten.mjs");
await build({ entryPoints: ["convex/ten.ts"], bundle: true, format: "esm", platform: "browser", outfile, logLevel: "error" });
const { watch } = await import(pathToFileURL(outfile));
rmSync(folder, { recursive: true });

async function run(ms) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let operations = 0;
  while (performance.now() - start < ms) {
    for (let i = 0; i < 100; i++) await watch.invokeQuery(`[{"tag":${operations++}}]`);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { operations, ms: performance.now() - start, cpuUs: user + system };
}
await run(warmUpMs);
console.log(JSON.stringify(await run(measureMs)));
