// Every page of the dashboard under axe, in both themes: nothing serious stands in the way of who
// sees little, cannot use a mouse, or hears the page (dashboard C7, 40).

import assert from "node:assert/strict";
import { test } from "node:test";

import { findings } from "./axe.mjs";
import { logIn, newPage, sampleServer, startBrowser } from "./dashboard.mjs";
import { PAGES, fill } from "./dashboard-pages.mjs";

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
