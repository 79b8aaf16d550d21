// Prints an admin key on stdout, one line, and keeps it in .env. With --docker the container makes it.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { environment, fail, folder, setVariable } from "./environment.mjs";

const USAGE = `Usage: npm run gen-admin-key [-- --docker] [-- --data FOLDER]

Makes an admin key, prints it, and writes it to .env as CONVEX_SELF_HOSTED_ADMIN_KEY.

  --docker       ask the container that \`python3 deploy.py --docker up\` has started
  --data FOLDER  the server's data folder (default .lentil/data, where deploy.py keeps it)`;

function main(args) {
  let docker = false;
  let data = path.join(folder, ".lentil/data");
  for (let index = 0; index < args.length; index++) {
    if (args[index] === "--docker") docker = true;
    else if (args[index] === "--data" && args[index + 1]) data = path.resolve(args[++index]);
    else if (args[index] === "--help" || args[index] === "-h") return console.log(USAGE);
    else fail(`There is no option ${args[index]}.\n\n${USAGE}`);
  }
  const key = docker
    ? output("docker", ["compose", "exec", "-T", "backend", "./generate_admin_key.sh"])
    : output(lentil(), ["keys", "--data", data]);
  setVariable("CONVEX_SELF_HOSTED_ADMIN_KEY", key);
  console.log(key);
  console.error("Written to .env.");
}

/** The last line that a program prints; what it says on stderr is passed on. */
function output(program, args) {
  const result = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (result.error) fail(`Cannot run ${program}: ${result.error.message}`);
  const line = result.stdout.trim().split("\n").at(-1)?.trim();
  if (result.status !== 0 || !line) {
    return fail(`${[program, ...args].join(" ")} gave no key (exit code ${result.status}).`);
  }
  if (!/^[\w.-]+\|[0-9a-f]+$/i.test(line)) fail(`This does not look like an admin key: ${line}`);
  return line;
}

/** The binary that deploy.py would start too. */
function lentil() {
  const { LENTIL_BIN: given, PATH: search = "" } = environment();
  if (given) {
    return fs.existsSync(given) ? path.resolve(given) : fail(`LENTIL_BIN is ${given}, which does not exist.`);
  }
  const candidates = [
    path.resolve(folder, "../../target/release/lentil"),
    path.resolve(folder, "../../target/debug/lentil"),
    ...search.split(path.delimiter).map((one) => path.join(one, "lentil")),
  ];
  const found = candidates.find((one) => fs.existsSync(one) && fs.statSync(one).isFile());
  return (
    found ??
    fail("There is no lentil binary. Build it (`cargo build --release` at the top of the repository) or set LENTIL_BIN.")
  );
}

main(process.argv.slice(2));
