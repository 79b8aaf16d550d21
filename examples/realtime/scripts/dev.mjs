// `npm run dev`: pushes the functions whenever they change, and serves the pages.

import { runTogether } from "./run.mjs";
import { CLI, VITE, requireServer } from "./server.mjs";

await requireServer();
// Until the first push is through, the pages say that the functions are not there yet.
runTogether([
  [CLI, "dev"],
  [VITE, ...process.argv.slice(2)],
]);
