// Runs the stock Convex CLI against the self-hosted server, after a look at what usually is missing.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { environment, fail, folder } from "./environment.mjs";

/** How long the server may take to say that it is there, in milliseconds. */
const ANSWER_LIMIT_MS = 5_000;

async function main() {
  const values = environment();
  const url = values.CONVEX_SELF_HOSTED_URL;
  if (!url) {
    fail("CONVEX_SELF_HOSTED_URL is not set. Run `npm run gen-admin-key`: it makes .env.");
  }
  if (!URL.canParse(url)) {
    fail(`CONVEX_SELF_HOSTED_URL is ${JSON.stringify(url)}, which is no URL. Correct it in .env.`);
  }
  if (!values.CONVEX_SELF_HOSTED_ADMIN_KEY) {
    fail("The admin key is not set. Run `npm run gen-admin-key`: it writes it into .env.");
  }
  await refuseSilence(url);

  const cli = path.join(folder, "node_modules/convex/bin/main.js");
  if (!fs.existsSync(cli)) fail("The packages are not installed. Run `npm install`.");
  const child = spawn(process.execPath, [cli, ...process.argv.slice(2)], {
    cwd: folder,
    stdio: "inherit",
  });
  // Ctrl-C reaches the CLI too; this waits for it to end instead of leaving it behind.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 0 : 1)));
}

async function refuseSilence(url) {
  let answer;
  try {
    answer = await fetch(new URL("/version", url), { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  } catch (error) {
    const reason = error.cause?.code ?? error.message;
    fail(`Nothing answers at ${url} (${reason}). Start the server with \`python3 deploy.py up\`.`);
  }
  if (!answer.ok) {
    fail(`${url} answers ${answer.status} to GET /version. Is another program on this port?`);
  }
}

await main();
