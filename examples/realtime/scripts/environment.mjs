// What the scripts share: reading and writing .env, and ending with a clear message.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this example. */
export const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Says what is wrong and what to do, and ends. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}

function parse(file) {
  let text;
  try {
    text = fs.readFileSync(path.join(folder, file), "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return {};
    return fail(`Cannot read ${file}: ${error.message}`);
  }
  const values = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const quoted = /^(['"])(.*?)\1/.exec(match[2]);
    values[match[1]] = quoted ? quoted[2] : match[2].replace(/(^|\s+)#.*$/, "");
  }
  return values;
}

/** The variables as the CLI sees them: the shell's win over .env.local, and those over .env. */
export function environment() {
  return { ...parse(".env"), ...parse(".env.local"), ...process.env };
}

/** Sets one variable in .env, keeps every other line, and makes the file from .env.example first. */
export function setVariable(name, value) {
  const file = path.join(folder, ".env");
  const example = path.join(folder, ".env.example");
  const text = fs.readFileSync(fs.existsSync(file) ? file : example, "utf8");
  const line = `${name}='${value}'`;
  const place = new RegExp(`^[ \\t]*(export[ \\t]+)?${name}[ \\t]*=.*$`, "m");
  // A function, because a plain replacement would give `$` in the value a meaning.
  const next = place.test(text) ? text.replace(place, () => line) : `${text.trimEnd()}\n${line}\n`;
  fs.writeFileSync(file, next, { mode: 0o600 });
  fs.chmodSync(file, 0o600);
}
