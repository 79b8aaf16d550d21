// What axe finds on a page that is open in a browser.

import fs from "node:fs";
import { createRequire } from "node:module";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SERIOUS = new Set(["serious", "critical"]);

/** A line for each serious rule that is broken, with the first place and how many there are. */
export async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => SERIOUS.has(impact))
    .map(({ id, nodes: [first, ...others] }) => `${id}: ${first.target.join(" ")}: ${first.failureSummary.split("\n").at(-1).trim()} (${others.length + 1})`);
}
