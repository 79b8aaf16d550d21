// Runs the stock Convex CLI with the arguments given.

import { runTogether } from "./run.mjs";
import { CLI, requireServer } from "./server.mjs";

await requireServer();
runTogether([[CLI, ...process.argv.slice(2)]]);
