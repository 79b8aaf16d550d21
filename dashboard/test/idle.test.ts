// When the dashboard locks.

import { expect, test } from "vitest";
import { Idle } from "../src/lib/idle";

test("input keeps it open, and comes too late once the time is over", () => {
  const idle = new Idle(60_000, 0);
  expect(idle.leftMs(40_000)).toBe(20_000);
  expect(idle.touched(59_999)).toBe(true);
  expect(idle.leftMs(60_000)).toBe(59_999);
  // A machine that slept: the first touch after that is not input any more.
  expect(idle.touched(119_999)).toBe(false);
  expect(idle.leftMs(119_999)).toBe(0);
  expect(idle.touched(500_000)).toBe(false);
});

test("a clock that is set back does not make the time longer", () => {
  const idle = new Idle(60_000, 100_000);
  expect(idle.leftMs(40_000)).toBe(60_000);
  expect(idle.leftMs(100_000)).toBe(0);
});
