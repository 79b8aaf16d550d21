// Looks at what usually is missing before the CLI is run, so that the message says what to do.

import fs from "node:fs";
import path from "node:path";
import { environment, fail, folder } from "./environment.mjs";

/** How long the server may take to say that it is there, in milliseconds. */
const ANSWER_LIMIT_MS = 5_000;

/** The stock CLI and the Vite of this folder, as files that Node runs. */
export const CLI = path.join(folder, "node_modules/convex/bin/main.js");
export const VITE = path.join(folder, "node_modules/vite/bin/vite.js");

/** Returns if packages, settings and server are there; ends with a message if not. */
export async function requireServer() {
  if (!fs.existsSync(CLI)) fail("The packages are not installed. Run `npm install`.");
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
