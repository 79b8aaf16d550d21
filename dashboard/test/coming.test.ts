import { expect, test } from "vitest";
import { AHEAD, barsOf, edgesOf, startOf } from "../src/lib/coming";

test("an hour is looked at by minutes and a day by hours, from the span that it is now", () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const [hour, day] = AHEAD;
  expect(startOf(now, hour!)).toBe(Date.UTC(2026, 0, 2, 3, 4));
  expect(startOf(now, day!)).toBe(Date.UTC(2026, 0, 2, 3));
  const edges = edgesOf(startOf(now, hour!), hour!);
  expect(edges.length).toBe(61);
  expect(edges.at(-1)).toBe(Date.UTC(2026, 0, 2, 4, 4));
  expect(edgesOf(startOf(now, day!), day!).at(-1)).toBe(Date.UTC(2026, 0, 3, 3));
});

test("each span has a bar, with both kinds of runs", () => {
  const bars = barsOf([0, 1, 2], { overdue: 7, scheduled: [1, 0], crons: [2, 5] });
  expect(bars).toEqual([
    { at: 0, scheduled: 1, crons: 2, total: 3 },
    { at: 1, scheduled: 0, crons: 5, total: 5 },
  ]);
});
