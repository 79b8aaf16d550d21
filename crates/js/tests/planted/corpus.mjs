// The escapes of tests/e2e/hostile for one realm: `list` prints them, `judge` reads how each call
// ended and prints what is wrong.

import { readFileSync } from "node:fs";

import { objection } from "../../../../tests/e2e/hostile/corpus.mjs";
import { code, constructors, errors, machine } from "../../../../tests/e2e/hostile/escapes.mjs";

const rows = [...constructors, ...errors, ...machine, ...code].filter(([, body]) => !body.includes("ctx.db"));

if (process.argv[2] === "list") {
  console.log(JSON.stringify(rows.map(([, body]) => body)));
} else {
  const answers = JSON.parse(readFileSync(0, "utf8"));
  const wrong = rows.flatMap(([title, , outcome], i) => {
    const said = objection(outcome, answers[i]);
    return said ? [`${title}: ${said}, but it is ${JSON.stringify(answers[i]).slice(0, 200)}`] : [];
  });
  console.log(JSON.stringify(wrong));
}
