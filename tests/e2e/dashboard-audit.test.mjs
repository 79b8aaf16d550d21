// Every page of the dashboard under axe, in both themes: nothing serious stands in the way of who
// sees little, cannot use a mouse, or hears the page (dashboard C7, 40).

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { logIn, newPage, sampleServer, startBrowser } from "./dashboard.mjs";
import { PAGES, fill } from "./dashboard-pages.mjs";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SERIOUS = new Set(["serious", "critical"]);

/** What axe finds: a line for each rule that is broken, with the first place and how many there are. */
async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => SERIOUS.has(impact))
    .map(({ id, nodes: [first, ...others] }) => `${id}: ${first.target.join(" ")}: ${first.failureSummary.split("\n").at(-1).trim()} (${others.length + 1})`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`s40 nothing serious is found on any page, ${colorScheme}`, async (t) => {
    const [server, browser] = [await sampleServer(t), await startBrowser(t)];
    await fill(t, server);
    const page = await newPage(browser, { colorScheme, reducedMotion: "reduce" });
    await page.goto(`${server.console}/`);
    await page.waitForSelector("[data-testid=login]");
    const found = (await findings(page)).map((text) => `login: ${text}`);
    await logIn(page, server.key);
    await page.waitForSelector("[data-testid=overview]");
    for (const [name, { route, ready, act, before }] of Object.entries(PAGES)) {
      if (before) await before(server);
      await page.goto(server.console + route);
      await page.waitForSelector(ready);
      if (act) await act(page, server);
      found.push(...(await findings(page)).map((text) => `${name}: ${text}`));
    }
    assert.deepEqual(found, []);
  });
}
